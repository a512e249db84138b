import math
import subprocess
import sys
import time
from typing import Any

import numpy as np
import pytest
import torch
from ray import tune

from nas_ray.errors import ConfigError
from nas_ray.spaces import CustomSpace
from nas_ray.strategies.controller import Controller
from nas_ray.strategies.decisions import Decisions
from nas_ray.strategies.policy import Policy
from nas_ray.strategies.records import Observation
from nas_ray.strategies.rewards import Advantages
from nas_ray.testing.awkward import NAMES, MergedSpace, awkward_space
from nas_ray.testing.driving import EPOCHS, METRIC, drive


def policy(sizes: tuple[int, ...] = (3, 4, 2), *, entropy_weight: float = 0.0, seed: int = 0) -> Policy:
    return Policy(sizes, hidden_size=16, learning_rate=0.01, entropy_weight=entropy_weight, seed=seed)


def chance(one: Policy, choices: list[int]) -> float:
    log_p = one.log_probabilities(choices).detach()
    return math.exp(sum(float(log_p[key, choice]) for key, choice in enumerate(choices)))


def observed(number: int, score: float | None, fidelity: float = 9, **more: Any) -> Observation:
    outcome = more.pop("outcome", "finished" if score is not None else "failed")
    return Observation(number, {}, outcome, score=score, fidelity=fidelity, **more)


def advantage(of: Advantages, observation: Observation) -> float:
    found = of.of(observation, observation)
    assert found is not None
    return found


def test_what_is_rewarded_gets_likelier_and_what_is_punished_less_likely() -> None:
    one, choices = policy(), [2, 1, 0]
    before = chance(one, choices)
    one.update(choices, [True] * 3, 1.0)
    risen = chance(one, choices)
    one.update(choices, [True] * 3, -3.0)
    one.update(choices, [True] * 3, -3.0)
    assert before < risen
    assert chance(one, choices) < risen


def test_probabilities_start_near_uniform_and_sum_to_one_over_a_keys_own_options() -> None:
    log_p = policy().log_probabilities([0, 0, 0]).exp().detach()
    assert torch.allclose(log_p.sum(1), torch.ones(3))
    assert (log_p[2, 2:] == 0).all()
    assert log_p[1].tolist() == pytest.approx([0.25] * 4, abs=0.05)


def test_the_entropy_bonus_draws_back_to_uniform() -> None:
    one = policy(entropy_weight=0.5)
    for _ in range(20):
        one.update([2, 1, 0], [True] * 3, 3.0)
    certain = chance(one, [2, 1, 0])
    for _ in range(100):  # Adam's momentum carries on for a while
        one.update([2, 1, 0], [True] * 3, 0.0)
    assert chance(one, [2, 1, 0]) < certain


def test_samples_follow_the_probabilities_of_the_network() -> None:
    one = policy()
    for _ in range(15):
        one.update([2, 1, 0], [True] * 3, 1.0)
    drawn = np.asarray([one.sample(np.random.default_rng([7, number])) for number in range(3000)])
    expected = one.log_probabilities([2, 1, 0]).exp().detach().numpy()
    first = np.bincount(drawn[:, 0], minlength=3) / 3000
    # Six standard deviations of a share of 3,000 draws are 6 * 0.5 / sqrt(3000) = 0.055.
    assert np.abs(first - expected[0][:3]).max() < 0.055
    follows = drawn[(drawn[:, 0] == 2) & (drawn[:, 1] == 1)]
    second = np.bincount(follows[:, 2], minlength=2) / len(follows)
    assert np.abs(second - expected[2][:2]).max() < 6 * 0.5 / math.sqrt(len(follows))


def test_inactive_keys_do_not_count() -> None:
    one = policy()
    before = one.log_probabilities([2, 1, 0]).detach()[2]
    one.update([2, 1, 0], [True, True, False], 1.0)
    gradient = one.head.weight.grad
    assert gradient is not None
    assert (gradient[-2:] == 0).all()  # the third key's options
    assert (gradient[:7] != 0).any()
    assert before.shape == (4,)
    one.update([2, 1, 0], [False] * 3, 1.0)


def test_weights_follow_from_seed_and_history() -> None:
    space = awkward_space("merged")
    one, other = (Controller(space, METRIC, "max", 3, max_fidelity=EPOCHS) for _ in range(2))
    drive(one, 40, workers=3)
    other.replay(one._events)
    assert one.policy is not None
    assert other.policy is not None
    for mine, theirs in zip(one.policy.parameters(), other.policy.parameters(), strict=True):
        assert torch.equal(mine, theirs)
    assert (one.advantages.baseline, one.advantages.spread) == (
        other.advantages.baseline,
        other.advantages.spread,
    )
    fresh, different = (Controller(space, METRIC, "max", seed).policy for seed in (3, 4))
    assert fresh is not None
    assert different is not None
    assert not torch.equal(different.head.weight, fresh.head.weight)
    assert not torch.equal(one.policy.head.weight, fresh.head.weight)


def test_the_baseline_is_a_moving_average_of_the_rewards() -> None:
    # The worked trace of Advantages.
    rewards = Advantages(0.9)
    assert advantage(rewards, observed(0, 0.80)) == pytest.approx(0.0)
    assert (rewards.baseline, rewards.spread) == pytest.approx((0.5, 0.225))
    assert advantage(rewards, observed(1, 0.90)) == pytest.approx(0.5 / 0.225)
    assert (rewards.baseline, rewards.spread) == pytest.approx((0.55, 0.2525))
    assert advantage(rewards, observed(2, 0.95, 1, outcome="stopped")) == pytest.approx(-0.55 / 0.2525)
    assert rewards.baseline == pytest.approx(0.495)


