"""A Gaussian process over features: covariances, hyperparameters by likelihood, a posterior that grows."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_triangular

Array = NDArray[np.float64]
Single = NDArray[np.float32]

LENGTHS = (0.35, 0.5, 0.7, 1.0, 1.4, 2.0, 2.8)
"""Length scales tried, in units of a typical distance between two networks."""
NOISES = (1e-2, 5e-2, 2e-1)
"""Noise variances tried, in units of the signal's variance."""
FLOOR = 0.05
"""Smallest standard deviation that a feature is divided by: what hardly varies must not count for much."""


@dataclass(frozen=True)
class Hyperparameters:
    """What a covariance is made of.

    Args:
        weights: Share of each group of features, summing to 1.
        length: Length scale, in units of a typical distance.
        noise: Variance of the noise, in units of the signal's variance.
    """

    weights: tuple[float, ...]
    length: float
    noise: float


class Kernel:
    """A weighted sum of Matérn-5/2 covariances, one for each group of features.

    k(a, b) = Σ_g w_g M(‖a_g − b_g‖ / (ℓ s_g)) with M(r) = (1 + √5 r + 5r²/3) exp(−√5 r); features are divided
    by their standard deviation, and s_g is the root mean square distance within group g. A sum over groups
    lets two networks be alike in one respect (as many convolutions, as deep) and unlike in another.

    Args:
        groups: Widths of the groups, in the order of the columns.
        reference: Feature vectors from all over the space, which the scales are taken from, (n, d).
    """

    def __init__(self, groups: Sequence[int], reference: Array) -> None:
        edges = np.cumsum([0, *groups])
        parts = [slice(int(a), int(b)) for a, b in itertools.pairwise(edges)]
        self._divisors = np.maximum(reference.std(axis=0), FLOOR)
        variances = (reference / self._divisors).var(axis=0)
        spreads = [(part, float(2 * variances[part].sum())) for part in parts]
        self._parts = [(part, spread) for part, spread in spreads if spread > 0] or [(slice(None), 1.0)]
        self.groups = len(self._parts)

    def distances(self, a: Array, b: Array) -> list[Single]:
        """Return the scaled distance of every pair, (n_a, n_b) for each group."""
        a, b = a / self._divisors, b / self._divisors
        return [
            np.sqrt(_squares(a[:, part], b[:, part]) / np.float32(spread)) for part, spread in self._parts
        ]

    def covariances(self, distances: Sequence[Single], chosen: Hyperparameters) -> Single:
        """Return k of the pairs at ``distances``; in single precision, which costs a third of double."""
        total = np.zeros_like(distances[0])
        for weight, distance in zip(chosen.weights, distances, strict=True):
            if weight:
                r = distance * np.float32(5**0.5 / chosen.length)
                total += np.float32(weight) * (1 + r + r * r / 3) * np.exp(-r)
        return total


def _squares(a: Array, b: Array) -> Single:
    squares = (a * a).sum(1)[:, None] + (b * b).sum(1)[None, :] - 2 * a @ b.T
    return np.asarray(np.maximum(squares, 0), dtype=np.float32)


def fit(
    kernel: Kernel, x: Array, z: Array, keep: int, own: Array | None = None
) -> list[tuple[float, Hyperparameters]]:
    """Return the likeliest hyperparameters with their posterior shares, the best first.

    The amplitude of the signal is at its maximum likelihood for each of them, or 1 where values have noise of
    their own. Every setting of a grid is tried: a few dozen small Cholesky factors cost less than one
    gradient ascent, and cannot get stuck.

    Args:
        kernel: The covariance.
        x: Feature vectors, (n, d).
        z: Values with mean 0, (n,).
        keep: How many to return.
        own: Variances of the noise that each value has beside the common one, (n,).
    """
    distances = kernel.distances(x, x)
    found = []
    for weights, length in itertools.product(_mixtures(kernel.groups), LENGTHS):
        covariance = kernel.covariances(distances, Hyperparameters(weights, length, 0.0)).astype(np.float64)
        for noise in NOISES:
            likelihood = _likelihood(covariance, z, noise, own)
            found.append((likelihood, Hyperparameters(weights, length, noise)))
    found.sort(key=lambda each: -each[0])
    shares = np.exp(np.asarray([likelihood for likelihood, _ in found[:keep]]) - found[0][0])
    return [(float(share), chosen) for share, (_, chosen) in zip(shares / shares.sum(), found, strict=False)]


def _mixtures(groups: int) -> Iterator[tuple[float, ...]]:
    """Yield the shares tried: all groups alike, each alone, and each with four times the rest's share."""
    if groups == 1:
        yield (1.0,)
        return
    yield (1 / groups,) * groups
    for lead in range(groups):
        yield tuple(float(group == lead) for group in range(groups))
        yield tuple(0.8 if group == lead else 0.2 / (groups - 1) for group in range(groups))


def _likelihood(covariance: Array, z: Array, noise: float, own: Array | None) -> float:
    total = np.full(len(z), noise) if own is None else noise + own
    factor = np.linalg.cholesky(covariance + np.diag(total))
    v = solve_triangular(factor, z, lower=True, check_finite=False)
    misfit = len(z) * np.log(v @ v / len(z) + 1e-12) if own is None else v @ v
    return float(-0.5 * misfit - np.log(np.diag(factor)).sum())


