"""Asynchronous successive halving, the variant that stops."""

from __future__ import annotations

from nas_ray.stopping.base import StoppingRule
from nas_ray.stopping.rungs import Rungs


class ASHA(StoppingRule):
    """Asynchronous successive halving that stops (Li et al., MLSys 2020, https://arxiv.org/abs/1810.05934).

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
        self.ladder = Rungs(grace_period, reduction_factor)
        self.grace_period, self.reduction_factor = grace_period, reduction_factor
        self.rungs: dict[int, dict[str, float]] = {}
        """Scores by trial, by index of the rung."""

    def decide(self, trial: str, fidelity: float, score: float) -> bool:
        """Stop unless the trial is among the best of the rung it has just reached."""
        index = self.ladder.reached(fidelity) - 1
        rung = self.rungs.setdefault(index, {}) if index >= 0 else {}
        # A score belongs to the highest rung alone: in a lower one, missed between two reports, it would
        # stand above those of trials that trained for less.
        if index < 0 or trial in rung:
            return True
        rung[trial] = score
        return self._survives(rung, score)

    def acts_at(self, fidelity: float) -> bool:
        """Return whether a rung is reached."""
        return self.ladder.at(fidelity)

    def rung(self, fidelity: float) -> int:
        """Return how many rungs lie at or below ``fidelity`` epochs."""
        return self.ladder.reached(fidelity)

    def _survives(self, rung: dict[str, float], score: float) -> bool:
        places = max(1, self.ladder.places(len(rung)))
        better = sum(other > score for other in rung.values())
        return better < places
