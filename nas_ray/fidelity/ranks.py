"""Rank correlation between two fidelities, with an interval."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import bootstrap, rankdata

RESAMPLES = 999
BATCH = 50
"""Resamples at once: Kendall's tau compares all pairs of each."""

Numbers = NDArray[np.float64]
Statistic = Callable[[Numbers, Numbers], Numbers]


class Interval(NamedTuple):
    """A correlation and its 95 % interval."""

    value: float
    low: float
    high: float


def agreement(cheap: Numbers, full: Numbers, statistic: Statistic, seed: int) -> Interval:
    """Return how well a cheap fidelity ranks networks as the full one, with a bootstrap interval.

    A training of one seed is compared with the full trainings of the others, and the results are averaged:
    what two readings of one training share by luck does not count. So the agreement of the full fidelity
    with itself is the most that any can reach. With one seed there is nothing else to compare with.

    Args:
        cheap: (networks, seeds).
        full: (networks, seeds).
        statistic: :func:`spearman` or :func:`kendall`.
        seed: Of the resampling of networks.
    """
    seeds = range(cheap.shape[1])
    pairs = list(itertools.permutations(seeds, 2)) or [(0, 0)]

    def of(networks: NDArray[np.intp], axis: int = -1) -> Numbers:
        found = [statistic(cheap[networks, one], full[networks, other]) for one, other in pairs]
        return np.asarray(np.mean(found, axis=0))

    everybody = np.arange(len(cheap))
    drawn = bootstrap(
        (everybody,),
        of,
        vectorized=True,
        n_resamples=RESAMPLES,
        batch=BATCH,
        method="percentile",
        rng=np.random.default_rng(seed),
    ).confidence_interval
    return Interval(float(of(everybody)), float(drawn.low), float(drawn.high))


def spearman(x: Numbers, y: Numbers) -> Numbers:
    """Return Spearman's ρ along the last axis; 0 where one side is constant.

    Example:
        >>> float(spearman(np.array([1.0, 2.0, 3.0]), np.array([1.0, 3.0, 2.0])))
        0.5
    """
    return _correlation(_centred(rankdata(x, axis=-1)), _centred(rankdata(y, axis=-1)))


def kendall(x: Numbers, y: Numbers) -> Numbers:
    """Return Kendall's τ-b along the last axis; 0 where one side is constant.

    Example:
        >>> round(float(kendall(np.array([1.0, 2.0, 3.0]), np.array([1.0, 3.0, 2.0]))), 3)
        0.333
    """
    return _correlation(_signs(x), _signs(y))


def _centred(ranks: Numbers) -> Numbers:
    centred: Numbers = ranks - ranks.mean(-1, keepdims=True)
    return centred


def _signs(x: Numbers) -> Numbers:
    first, second = np.triu_indices(x.shape[-1], 1)
    signs: Numbers = np.sign(x[..., first] - x[..., second])
    return signs


def _correlation(one: Numbers, two: Numbers) -> Numbers:
    product = (one * two).sum(-1)
    size = np.sqrt((one**2).sum(-1) * (two**2).sum(-1))
    return np.asarray(np.divide(product, size, out=np.zeros_like(product), where=size > 0))
