"""Files of trials that may go on: kept while they may, removed when they have ended."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nas_ray.estimation.estimator import HALF
from nas_ray.stopping import PausingRule, StoppingRule


def forget_checkpoints(folder: Path, trial: Any, name: str) -> None:
    """Remove the checkpoints of a trial that has ended; called by the driver.

    Args:
        folder: The run's folder.
        trial: Tune's trial; its own checkpoints lie in its folder.
        name: The trial's name in the run.
    """
    for suffix in (".pt", HALF):
        (folder / "checkpoints" / f"{name}{suffix}").unlink(missing_ok=True)
    forget_tunes_checkpoints(trial)


def forget_tunes_checkpoints(trial: Any) -> None:
    """Remove the checkpoints that Tune keeps of a trial; its own in the run's folder stay."""
    for path in Path(trial.path).glob("checkpoint_*"):
        shutil.rmtree(path, ignore_errors=True)


def start_over_smaller(folder: Path, name: str) -> None:
    """Have a trial train with half the batch, from its beginning, when it starts again."""
    (folder / "checkpoints" / f"{name}.pt").unlink(missing_ok=True)
    (folder / "checkpoints").mkdir(exist_ok=True)
    (folder / "checkpoints" / f"{name}{HALF}").touch()


def untold(rule: StoppingRule, recorded: Mapping[str, int]) -> dict[str, int]:
    """Return the last epochs on record without those of the trials that the rule keeps paused.

    In a new attempt such a trial tells its last report again, and is paused again where it was.
    """
    waiting = rule.waiting if isinstance(rule, PausingRule) else ()
    return {name: epoch for name, epoch in recorded.items() if name not in waiting}
