"""The winner of a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from nas_ray.ledger.run import RunRecord, measured


@dataclass(frozen=True)
class BestTrial:
    """The trial with the best value of the objective over its epochs.

    Args:
        trial_id: Its id.
        config: Its configuration.
        architecture_id: Id of its network.
        metric: Name of the objective.
        value: The best value.
        epoch: The epoch that reached it.
        params: Trainable numbers, where they were reported.
        flops: Operations per input, where they were reported.
        metrics: Everything reported with that epoch.
        test: What the test part says of it (``test_acc``, ``test_loss``); empty where it was not read.
        test_error: Why it could not be read, the last line in short; empty where it was, or was not tried.
    """

    trial_id: str
    config: dict[str, Any]
    architecture_id: str
    metric: str
    value: float
    epoch: int
    params: int | None = None
    flops: int | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    test: Mapping[str, float] = field(default_factory=dict)
    test_error: str = ""

    def __repr__(self) -> str:
        return f"BestTrial({self.trial_id}, {self.metric}={self.value:.4f}, epoch={self.epoch})"


def find_best(run: RunRecord) -> BestTrial | None:
    """Return the winner so far, None if no trial has a score; of equals the first counts."""
    improvements = run.improvements()
    if not improvements:
        return None
    report, metric = improvements[-1], run.objectives[0].metric
    trial = run.trials[report["trial_id"]]
    costs = {name: measured(report, name) for name in ("params", "flops")}
    return BestTrial(
        trial_id=report["trial_id"],
        config=dict(trial.proposal["config"]),
        architecture_id=trial.proposal["architecture_id"],
        metric=metric,
        value=float(measured(report, metric) or 0.0),
        epoch=report["epoch"],
        **{name: None if cost is None else int(cost) for name, cost in costs.items()},
        metrics=dict(report["metrics"]),
        test=_test(run, report["trial_id"], report["epoch"]),
        test_error=run.test_errors.get((report["trial_id"], report["epoch"]), ""),
    )


def _test(run: RunRecord, trial_id: str, epoch: int) -> dict[str, float]:
    # What an earlier attempt read was of the weights that it had then.
    return run.tests.get((trial_id, epoch)) or run.tests.get((trial_id, None), {})
