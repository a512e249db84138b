"""A Gaussian process over feature vectors, its hyperparameters chosen by marginal likelihood."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_triangular

Array = NDArray[np.float64]

LENGTHS = (0.35, 0.5, 0.7, 1.0, 1.4, 2.0, 2.8)
"""Length scales tried, in units of a typical distance between two networks."""
NOISES = (1e-3, 1e-2, 5e-2, 2e-1)
"""Noise variances tried, in units of the signal's variance."""
FITTED_ON = 150
"""Observations that the hyperparameters are found on; more cost time and change little."""


@dataclass(frozen=True)
class Hyperparameters:
    """What a covariance is made of.

    Args:
        length: Length scale, in units of a typical distance.
        noise: Variance of the noise, in units of the signal's variance.
    """

    length: float
    noise: float


class Kernel:
    """Sum of Matérn-5/2 covariances, one for each group of features, equal in weight.

    k(a, b) = 1/G Σ_g M(‖a_g − b_g‖ / (ℓ s_g)), with M(r) = (1 + √5 r + 5r²/3) exp(−√5 r) and s_g the root
    mean square distance within group g over ``reference``. A sum over groups lets two networks be
    alike in one respect (as many convolutions, as deep) and unlike in another.

    Args:
        groups: Widths of the groups, in the order of the columns.
        reference: Feature vectors that the scales are taken from, (n, d).
    """

    def __init__(self, groups: Sequence[int], reference: Array) -> None:
        edges = np.cumsum([0, *groups])
        parts = [slice(int(a), int(b)) for a, b in zip(edges[:-1], edges[1:], strict=True)]
        spreads = [2 * reference[:, part].var(axis=0).sum() for part in parts]
        self._parts = [(part, spread) for part, spread in zip(parts, spreads, strict=True) if spread > 0]

    def distances(self, a: Array, b: Array) -> list[NDArray[np.float32]]:
        """Return the scaled distance of every pair, (n_a, n_b) for each group."""
        return [np.sqrt(_squares(a[:, part], b[:, part]) / spread) for part, spread in self._parts]

    def covariances(self, distances: Sequence[NDArray[np.float32]], length: float) -> NDArray[np.float32]:
        """Return k of pairs at ``distances``; single precision, in which an exponential costs a third."""
        total = np.zeros_like(distances[0])
        for distance in distances:
            r = distance * np.float32(5**0.5 / length)
            total += (1 + r + r * r / 3) * np.exp(-r)
        return total / np.float32(len(distances))


def _squares(a: Array, b: Array) -> NDArray[np.float32]:
    cross = a @ b.T
    squares = (a * a).sum(1)[:, None] + (b * b).sum(1)[None, :] - 2 * cross
    return np.maximum(squares, 0).astype(np.float32)
