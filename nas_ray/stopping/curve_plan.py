"""Which rungs are worth a cut: successive halving, planned on a model of the run's learning curves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from nas_ray.stopping.curve_model import Array, CurveModel

WORLDS = 64
"""Draws of the model's weights: what may be true of this run's curves."""

CURVES = 243
"""Curves that are drawn in each."""


class Draws(NamedTuple):
    """Standard normal numbers, the same for every plan of a run.

    Args:
        curves: (rungs, worlds, curves).
        weights: For each rung, (rungs + 1, worlds).
    """

    curves: Array
    weights: Array

    @classmethod
    def make(cls, rungs: int, seed: int) -> Draws:
        """Draw them."""
        rng = np.random.default_rng(seed)
        return cls(
            rng.standard_normal((rungs, WORLDS, CURVES)), rng.standard_normal((rungs, rungs + 1, WORLDS))
        )


class _Best(NamedTuple):
    value: float
    keep: tuple[float, ...]


def plan(
    model: CurveModel, costs: Sequence[float], budget: float, factor: float, draws: Draws
) -> list[float]:
    """Return the share of trials that goes on from each rung: 1 or 1/η, for each of them.

    For every combination of cuts, successive halving is played on curves that are drawn from the model: the
    weights from their posterior, so that a relation nobody is sure of is right in some worlds and wrong in
    others, and the ranking by what the model expects. The combination is taken whose survivors have the
    largest expected maximum, after as many trials as the budget pays for. Where it is not known whether early
    epochs tell, cuts there gain little on average, and the trials go on: so the run learns it.

    Args:
        model: Of the curves so far.
        costs: Epochs from each rung to the next, from the start to the first at index 0.
        budget: Epochs that are left.
        factor: η.
        draws: Random numbers.
    """
    curves = _imagined(model, draws)
    expected = [
        model.expected_standard(np.moveaxis(curves[: rung + 1], 0, -1), rung) for rung in range(model.rungs)
    ]
    everybody = np.broadcast_to(np.arange(CURVES), (WORLDS, CURVES))

    def best_from(rung: int, survivors: NDArray[np.intp], share: float, spent: float) -> _Best:
        """Return the best cuts from ``rung`` on, where ``share`` of the trials arrives."""
        spent += share * costs[rung]
        if rung == model.rungs - 1:
            finals = np.take_along_axis(curves[-1], survivors, 1)
            return _Best(_expected_maximum(finals, share * budget / spent), ())
        rest = best_from(rung + 1, survivors, share, spent)
        choice = _Best(rest.value, (1.0, *rest.keep))
        kept = int(survivors.shape[1] / factor)
        if kept >= 1:
            ranks = np.take_along_axis(expected[rung], survivors, 1)
            best = np.argpartition(-ranks, kept - 1, axis=1)[:, :kept]
            rest = best_from(rung + 1, np.take_along_axis(survivors, best, 1), share / factor, spent)
            if rest.value > choice.value:
                choice = _Best(rest.value, (1 / factor, *rest.keep))
        return choice

    return [*best_from(0, everybody, 1.0, 0.0).keep, 1.0]


def _imagined(model: CurveModel, draws: Draws) -> Array:
    curves = np.empty_like(draws.curves)
    curves[0] = draws.curves[0]
    for rung in range(1, model.rungs):
        weights = model.weights[rung - 1][:, None] + model.roots[rung - 1] @ draws.weights[rung][: rung + 1]
        curves[rung] = weights[0][:, None] + np.einsum("kw,kwc->wc", weights[1:], curves[:rung])
        curves[rung] += np.sqrt(model.noise[rung - 1]) * draws.curves[rung]
    return curves


def _expected_maximum(finals: Array, trials: float) -> float:
    # Blom's approximation of the largest of `trials` normal numbers; below one, a chance of one.
    spread = float(finals.std(1).mean()) if finals.shape[1] >= 8 else float(finals.std())
    size = float(ndtri((trials - 0.375) / (trials + 0.25))) if trials >= 1 else -1.5 * (1 - trials)
    return float(finals.mean()) + spread * size
