"""A probabilistic model of learning curves, learned from the curves of the run itself."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

SLOPE = 0.5
"""Prior mean of the weight of the last rung, in standard deviations: early scores tell something."""

WEIGHT = 2.0
"""Curves that the prior of each weight counts for."""

FREEDOM, NOISE = 2.0, 0.2
"""Prior of the noise: degrees of freedom, and the variance in units of the rung's own."""

OUTLYING = 5.0
"""Standard deviations below the median from which on a score counts as a failure, however low it is."""


class CurveModel:
    """Bayesian regressions from rung to rung.

    The score of a trial at rung k + 1 is a linear function of its scores at rungs 1 to k and Gaussian noise.
    Each of these regressions is learned from all trials that came so far. A trial stops because of scores
    that are known, so that what is missing is missing at random, and a product of such regressions is the
    likelihood of complete and partial curves together (Anderson 1957; Little and Rubin 2019, chapter 7): the
    trials that were let go on do not bias it. The prior is Gaussian and inverse gamma, its weights centred on
    "the last rung tells about half", so that a few curves decide whether early scores of this run tell much,
    nothing, or the contrary.

    Baker et al. 2018 (https://arxiv.org/abs/1705.10823) regress final scores on partial curves; where we
    differ: partial curves teach too, and the uncertainty of the weights is kept.

    Args:
        scores: (trials, rungs), larger is better, NaN where a trial has not been; at least two trials.
        reached: (trials,) number of rungs that each has reached.
        slope: Prior mean of the weight of the last rung; 0 takes early scores to tell nothing.
    """

    def __init__(self, scores: Array, reached: NDArray[np.intp], *, slope: float = SLOPE) -> None:
        self.slope = slope
        self.rungs = scores.shape[1]
        self.reached = reached
        self.centre, self.spread, self.floor = np.zeros(self.rungs), np.ones(self.rungs), np.zeros(self.rungs)
        for rung in range(self.rungs):
            self._standardise(rung, scores[reached > rung, rung])
        self.curves = self.standard(scores)
        self.weights: list[Array] = []
        """For each rung but the first: intercept, and a weight for each rung before it."""
        self.roots: list[Array] = []
        """Square roots of the weights' posterior covariances."""
        self.noise: list[float] = []
        """Variances around the regressions."""
        for rung in range(1, self.rungs):
            self._regress(rung)
        self._final = self._to_final()

    def standard(self, scores: Array) -> Array:
        """Return scores in standard deviations from the mean of their rung."""
        return (np.maximum(scores, self.floor) - self.centre) / self.spread

    def expected(self, scores: Array, rung: int) -> Array:
        """Return the expected final scores of trials, given their scores up to ``rung`` (0 is the first).

        Args:
            scores: (trials, at least ``rung`` + 1).
            rung: Index of the last rung that counts.
        """
        final = self.expected_standard(self.standard(scores)[:, : rung + 1], rung)
        unscaled: Array = self.centre[-1] + self.spread[-1] * final
        return unscaled

    def expected_standard(self, known: Array, rung: int) -> Array:
        """Return expected finals of ``known``, (..., rungs); both in standard deviations from the mean."""
        intercept, weights = self._final[rung]
        final: Array = intercept + known @ weights
        return final

    def deviation(self, scores: Array, rung: int) -> Array:
        """Return the standard deviations of the final scores of trials, given their scores up to ``rung``.

        Args:
            scores: (trials, at least ``rung`` + 1).
            rung: Index of the last rung that counts.
        """
        known = self.standard(scores)[:, : rung + 1]
        inputs = np.column_stack([np.ones(len(known)), known])
        covariance = np.zeros((len(known), self.rungs, self.rungs))
        for following in range(rung + 1, self.rungs):
            weights, slopes = self.weights[following - 1], self.weights[following - 1][1:]
            shared = covariance[:, :following, :following] @ slopes
            doubt = ((inputs @ self.roots[following - 1]) ** 2).sum(1)
            covariance[:, following, :following] = covariance[:, :following, following] = shared
            covariance[:, following, following] = shared @ slopes + doubt + self.noise[following - 1]
            inputs = np.column_stack([inputs, inputs @ weights])
        return np.asarray(np.sqrt(covariance[:, -1, -1]) * self.spread[-1])

    def _standardise(self, rung: int, scores: Array) -> None:
        if len(scores) < 2:
            self.centre[rung], self.spread[rung] = self.centre[rung - 1], self.spread[rung - 1]
            self.floor[rung] = -np.inf
            return
        low, median, high = np.quantile(scores, (0.25, 0.5, 0.9))
        # Failures lie far below and say nothing about what good networks have in common.
        width = min((high - median) / 1.28, (median - low) / 0.45) or float(scores.std())
        self.floor[rung] = median - OUTLYING * width if len(scores) > 4 else -np.inf
        kept = np.maximum(scores, self.floor[rung])
        self.centre[rung], self.spread[rung] = kept.mean(), kept.std() or 1.0

    def _regress(self, rung: int) -> None:
        those = self.reached > rung
        inputs = np.column_stack([np.ones(int(those.sum())), self.curves[those, :rung]])
        targets = self.curves[those, rung]
        prior = np.zeros(rung + 1)
        prior[-1] = self.slope
        precision = np.diag([0.01, *[WEIGHT] * rung])
        total = precision + inputs.T @ inputs
        weights = np.linalg.solve(total, precision @ prior + inputs.T @ targets)
        misfit = targets @ targets + prior @ precision @ prior - weights @ total @ weights
        noise = float((FREEDOM * NOISE + max(misfit, 0.0)) / (FREEDOM + len(targets)))
        self.weights.append(weights)
        self.noise.append(noise)
        self.roots.append(np.asarray(np.linalg.cholesky(np.linalg.inv(total) * noise)))

    def _to_final(self) -> list[tuple[float, Array]]:
        # The final score as a function of the rungs up to each: regressions put into each other.
        intercept, slopes = 0.0, np.zeros(self.rungs)
        slopes[-1] = 1.0
        found = [(intercept, slopes)]
        for rung in range(self.rungs - 1, 0, -1):
            share, weights = slopes[rung], self.weights[rung - 1]
            intercept += share * weights[0]
            slopes = slopes[:rung] + share * weights[1:]
            found.append((intercept, slopes))
        return found[::-1]
