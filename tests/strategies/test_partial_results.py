"""Where curves cross, strategies find the slow starters, whatever rule stops or pauses the trials.

A quarter of the networks start low and end high, the others start high and end low. Sixty random networks are
trained first, under the rule; three slow starters among them come first and in such an order that every rule
lets them live. Then the strategy proposes forty networks of its own. Tested: the share of slow starters
among these, over two seeds together, is above the quarter that random proposals have (exact binomial test,
one-sided, level 0.01). All in the virtual cluster, with the real rules, on four workers.
"""

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


def cluster(name: str, rule: str, seed: int, trials: int = RANDOM + OWN) -> Cluster:
    rng = np.random.default_rng(seed)
    drawn = {SPACE.config_id(config): config for config in (SPACE.sample(rng) for _ in range(2 * RANDOM))}
    slow = sorted((c for c in drawn.values() if c["kind"] == "slow"), key=lambda c: Network(c).value(1))
    # Each is the best of those that have come to a rung when it comes there.
    ahead = slow[:: len(slow) // LIVING][:LIVING]
    first = [*ahead, *(config for config in drawn.values() if config not in ahead)][:RANDOM]
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
    return Cluster(Crossing(), strategy, load_rule(rule, **known), Budget(trials), workers=4)  # type: ignore[arg-type]


def p_of_slow_starters(name: str, rule: str, seeds: int = 2) -> float:
    slow = total = 0
    for seed in range(seeds):
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
def test_pauses_are_relived_from_the_ledger(name: str, tmp_path: Path) -> None:
    """A strategy that relives the record of a run with pauses goes on as the first one would have."""
    run = cluster(name, "learning-curve", 0, trials=30)
    with Ledger(tmp_path / LEDGER) as ledger:
        run.listener = Recorder(
            ledger, run.strategy, rule=run.rule, attempt=1, snapshot=Snapshot(run.table.objective, 30, EPOCHS, 4)
        )
        run.run()
    events = history(read(tmp_path / LEDGER))
    cut = max(at for at, event in enumerate(events) if event["event"] == "report" and event["decision"] == "pause")
    first, second = (cluster(name, "none", 0).strategy for _ in range(2))
    for strategy, until in ((first, events[: cut + 1]), (second, events[: cut + 1])):
        strategy.replay(until)
    second.save(str(tmp_path / "state.json"))
    third = cluster(name, "none", 0).strategy
    third.restore(str(tmp_path / "state.json"))
    assert any(each.reason == "paused" for each in first.memory.results.values())
    proposed = [[strategy.suggest(str(number)) for number in range(3)] for strategy in (first, third)]
    assert text(proposed[0]) == text(proposed[1])
