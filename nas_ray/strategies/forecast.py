"""What a partial result is worth: the final score that the curves of this run let one expect."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nas_ray.stopping.curve_model import CurveModel
from nas_ray.strategies.records import Observation, Rank

ENOUGH = 2
"""Full trainings before which nobody knows what becomes of a partial result."""

PRIOR = 0.0
"""Prior mean of what an early score tells: nothing. A strategy that trusts early scores before it knows
proposes what starts fast, and never sees what would have taught it otherwise."""

EARLY = 0.5
"""The same where what is predicted comes with its uncertainty: from rung to rung about half is told."""

RUNGS = 6
"""Most fidelities at which curves are compared; where trials end at more, these are spread evenly."""

Array = NDArray[np.float64]


class Forecast:
    """Predicts the final scores of trials that a rule has paused or stopped, from all curves of the run.

    The model is the one of the rule ``learning-curve`` (:class:`nas_ray.stopping.curve_model.CurveModel`),
    but it does not wait for that rule to say what it believes: it serves every rule, those of Ray Tune
    included; it is learned anew whenever there is news, so that what was stopped long ago is worth what is
    known today; and it is a function of what the strategy was told, so that replaying a history rebuilds it.
    Where early scores tell nothing, all partial results are worth the mean; where slow starters win, a low
    early score is worth more.
    """

    def __init__(self) -> None:
        self._curves: dict[int, tuple[Array, Array]] = {}
        self._partial: dict[int, float] = {}
        self._complete: dict[int, float] = {}
        self._ranks: dict[int, Rank] | None = {}
        self._rungs: tuple[float, ...] = ()
        self._rows: dict[int, Array] = {}

    def learn(self, observation: Observation) -> None:
        """Take in what is known of a trial now, in place of what was."""
        number, self._ranks = observation.number, None
        for known in (self._curves, self._partial, self._complete, self._rows):
            known.pop(number, None)
        if observation.score is None or not observation.curve:
            return
        epochs, scores = np.asarray(observation.curve, dtype=np.float64).T
        self._curves[number] = (epochs, scores)
        (self._complete if observation.complete else self._partial)[number] = observation.fidelity

    def rank(self, number: int) -> Rank | None:
        """Return (epochs of a full training, predicted final score); None where nothing can be said."""
        if self._ranks is None:
            self._ranks = self._predicted()
        return self._ranks.get(number)

    def expectations(self, full: float | None) -> dict[int, tuple[float, float]]:
        """Return mean and standard deviation of the final score of every trial with a score, by its number.

        Unlike :meth:`rank` it says something from the second trial on, and how sure it is of it.

        Args:
            full: Epochs of a full training; None takes the longest one so far.
        """
        full = full or max(self._complete.values(), default=0.0)
        below = sorted({fidelity for fidelity in self._partial.values() if fidelity < full})
        numbers, scores = self._at((*_spread(below), full))
        if len(numbers) < 2 or not full:
            return {}
        reached = np.isfinite(scores).sum(1)
        model = CurveModel(scores, reached, self._rungs, slope=EARLY)
        found: dict[int, tuple[float, float]] = {}
        for rung in range(len(self._rungs)):
            here = np.flatnonzero(reached == rung + 1)
            for at, mean, deviation in zip(here, *model.foresee(scores[here], rung), strict=True):
                found[numbers[at]] = (float(mean), float(deviation))
        return found

    def _at(self, rungs: tuple[float, ...]) -> tuple[list[int], Array]:
        if rungs != self._rungs:
            self._rungs, self._rows = rungs, {}
        return self._matrix()

    def _predicted(self) -> dict[int, Rank]:
        full = max(self._complete.values(), default=0.0)
        finished = sum(fidelity == full for fidelity in self._complete.values())
        below = sorted({fidelity for fidelity in self._partial.values() if fidelity < full})
        if finished < ENOUGH or not below:
            return {}
        rungs = (*_spread(below), full)
        numbers, scores = self._at(rungs)
        reached = np.isfinite(scores).sum(1)
        if (reached == len(rungs)).sum() < ENOUGH:
            return {}
        model = CurveModel(scores, reached, rungs, slope=PRIOR)
        partial = np.array([self._partial.get(number, full) < full for number in numbers])
        ranks: dict[int, Rank] = {}
        for rung in range(len(rungs) - 1):
            here = np.flatnonzero(partial & (reached == rung + 1))
            for at, score in zip(here, model.expected(scores[here], rung), strict=True):
                ranks[numbers[at]] = (full, float(score))
        return ranks

    def _matrix(self) -> tuple[list[int], Array]:
        """Return numbers and scores at the rungs, NaN beyond the last report; no curves that have gaps."""
        for number, (epochs, scores) in self._curves.items():
            if number not in self._rows:
                at = np.searchsorted(epochs, self._rungs, side="right") - 1
                row = np.where(np.asarray(self._rungs) <= epochs[-1], scores[np.maximum(at, 0)], np.nan)
                self._rows[number] = np.where(at < 0, np.nan, row)
        rows = {number: row for number, row in self._rows.items() if np.isfinite(row[0])}
        return list(rows), np.array(list(rows.values())).reshape(len(rows), len(self._rungs))


def _spread(fidelities: list[float]) -> list[float]:
    """Return at most :data:`RUNGS` of the fidelities, the smallest and the largest among them."""
    if len(fidelities) <= RUNGS:
        return fidelities
    return [fidelities[round(at)] for at in np.linspace(0, len(fidelities) - 1, RUNGS)]
