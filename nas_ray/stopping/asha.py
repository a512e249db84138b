"""Asynchronous successive halving, the variant that stops."""

from __future__ import annotations

import math

from nas_ray.errors import ConfigError
from nas_ray.stopping.base import StoppingRule

ROUNDING = 1e-9
"""Keeps an exact power on its own rung: log(243) / log(3) is 4.999..., and 33 / 1.1 is 29.999..."""


class ASHA(StoppingRule):
    """Asynchronous successive halving (Li et al., MLSys 2020), stopping and not pausing.

    Rungs are at r, rη, rη² ... epochs. A trial that reaches a rung goes on only if it is among the best
    ⌊n/η⌋ of the n that have reached it so far, itself included; the best one always goes on, and so does
    one that equals the last of the best. Where we differ from the paper: nothing is paused and promoted
    later, so that a trial that came early may go on with a score that later ones exceed. Unlike Tune's
    ASHA, which compares with a percentile of the trials before, the trial itself counts, and one that
    diverged is ended (and not counted).

    Trace with η = 3, r = 1 and scores 0.5, 0.6, 0.4, 0.7 at epoch 1, in this order: the first goes on
    (best of 1), the second goes on (best of 2), the third stops, the fourth goes on (best of 4).

    Args:
        metric: Name of the metric; None takes the Tuner's.
        mode: ``"max"`` or ``"min"``; None takes the Tuner's.
        grace_period: r, epochs of the first rung.
        reduction_factor: η.

    Raises:
        ConfigError: If r is below 1 or η is not above 1.
    """

    name = "asha"

    def __init__(
        self,
        metric: str | None = None,
        mode: str | None = None,
        *,
        grace_period: float = 1,
        reduction_factor: float = 3,
    ) -> None:
        super().__init__(metric, mode)
        if not (isinstance(grace_period, (int, float)) and grace_period >= 1):
            raise ConfigError(f"`stopping.grace_period` must be at least 1, but got {grace_period!r}")
        if not (isinstance(reduction_factor, (int, float)) and reduction_factor > 1):
            raise ConfigError(f"`stopping.reduction_factor` must be above 1, but got {reduction_factor!r}")
        self.grace_period, self.reduction_factor = grace_period, reduction_factor
        self.rungs: dict[int, dict[str, float]] = {}
        """Scores by trial, by index of the rung."""

    def decide(self, trial: str, fidelity: float, score: float) -> bool:
        """Stop unless the trial is among the best of the rung it has just reached."""
        index = self.reached(fidelity) - 1
        rung = self.rungs.setdefault(index, {}) if index >= 0 else {}
        # A score belongs to the highest rung alone: in a lower one, missed between two reports, it would
        # stand above those of trials that trained for less.
        if index < 0 or trial in rung:
            return True
        rung[trial] = score
        return self._survives(rung, score)

    def rung(self, fidelity: float) -> int:
        """Return how many rungs lie at or below ``fidelity`` epochs."""
        return self.reached(fidelity)

    def reached(self, fidelity: float) -> int:
        """Return how many rungs lie at or below ``fidelity`` epochs."""
        if fidelity < self.grace_period:
            return 0
        return math.floor(math.log(fidelity / self.grace_period, self.reduction_factor) + ROUNDING) + 1

    def _survives(self, rung: dict[str, float], score: float) -> bool:
        places = max(1, math.floor(len(rung) / self.reduction_factor + ROUNDING))
        better = sum(other > score for other in rung.values())
        return better < places
