"""What is true in simulation is true on Ray: same proposals and decisions in the same order of events."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ray import tune

from nas_ray.simulation import Budget, Cluster
from nas_ray.stopping import load_rule
from nas_ray.strategies import Proposal, Strategy, load_strategy
from nas_ray.tables import load_table
from nas_ray.tables.estimator import TableEstimator

TABLE = "spikenas-cifar100"
TRIALS = 16

pytestmark = pytest.mark.usefixtures("local_ray")
Event = tuple[str, str, float, str]
"""Kind, our trial id, epoch or 0, and the configuration's id or the decision."""


def made(strategy: str, rule: str) -> tuple[Strategy, Any]:
    table = load_table(TABLE)
    objective = {"metric": table.objective.metric, "mode": table.objective.mode}
    options = {"population_size": 4, "sample_size": 2} if strategy == "evolution" else {}
    chosen = load_strategy(
        strategy, space=table.space, seed=3, max_fidelity=table.max_epochs, **objective, **options
    )
    chosen.max_trials = TRIALS
    return chosen, load_rule(rule, **objective, **({"grace_period": 10} if rule == "asha" else {}))


class Notes(tune.Callback):
    """Writes down what happens, on Ray and in simulation alike."""

    def __init__(self, strategy: Strategy) -> None:
        self.strategy, self.events = strategy, list[Event]()
        strategy.recorder = self.propose

    def propose(self, proposal: Proposal) -> None:
        if proposal.outcome == "running":
            self.events.append(("propose", proposal.trial_id, 0.0, proposal.config_id))

    def name_of(self, trial: Any) -> str:
        proposal = self.strategy.proposal_of(trial.trial_id)
        return proposal.trial_id if proposal else trial.trial_id

    def on_trial_start(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        pass

    def on_trial_result(
        self, iteration: int, trials: list[Any], trial: Any, result: dict[str, Any], **info: Any
    ) -> None:
        decision = "stop" if result.get("done") else "continue"
        self.events.append(("report", trial.custom_trial_name, float(result["epoch"]), decision))

    def on_trial_complete(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        self.events.append(("end", trial.custom_trial_name, 0.0, ""))

    def __getstate__(self) -> dict[str, Any]:
        return {}

    def __deepcopy__(self, memo: dict[int, Any]) -> "Notes":
        return self


def on_ray(strategy: str, rule: str, folder: Path) -> list[Event]:
    chosen, stopping = made(strategy, rule)
    chosen.set_max_concurrency(2)
    notes = Notes(chosen)
    tune.Tuner(
        tune.with_resources(tune.with_parameters(TableEstimator, table=load_table(TABLE)), {"cpu": 1}),
        tune_config=tune.TuneConfig(
            metric="val_acc",
            mode="max",
            search_alg=chosen,
            scheduler=stopping,
            num_samples=-1,
            max_concurrent_trials=2,
            reuse_actors=True,
            trial_name_creator=notes.name_of,
            trial_dirname_creator=notes.name_of,
        ),
        run_config=tune.RunConfig(storage_path=str(folder), verbose=0, callbacks=[notes]),
    ).fit()
    return notes.events


def in_simulation(strategy: str, rule: str, order: Iterator[Event]) -> list[Event]:
    """Replay the order of events that Ray had: who asks, and who reports next."""
    chosen, stopping = made(strategy, rule)
    notes = Notes(chosen)
    cluster = Cluster(load_table(TABLE), chosen, stopping, Budget(trials=TRIALS), workers=2, listener=notes)
    running = {}
    for kind, name, _, _ in order:
        if kind == "propose":
            trial = cluster.ask()
            assert trial is not None
            running[trial.custom_trial_name] = trial
        elif kind == "report":
            cluster.report(running[name])
        else:
            cluster.end(running[name])
    return notes.events


@pytest.mark.parametrize(
    ("strategy", "rule"), [("random", "asha"), ("evolution", "asha"), ("evolution", "none")]
)
def test_proposals_and_decisions_are_the_same(strategy: str, rule: str, tmp_path: Path) -> None:
    real = on_ray(strategy, rule, tmp_path)
    assert sum(kind == "propose" for kind, *_ in real) == TRIALS
    assert in_simulation(strategy, rule, iter(real)) == real
