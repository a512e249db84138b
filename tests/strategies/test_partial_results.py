"""Where curves cross, strategies find the slow starters, whatever rule stops or pauses the trials.

A quarter of the networks start low and end high, the others start high and end low. Sixty random networks are
trained first, under the rule; three slow starters among them come first and in such an order that every rule
lets them live. Then the strategy proposes forty networks of its own. Tested: the share of slow starters
among these, over two seeds together (for Optuna's TPE eight: it learns slower, also where nothing is
stopped), is above the quarter that random proposals have (exact binomial test, one-sided, level 0.01). All
in the virtual cluster, with the real rules, on four workers.
"""

import heapq
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from optuna.trial import TrialState
from ray import tune
from scipy import stats

from nas_ray.engine.progress import Snapshot
from nas_ray.engine.recorder import Recorder
from nas_ray.ledger import LEDGER, Ledger, history, read
from nas_ray.simulation.budget import Budget
from nas_ray.simulation.events import Cluster
from nas_ray.spaces import Config, CustomSpace
from nas_ray.stopping import load_rule
from nas_ray.strategies import load_strategy
from nas_ray.strategies.memory import Memory
from nas_ray.strategies.records import Observation
from nas_ray.tasks import Objective
from nas_ray.testing.driving import quality, text

EPOCHS, RANDOM, OWN, LIVING = 9, 60, 40, 3
KINDS = ("slow", "fast", "faster", "quick")
OPS = [f"op{number}" for number in range(4)]
SPACE = CustomSpace(
    {"kind": tune.choice(list(KINDS)), **{op: tune.choice([0, 1, 2]) for op in OPS}},
    absent=dict.fromkeys(OPS, 0),
)
STRATEGIES: dict[str, dict[str, Any]] = {
    "evolution": {},
    "local-search": {},
    "nsga2": {},
    "neat": {},
    "mcts": {},
    "controller": {"learning_rate": 0.05, "entropy_weight": 0.1},
    "bayesian": {},
    "auto": {},
    "optuna": {},
}
RULES = ("asha", "learning-curve")
SEEDS = {"optuna": 8}
"""Searches of those that two do not tell from chance, with any rule or none."""


class Network:
    """A row of the table: the curve of one network."""

    facts: dict[str, float] = {}  # noqa: RUF012 - a table's, and empty

    def __init__(self, config: Config) -> None:
        self.config = config

    @property
    def reported(self):
        return self.value(EPOCHS)

    def value(self, epoch):
        slow, passed = self.config["kind"] == "slow", np.log(epoch) / np.log(EPOCHS)
        start, end = (0.4, 1.0) if slow else (0.6, 0.7)
        luck = 0.4 * (quality(self.config) - 0.5)
        better = 0.02 * sum(self.config[op] for op in OPS)
        return float(start + (end - start) * passed + better + luck * (1 - passed))

    def reports(self):
        return ((epoch, 1.0, {"score": self.value(epoch)}) for epoch in range(1, EPOCHS + 1))


class Crossing:
    """A table that is worked out."""

    name, max_epochs, missing, report = "crossing", EPOCHS, "infeasible", "score"
    objective = Objective("score", "max")
    space = SPACE

    def find(self, config: Config) -> Network:
        return Network(config)


