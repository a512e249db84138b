"""Which rungs are worth a cut: successive halving, planned on a model of the run's learning curves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

from nas_ray.stopping.curve_model import CurveModel
from nas_ray.stopping.regression import Array, bend

WORLDS = 64
"""Draws of the model's weights: what may be true of this run's curves."""

CHOICES = 5
"""Highest rungs with a choice of their own; the lower ones, which cost little, share one."""

CURVES = 243
"""Curves that are drawn in each."""

TRIALS = 100
"""Trials that a search is taken to have, where it has no budget of epochs."""

MARGIN = 0.2
"""Standard deviations of the final score that a saving may cost: less than the model can tell."""


class Draws(NamedTuple):
    """Standard normal numbers, the same for every plan of a run.

    Args:
        curves: (rungs, worlds, curves).
        weights: For each rung, (rungs + 2, worlds).
    """

    curves: Array
    weights: Array

    @classmethod
    def make(cls, rungs: int, seed: int) -> Draws:
        """Draw them."""
        rng = np.random.default_rng(seed)
        return cls(
            rng.standard_normal((rungs, WORLDS, CURVES)), rng.standard_normal((rungs, rungs + 2, WORLDS))
        )


class _Way(NamedTuple):
    """A combination of cuts: its value, the epochs it spends on a trial, and the share kept at each rung."""

    value: float
    spent: float
    keep: tuple[float, ...]

    def after(self, keep: float) -> _Way:
        """Return it with a rung before it."""
        return self._replace(keep=(keep, *self.keep))


def plan(
    model: CurveModel, costs: Sequence[float], budget: float | None, factor: float, draws: Draws
) -> list[float]:
    """Return the share of trials that goes on from each rung: 1 or 1/η, for each of them.

    For every combination of cuts, successive halving is played on curves that are drawn from the model: the
    weights from their posterior, so that a relation nobody is sure of is right in some worlds and wrong in
    others, and the ranking by what the model expects. The value of a combination is the expected maximum of
    its survivors, after as many trials as the budget of epochs pays for; without one, after a fixed number
    of trials, so that a cut can only lose. Of all combinations whose value comes close to the largest, the
    one is taken that spends least on a trial. Where it is not known whether early epochs tell, cuts there
    lose on average, and the trials go on: so the run learns it.

    Args:
        model: Of the curves so far.
        costs: Epochs from each rung to the next, from the start to the first at index 0.
        budget: Epochs that are left; None where trials are limited, not epochs.
        factor: η.
        draws: Random numbers.
    """
    curves = _imagined(model, draws)
    expected = [model.expected_standard(curves[: rung + 1]) for rung in range(model.rungs)]
    everybody = np.broadcast_to(np.arange(CURVES), (WORLDS, CURVES))

    free = model.rungs - 1 - CHOICES

    def ways(
        rung: int, survivors: NDArray[np.intp], share: float, spent: float, below: bool | None = None
    ) -> list[_Way]:
        """Return the combinations of cuts from ``rung`` on, where ``share`` of the trials arrives."""
        spent += share * costs[rung]
        if rung == model.rungs - 1:
            finals = np.take_along_axis(curves[-1], survivors, 1)
            trials = TRIALS if budget is None else budget / spent
            return [_Way(_expected_maximum(finals, share * trials), spent, (1.0,))]
        found: list[_Way] = []
        kept = int(survivors.shape[1] / factor)
        if rung >= free or not below or kept < 1:
            found += [way.after(1.0) for way in ways(rung + 1, survivors, share, spent, False)]
        if (rung >= free or below is not False) and kept >= 1:
            best = _best(np.take_along_axis(expected[rung], survivors, 1), kept)
            survivors = np.take_along_axis(survivors, best, 1)
            found += [way.after(1 / factor) for way in ways(rung + 1, survivors, share / factor, spent, True)]
        return found

    found = ways(0, everybody, 1.0, 0.0)
    enough = max(way.value for way in found) - MARGIN
    return list(min((way for way in found if way.value >= enough), key=lambda way: way.spent).keep)


def _best(expected: Array, kept: int) -> NDArray[np.intp]:
    return np.argpartition(-expected, kept - 1, axis=1)[:, :kept]


def _imagined(model: CurveModel, draws: Draws) -> Array:
    curves = np.empty_like(draws.curves)
    curves[0] = draws.curves[0]
    for rung in range(1, model.rungs):
        step = model.steps[rung - 1]
        weights = step.weights[:, None] + step.root @ draws.weights[rung][: rung + 2]
        curves[rung] = weights[0][:, None] + np.einsum("kw,kwc->wc", weights[1:-1], curves[:rung])
        curves[rung] += weights[-1][:, None] * bend(curves[rung - 1])
        curves[rung] += np.sqrt(step.noise) * draws.curves[rung]
    return curves


def _expected_maximum(finals: Array, trials: float) -> float:
    """Return the expected maximum of so many draws from finals, (worlds, survivors).

    The order statistics of each world give it without bias; of few survivors those of all worlds together.
    Below one trial it is a chance of one.
    """
    if trials < 1:
        return float(finals.mean() - 1.5 * (1 - trials) * finals.std())
    if finals.shape[1] < max(8, trials):
        finals = finals.reshape(1, -1)
    count = finals.shape[1]
    trials = min(trials, count)
    ranks = np.arange(np.ceil(trials), count + 1)
    # The share of all choices of `trials` among `count` whose maximum has at most this rank.
    share = np.exp(
        gammaln(ranks + 1) - gammaln(ranks - trials + 1) - gammaln(count + 1) + gammaln(count - trials + 1)
    )
    largest = np.sort(finals, axis=1)[:, -len(ranks) :].mean(0)
    return float(largest @ np.diff(share, prepend=0.0))