def leave_one_out(kernel: Kernel, chosen: Hyperparameters, x: Array, z: Array) -> Array:
    """Return the prediction of each value from all the others (Rasmussen and Williams 2006, eq. 5.12).

    Args:
        kernel: The covariance.
        chosen: Its hyperparameters.
        x: Feature vectors, (n, d).
        z: Values, (n,).
    """
    covariance = kernel.covariances(kernel.distances(x, x), chosen).astype(np.float64)
    inverse = np.linalg.inv(covariance + chosen.noise * np.eye(len(z)))
    predicted: Array = z - inverse @ z / np.diag(inverse)
    return predicted


class Posterior:
    """What a Gaussian process says of candidates, given networks that are added one by one.

    The factor L of the covariance of what was added, and L⁻¹ k(added, candidates), grow by a row for each
    network: that costs O(n · candidates), a hundredth of a new factorisation.

    Args:
        kernel: The covariance.
        chosen: Its hyperparameters.
        x: Feature vectors of the first networks, (n, d).
        own: Variances of the noise that the value of each has beside the common one, (n,); the amplitude of
            the signal is 1 then, and no network is added later.
    """

    def __init__(self, kernel: Kernel, chosen: Hyperparameters, x: Array, own: Array | None = None) -> None:
        self._kernel, self._chosen, self._n = kernel, chosen, len(x)
        self._unit = own is not None
        self._noise: float | Array = chosen.noise if own is None else chosen.noise + own
        covariance = self._covariances(x, x).astype(np.float64) + self._noise * np.eye(len(x))
        self._x = x.copy()
        self._factor = np.asarray(np.linalg.cholesky(covariance), dtype=np.float64)
        self.watch(np.empty((0, x.shape[1])))

    def __len__(self) -> int:
        return self._n

    def watch(self, candidates: Array) -> None:
        """Take other candidates in place of those that were watched before.

        Args:
            candidates: Feature vectors, (N, d).
        """
        n = self._n
        self._candidates = candidates
        across = self._covariances(self._x[:n], candidates)
        factor = self._factor[:n, :n].astype(np.float32)
        rows = solve_triangular(factor, across, lower=True, check_finite=False) if n else across
        self._rows = np.zeros((len(self._x), len(candidates)), dtype=np.float32)
        self._rows[:n] = rows
        self._explained = np.einsum("ij,ij->j", rows, rows, dtype=np.float64)

    def add(self, x: Array) -> None:
        """Add one network.

        Args:
            x: Its feature vector, (d,).
        """
        n = self._n
        self._make_room(n + 1)
        across = self._covariances(x[None], self._candidates)[0]
        own = self._covariances(self._x[:n], x[None])[:, 0].astype(np.float64)
        left = solve_triangular(self._factor[:n, :n], own, lower=True, check_finite=False)
        pivot = np.sqrt(max(1.0 + self._chosen.noise - float(left @ left), 1e-9))
        row = (across - left.astype(np.float32) @ self._rows[:n]) / np.float32(pivot)
        self._factor[n, :n], self._factor[n, n] = left, pivot
        self._x[n], self._rows[n] = x, row
        self._explained += row.astype(np.float64) ** 2
        self._n = n + 1

    def predict(self, z: Array) -> tuple[Array, Array, float]:
        """Return mean and standard deviation of the candidates, and the best mean of what was measured.

        Args:
            z: Values of what was added, in its order; NaN where there is none yet: such a network is believed
                to have the value that all the others predict, so that candidates like it lose their
                uncertainty and not their promise.
        """
        factor = self._factor[: self._n, : self._n]
        known = np.isfinite(z)
        v = _whitened(factor, z)
        amplitude = 1.0 if self._unit else float(v @ v) / max(1, int(known.sum()))
        mean = (v.astype(np.float32) @ self._rows[: self._n]).astype(np.float64)
        believed = factor @ v
        alpha = solve_triangular(factor, v, lower=True, trans="T", check_finite=False)
        smoothed = believed - self._noise * alpha
        spread = np.sqrt(np.maximum(amplitude * (1 - self._explained), 1e-12))
        return mean, spread, float(smoothed[known].max())

    def _covariances(self, a: Array, b: Array) -> Single:
        return self._kernel.covariances(self._kernel.distances(a, b), self._chosen)

    def _make_room(self, n: int) -> None:
        if n <= len(self._x):
            return
        room = max(n, 2 * len(self._x), 32)
        for name, shape in (
            ("_x", (room, self._x.shape[1])),
            ("_factor", (room, room)),
            ("_rows", (room, self._rows.shape[1])),
        ):
            old = getattr(self, name)
            new = np.zeros(shape, dtype=old.dtype)
            new[tuple(slice(0, size) for size in old.shape)] = old
            setattr(self, name, new)


def _whitened(factor: Array, z: Array) -> Array:
    """Return v = L⁻¹ z, where what is unknown in z has the value that all the others predict.

    That is the value for which ‖v‖ is least, the likeliest one.
    """
    known = np.isfinite(z)
    v: Array = solve_triangular(factor, np.where(known, z, 0.0), lower=True, check_finite=False)
    if known.all():
        return v
    columns = solve_triangular(factor, np.eye(len(z))[:, ~known], lower=True, check_finite=False)
    believed = np.linalg.lstsq(columns, -v, rcond=None)[0]
    return np.asarray(v + columns @ believed)


def expected_improvement(mean: Array, spread: Array, best: float) -> Array:
    """Return E[max(f − best, 0)] for f ~ N(mean, spread²) (Jones et al. 1998)."""
    from scipy.special import ndtr

    u = (mean - best) / spread
    density = np.exp(-0.5 * u * u) / np.sqrt(2 * np.pi)
    improvement: Array = spread * (u * ndtr(u) + density)
    return improvement
