"""The limits of a run beside its trials: epochs, seconds, and failures all alike."""

from __future__ import annotations

import time
from typing import Any

from ray import tune

from nas_ray.engine.failing import Failing
from nas_ray.reports import fidelity_of


class Limits(tune.Stopper):  # type: ignore[misc]  # Ray ships no types for Stopper
    """Ends a run when its epochs or its time are spent; Tune asks after every event.

    Args:
        epochs: Epochs over all trials and attempts.
        seconds: Time budget over all attempts.
        epochs_before: Epochs that earlier attempts trained.
        seconds_before: Seconds that earlier attempts took.
        failing: Says whether everything fails.
    """

    def __init__(
        self,
        epochs: int | None,
        seconds: float | None,
        epochs_before: int = 0,
        seconds_before: float = 0.0,
        failing: Failing | None = None,
    ) -> None:
        self.epochs, self.seconds, self.failing = epochs, seconds, failing or Failing()
        self.trained = epochs_before
        self._before = seconds_before
        self._started = time.monotonic()
        self.reason = ""
        """``"epochs"``, ``"time_budget"`` or ``"error"`` once a limit is reached."""

    @property
    def elapsed(self) -> float:
        """Seconds over all attempts."""
        return self._before + time.monotonic() - self._started

    def __call__(self, trial_id: str, result: dict[str, Any]) -> bool:
        """Count an epoch; no trial is ended for itself."""
        self.trained += bool(fidelity_of(result))  # an infeasible trial reports its end and no epoch
        return False

    def stop_all(self) -> bool:
        """Whether a limit is reached."""
        if self.epochs is not None and self.trained >= self.epochs:
            self.reason = "epochs"
        elif self.seconds is not None and self.elapsed >= self.seconds:
            self.reason = "time_budget"
        elif self.failing.hopeless:
            self.reason = "error"
        return bool(self.reason)
