"""Trials that hang: their process is ended, and they fail with the reason ``timeout``."""

from __future__ import annotations

import time
from typing import Any

import ray
from ray.tune.experiment import Trial

from nas_ray.engine.batches import BATCH_S


class Watch:
    """Ends the process of a trial whose epoch takes longer than allowed.

    Args:
        seconds: What an epoch may take, the building of the network included; None allows any time.
    """

    def __init__(self, seconds: float | None = None) -> None:
        self.seconds = seconds
        self._heard: dict[str, tuple[float, Any]] = {}
        self._ended: set[str] = set()

    def heard(self, trial: Any) -> None:
        """Hear that one of Tune's trials starts, or has reported."""
        if self.seconds is not None:
            self._heard[trial.trial_id] = (time.monotonic(), trial)

    def over(self, trial: Any) -> None:
        """Hear that a trial has ended."""
        self._heard.pop(trial.trial_id, None)

    def check(self) -> None:
        """End what takes too long; called in every step of the driver's loop."""
        for trial_id, (since, trial) in list(self._heard.items()):
            actor = trial.temporary_state.ray_actor
            overdue = time.monotonic() - since > (self.seconds or 0) + BATCH_S
            if overdue and trial.status == Trial.RUNNING and actor is not None:
                del self._heard[trial_id]
                self._ended.add(trial_id)
                ray.kill(actor)  # Tune hears of it as of any process that died

    def ended(self, trial_id: str) -> bool:
        """Return whether the process of a trial was ended because it took too long."""
        return trial_id in self._ended

    @property
    def words(self) -> str:
        """Why the trials failed that were ended."""
        return f"an epoch took longer than the {self.seconds:g} s of `run.epoch_timeout`"