def cluster(name: str, rule: str, seed: int, random: int = RANDOM) -> Cluster:
    rng = np.random.default_rng(seed)
    drawn = {SPACE.config_id(config): config for config in (SPACE.sample(rng) for _ in range(2 * random))}
    slow = sorted((c for c in drawn.values() if c["kind"] == "slow"), key=lambda c: Network(c).value(1))
    # Each is the best of those that have come to a rung when it comes there.
    ahead = slow[:: len(slow) // LIVING][:LIVING]
    first = [*ahead, *(config for config in drawn.values() if config not in ahead)][:random]
    known = {"metric": "score", "mode": "max"}
    strategy = load_strategy(
        name,
        space=SPACE,
        seed=seed,
        max_fidelity=EPOCHS,
        points_to_evaluate=first,
        **known,
        **STRATEGIES.get(name, {}),
    )
    return Cluster(Crossing(), strategy, load_rule(rule, **known), Budget(random + OWN), workers=4)  # type: ignore[arg-type]


def advance(run: Cluster, reports: int) -> None:
    """Let a run happen until so many reports were made."""
    run.fill()
    for _ in range(reports):
        run.clock, _, trial = heapq.heappop(run._queue)
        if run.report(trial):
            run.end(trial)
        run.fill()


def p_of_slow_starters(name: str, rule: str) -> float:
    slow = total = 0
    for seed in range(SEEDS.get(name, 2)):
        run = cluster(name, rule, seed)
        run.run()
        own = [each for each in run.strategy.memory.proposals if each.outcome == "running"][RANDOM:]
        slow += sum(each.config["kind"] == "slow" for each in own)
        total += len(own)
    p = float(stats.binomtest(slow, total, 1 / len(KINDS), alternative="greater").pvalue)
    print(f"\n{name}, {rule}: {slow} of {total}, p = {p:.1e}")
    return p


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("name", STRATEGIES)
def test_it_finds_the_slow_starters(name: str, rule: str) -> None:
    assert p_of_slow_starters(name, rule) < 0.01


@pytest.mark.parametrize("rule", RULES)
def test_random_search_does_not(rule: str) -> None:
    assert p_of_slow_starters("random", rule) > 0.01


@pytest.mark.parametrize("name", STRATEGIES)
def test_a_run_with_pauses_is_relived_from_its_ledger_and_from_its_state(name: str, tmp_path: Path) -> None:
    run = cluster(name, "learning-curve", 0, random=24)
    with Ledger(tmp_path / LEDGER) as ledger:
        snapshot = Snapshot(run.table.objective, None, EPOCHS, 4)
        run.listener = Recorder(ledger, run.strategy, rule=run.rule, attempt=1, snapshot=snapshot)
        advance(run, reports=120)
    live = run.strategy
    assert any(each.reason == "paused" for each in live.memory.results.values())
    live.save(str(tmp_path / "state.json"))
    resumed, restored = (cluster(name, "learning-curve", 0, random=24).strategy for _ in range(2))
    resumed.replay(history(read(tmp_path / LEDGER)))
    restored.restore(str(tmp_path / "state.json"))
    results = live.memory.results
    for strategy in (resumed, restored):
        assert strategy.memory.results == results
        assert strategy._curves == live._curves
        assert [strategy.rank(each) for each in results.values()] == [
            live.rank(each) for each in results.values()
        ]
    proposals = []
    for strategy in (live, resumed, restored):
        strategy.max_concurrent = strategy.recorder = None
        proposals.append([strategy.suggest(f"next-{number}") for number in range(3)])
    assert text(proposals[0]) == text(proposals[1]) == text(proposals[2])


def test_optunas_study_holds_intermediate_values_and_pruned_trials() -> None:
    run = cluster("optuna", "learning-curve", 0, random=12)
    advance(run, reports=100)
    strategy = run.strategy
    trials = strategy.study.trials  # type: ignore[attr-defined]
    assert len(trials) == len(strategy.memory)
    told = {"paused": 0, "finished": 0}
    for number, observation in strategy.memory.results.items():
        trial, values = trials[number], dict(observation.curve)
        assert trial.intermediate_values == values
        assert trial.state == (TrialState.COMPLETE if observation.complete else TrialState.PRUNED)
        told["finished" if observation.complete else observation.reason] += 1
    assert min(told.values()) > 0
    assert {trials[number].state for number in strategy.memory.running.keys() - strategy.memory.results} == {
        TrialState.RUNNING
    }


def seen(number: int, curve: list[float], epochs: list[int], *, complete: bool = False) -> Observation:
    told = tuple(zip(map(float, epochs), curve, strict=True))
    outcome = "finished" if complete else "stopped"
    return Observation(number, {}, outcome, "", curve[-1], float(epochs[-1]), complete, told)


def rank_of(memory: Memory, observation: Observation) -> tuple[float, float]:
    memory.results[observation.number] = observation
    memory.forecast.learn(observation)
    return memory.rank(observation)


def test_before_there_are_full_trainings_the_rung_decides() -> None:
    memory = Memory()
    far, early = seen(0, [0.1, 0.2], [1, 3]), seen(1, [0.9], [1])
    assert rank_of(memory, far) > rank_of(memory, early) == (1.0, 0.9)


def test_a_partial_result_is_worth_what_such_curves_came_to() -> None:
    """Final scores are 1 minus the first ones: the lower a curve starts, the more it is worth."""
    memory = Memory()
    for number, start in enumerate(np.linspace(0, 1, 12)):
        rank_of(memory, seen(number, [float(start), 1 - float(start)], [1, 9], complete=True))
    low, high = seen(20, [0.2], [1]), seen(21, [0.7], [1])
    full, worth = rank_of(memory, low)
    assert full == 9
    assert worth == pytest.approx(0.8, abs=0.1)
    assert rank_of(memory, high)[1] == pytest.approx(0.3, abs=0.1)
    assert memory.rank(low) > memory.rank(seen(5, [0.45, 0.55], [1, 9], complete=True))


def test_where_early_scores_tell_nothing_a_partial_result_is_worth_the_mean() -> None:
    memory, rng = Memory(), np.random.default_rng(0)
    finals = rng.random(200)
    for number, (start, final) in enumerate(zip(rng.random(200), finals, strict=True)):
        rank_of(memory, seen(number, [float(start), float(final)], [1, 9], complete=True))
    for start in (0.1, 0.9):
        assert rank_of(memory, seen(50, [start], [1]))[1] == pytest.approx(finals.mean(), abs=0.1)


def test_trials_that_end_at_many_epochs_and_curves_with_gaps_are_put_up_with() -> None:
    memory = Memory()
    for number in range(6):
        curve = [0.1 * number + 0.01 * epoch for epoch in range(1, 28)]
        rank_of(memory, seen(number, curve, list(range(1, 28)), complete=True))
    rank_of(memory, seen(6, [0.4], [27], complete=True))  # told from elsewhere, without its curve
    ranks = []
    for number in range(10, 30):
        epochs = list(range(1, number - 5))
        ranks.append(rank_of(memory, seen(number, [0.2 + 0.01 * epoch for epoch in epochs], epochs)))
    assert all(rank[0] == 27 and 0.2 < rank[1] < 0.8 for rank in ranks[:-3])