def test_a_partial_result_is_compared_at_its_own_fidelity() -> None:
    rewards = Advantages(0.95)
    for number, score in enumerate((0.3, 0.4, 0.5)):
        rewards.of(observed(number, score, 1, outcome="stopped"), observed(number, score, 1))
    rewards.of(observed(3, 0.6, 9), observed(3, 0.6, 9))
    among_stopped = advantage(rewards, observed(4, 0.45, 1, outcome="stopped"))
    better_stopped = advantage(rewards, observed(5, 0.99, 1, outcome="stopped"))
    finished = advantage(rewards, observed(6, 0.61, 9))
    assert among_stopped < better_stopped < finished


def test_failures_are_the_worst_and_lost_or_running_trials_teach_nothing() -> None:
    rewards = Advantages(0.95)
    rewards.of(observed(0, 0.1), observed(0, 0.1))
    assert advantage(rewards, observed(1, None)) < 0
    assert advantage(rewards, observed(2, None, outcome="infeasible")) < 0
    baseline = rewards.baseline
    assert rewards.of(observed(3, None, outcome="cached"), None) is None
    lost = observed(4, None, outcome="interrupted", reason="lost")
    assert rewards.of(lost, lost) is None
    assert rewards.baseline == baseline


def test_the_scale_of_the_metric_does_not_matter() -> None:
    scores = np.random.default_rng(0).random(50)
    plain, scaled = Advantages(0.9), Advantages(0.9)
    for number, score in enumerate(scores):
        first = advantage(plain, observed(number, float(score)))
        assert first == advantage(scaled, observed(number, float(score) * 1e6 - 5))


def test_a_known_network_is_rewarded_again() -> None:
    space = CustomSpace({"op": tune.choice(["a", "b", "c"])})
    one = Controller(space, METRIC, "max", 0)
    told = []
    of = one.advantages.of
    one.advantages.of = lambda *both: told.append(of(*both)) or told[-1]  # type: ignore[method-assign]
    assert len(drive(one, 4)) == 3
    proposals = one.memory.proposals
    assert any(proposal.outcome == "cached" for proposal in proposals)
    assert len(told) >= sum(proposal.outcome == "cached" for proposal in proposals)
    assert None not in told


@pytest.mark.parametrize("name", NAMES)
def test_decisions_are_few_and_lead_back_to_the_configuration(name: str) -> None:
    space = awkward_space(name)
    decisions = Decisions(space.domains)
    for key, size in zip(decisions.keys, decisions.sizes, strict=True):
        assert 1 <= size <= 30 if name == "merged" else 1 <= size <= 60, key
    rng = np.random.default_rng(0)
    for _ in range(10):
        config = space.sample(rng)
        choices = decisions.choices(config)
        assert all(choice < size for choice, size in zip(choices, decisions.sizes, strict=True))
        again = decisions.config(choices, rng)
        assert space.check(again) == again
        assert decisions.choices(again) == choices


def test_bins_hold_equal_shares_of_the_domain() -> None:
    decisions = Decisions({"lr": tune.loguniform(1e-5, 1e-1)})
    assert decisions.sizes == [16]
    rng = np.random.default_rng(1)
    drawn = [decisions.choices({"lr": 10 ** rng.uniform(-5, -1)})[0] for _ in range(3200)]
    assert min(np.bincount(drawn, minlength=16)) > 100
    assert decisions.choices({"lr": 1e-5}) == [0]
    assert decisions.choices({"lr": 1e-1}) == [15]


def test_three_hundred_proposals_and_updates_take_three_seconds() -> None:
    one = Controller(
        CustomSpace({f"op{edge}": tune.choice(list("abcde")) for edge in range(6)}), METRIC, seed=0
    )
    assert one.policy is not None
    begun = time.process_time()
    for number in range(300):
        candidate = one.propose(one.generator(number))
        one.policy.update([0, 1, 2, 3, 4, 0], [True] * 6, number % 3 - 1.0)
        assert candidate.config
    assert time.process_time() - begun <= 3.0


def test_torch_comes_with_the_search_and_not_with_the_module() -> None:
    code = "import sys, nas_ray.strategies.controller; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_conditional_keys_are_masked_in_the_strategy() -> None:
    one = Controller(MergedSpace(), METRIC, "max", 0)
    assert one.policy is not None
    masks = []
    update = one.policy.update
    one.policy.update = lambda choices, active, by: masks.append(active) or update(choices, active, by)  # type: ignore[method-assign]
    one.add_evaluated_point({"left": 1, "right": 1, "bridge": "conv"}, 0.5)
    one.add_evaluated_point({"left": 1, "right": 2, "bridge": "conv"}, 0.6)
    assert masks == [[True, True, False], [True, True, True]]


@pytest.mark.parametrize(
    "options",
    [{"learning_rate": 0.0}, {"entropy_weight": -1.0}, {"baseline_decay": 1.0}, {"hidden_size": 0}],
)
def test_impossible_options_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=next(iter(options))):
        Controller(**options)
