"""The winner of a run."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nas_ray.errors import ConfigError
from nas_ray.ledger.run import RunRecord, measured

if TYPE_CHECKING:
    from nas_ray.spaces import SearchSpace


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
        folder: The run.
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
    folder: Path | None = field(default=None, compare=False)

    def draw(self, path: str | os.PathLike[str], space: SearchSpace | None = None) -> Path:
        """Write the drawing of its architecture; the ending says the format, such as ``.svg`` or ``.png``.

        Args:
            path: The file.
            space: The search space, where the run was given an object that has no name to load it by.

        Raises:
            ConfigError: If the space cannot be loaded by name and none is given, or the format is not known.
        """
        from nas_ray.results.model import space_of
        from nas_ray.spaces.drawing import draw  # matplotlib takes a second to load

        if space is None:
            if self.folder is None:
                raise ConfigError("a winner without a run must be given its space: `draw(path, space=...)`")
            space = space_of(self.folder)
        return draw(space, self.config, path)

    def __repr__(self) -> str:
        return f"BestTrial({self.trial_id}, {self.metric}={self.value:.4f}, epoch={self.epoch})"


def find_best(run: RunRecord, folder: Path | None = None) -> BestTrial | None:
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
        folder=folder,
    )


def _test(run: RunRecord, trial_id: str, epoch: int) -> dict[str, float]:
    # What an earlier attempt read was of the weights that it had then.
    return run.tests.get((trial_id, epoch)) or run.tests.get((trial_id, None), {})
