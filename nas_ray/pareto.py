"""Which networks are on the Pareto front of several objectives."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def fronts(scores: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the front of each network: 0 for those that none dominates, 1 for those only front 0 does, ...

    A network dominates another one if it is nowhere worse and somewhere better.

    Args:
        scores: (n, n_objectives), larger is better.

    Example:
        >>> fronts(np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0], [1.0, 0.0]])).tolist()
        [0, 0, 1, 0]
    """
    no_worse = (scores[:, None, :] >= scores[None, :, :]).all(axis=2)
    dominates = no_worse & ~no_worse.T
    front, left, level = np.zeros(len(scores), dtype=np.int64), np.ones(len(scores), dtype=bool), 0
    while left.any():
        free = left & ~(dominates & left[:, None]).any(axis=0)
        front[free], left, level = level, left & ~free, level + 1
    return front


def crowding(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the crowding distance of each network of one front (Deb et al. 2002, section III-B).

    The sum, over the objectives, of the distance between the two neighbours on either side, in units of the
    front's extent; infinite at its ends.

    Args:
        scores: (n, n_objectives) of one front.

    Example:
        >>> crowding(np.array([[0.0, 4.0], [1.0, 2.0], [4.0, 0.0]])).tolist()
        [inf, 2.0, inf]
    """
    distances = np.zeros(len(scores))
    for column in scores.T:
        order = np.argsort(column, kind="stable")
        extent = column[order[-1]] - column[order[0]]
        distances[order[[0, -1]]] = np.inf
        if extent > 0:
            distances[order[1:-1]] += (column[order[2:]] - column[order[:-2]]) / extent
    return distances
