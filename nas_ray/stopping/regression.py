"""The regression of a rung's scores on those before it: Bayesian, and bent where it needs to be."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_solve

Array = NDArray[np.float64]

WEIGHT = 2.0
"""Curves that the prior of the last rung's weight counts for."""

EARLIER = 10.0
"""Curves that the prior of the weight of each rung before it counts for: they seldom tell more."""

BEND = 4.0
"""Curves that the prior of no bend counts for."""

REACH = 2.0
"""Standard deviations from the mean up to which a relation is bent; further out it keeps its slope."""

FREEDOM, NOISE = 2.0, 0.2
"""Prior of the noise: degrees of freedom, and the variance in units of the rung's own."""


class Regression(NamedTuple):
    """A Bayesian regression of a rung's scores on those of the rungs before it, linear in its weights.

    All scores are standardised: in standard deviations from the mean of their rung.

    Args:
        weights: (rungs before + 2,) posterior means; the intercept first, the bend of the last rung last.
        root: R of the weights' posterior covariance R Rᵀ, of the same order.
        noise: Variance around the regression.
        evidence: Logarithm of the marginal likelihood, up to what all regressions of a rung share.
    """

    weights: Array
    root: Array
    noise: float
    evidence: float

    @classmethod
    def learn(cls, known: Array, targets: Array, prior: Array, used: NDArray[np.intp]) -> Regression:
        """Learn it, with the conjugate prior: Gaussian weights and an inverse gamma noise.

        Args:
            known: (trials, rungs before).
            targets: (trials,).
            prior: (rungs before + 2,) prior means of the weights.
            used: Indices of the weights that may differ from zero.
        """
        inputs, mean = _inputs(known)[:, used], prior[used]
        precision = np.diag(np.array([0.01, *[EARLIER] * (len(prior) - 3), WEIGHT, BEND])[used])
        total = precision + inputs.T @ inputs
        factor = np.linalg.cholesky(total)
        found = cho_solve((factor, True), precision @ mean + inputs.T @ targets)
        misfit = max(float(targets @ targets + mean @ precision @ mean - found @ total @ found), 0.0)
        freedom = FREEDOM + len(targets)
        noise = (FREEDOM * NOISE + misfit) / freedom
        weights, root = np.zeros(len(prior)), np.zeros((len(prior), len(prior)))
        weights[used] = found
        # Not by a triangular solver: its threads take milliseconds to wake for these few numbers.
        root[np.ix_(used, used)] = np.sqrt(noise) * np.linalg.inv(factor).T
        volume = np.log(np.diag(precision)).sum() - 2 * np.log(np.diag(factor)).sum()
        return cls(weights, root, noise, float(volume - freedom * np.log(freedom * noise)) / 2)

    def mixed(self, other: Regression, share: float) -> Regression:
        """Return the average of two, whose mean and covariance are those of their mixture.

        Args:
            other: Of the same rung.
            share: Probability that the other is right.
        """
        gap = np.sqrt(share * (1 - share)) * (other.weights - self.weights)
        spread = np.column_stack([np.sqrt(1 - share) * self.root, np.sqrt(share) * other.root, gap])
        # R of the QR decomposition of A is the transpose of a square root of A Aᵀ.
        return Regression(
            (1 - share) * self.weights + share * other.weights,
            np.asarray(np.linalg.qr(spread.T, mode="r")).T,
            (1 - share) * self.noise + share * other.noise,
            float(np.logaddexp(np.log1p(-share) + self.evidence, np.log(share) + other.evidence)),
        )

    def follow(self, known: Array) -> Array:
        """Return the scores that follow known ones, (...,), where the weights are as expected.

        Args:
            known: (rungs before, ...).
        """
        weights = self.weights
        found: Array = weights[0] + np.tensordot(weights[1:-1], known, 1)
        return found + weights[-1] * bend(known[-1]) if weights[-1] else found

    def predict(self, means: Array, covariance: Array) -> tuple[Array, Array, Array]:
        """Return mean and variance of the scores that follow, (trials,), and covariances with those before.

        What is not known of the scores before is carried on: by the slope, and by the curvature, whose part
        is that of a Gaussian number (E x² = m² + v, Var x² = 4 m² v + 2 v²) as far as the bend reaches.

        Args:
            means: (trials, rungs before).
            covariance: (trials, rungs before, rungs before), 0 where a score is known.
        """
        last, weights, curvature = means[:, -1], self.weights[1:-1], self.weights[-1]
        inputs, variance = _inputs(means), covariance[:, -1, -1] * (np.abs(last) < REACH)
        inputs[:, -1] += variance
        shared, spread = covariance @ weights, 2 * (curvature * variance) ** 2
        if curvature:
            bent = 2 * curvature * np.clip(last, -REACH, REACH)
            shared += covariance[:, :, -1] * bent[:, None]
            spread += shared[:, -1] * bent
        spread += shared @ weights + ((inputs @ self.root) ** 2).sum(1) + self.noise
        return inputs @ self.weights, spread, shared


def bend(last: Array) -> Array:
    """Return the square of scores less 1, its mean, for relations that are not straight.

    Beyond :data:`REACH` it goes on along the tangent, so that a single outlier does not decide.
    """
    size = np.abs(last)
    reached = np.minimum(size, REACH)
    found: Array = reached * (2 * size - reached) - 1
    return found


def _inputs(known: Array) -> Array:
    """Return what a regression sees of scores, (trials, rungs + 2): one, the scores, the last one's bend."""
    inputs = np.ones((len(known), known.shape[1] + 2))
    inputs[:, 1:-1], inputs[:, -1] = known, bend(known[:, -1])
    return inputs
