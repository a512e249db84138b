"""The median rule."""

from __future__ import annotations

import statistics

from nas_ray.errors import ConfigError
from nas_ray.stopping.base import StoppingRule


class Median(StoppingRule):
    """The median stopping rule of Vizier (Golovin et al., KDD 2017, section 3.2.2).

    A trial stops at epoch t if its best score so far is below the median of the averages, over their first t
    epochs, of the trials that have reached epoch t.

    Args:
        metric: Name of the metric; None takes the Tuner's.
        mode: ``"max"`` or ``"min"``; None takes the Tuner's.
        grace_period: Epochs before which nothing is stopped.
        min_trials: Other trials that must have reached an epoch before the rule holds there.

    Raises:
        ConfigError: If a number is below 1.
    """

    name = "median"

    def __init__(
        self,
        metric: str | None = None,
        mode: str | None = None,
        *,
        grace_period: float = 1,
        min_trials: int = 3,
    ) -> None:
        super().__init__(metric, mode)
        for option, value in (("grace_period", grace_period), ("min_trials", min_trials)):
            if not value >= 1:
                raise ConfigError(f"`stopping.{option}` must be at least 1, but got {value!r}")
        self.grace_period, self.min_trials = grace_period, min_trials
        self._totals: dict[str, tuple[int, float, float]] = {}
        self._averages: dict[float, list[float]] = {}

    def decide(self, trial: str, fidelity: float, score: float) -> bool:
        """Stop a trial whose best score is below the median of the others' running averages."""
        reports, total, best = self._totals.get(trial, (0, 0.0, score))
        reports, total, best = reports + 1, total + score, max(best, score)
        self._totals[trial] = (reports, total, best)
        others = self._averages.setdefault(fidelity, [])
        holds = fidelity >= self.grace_period and len(others) >= self.min_trials
        goes_on = not holds or best >= statistics.median(others)
        others.append(total / reports)
        return goes_on

    def acts_at(self, fidelity: float) -> bool:
        """Return whether the rule holds."""
        return fidelity >= self.grace_period
