"""A probabilistic model of learning curves, learned from the curves of the run itself."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_solve, solve_triangular

Array = NDArray[np.float64]

SLOPE = 0.5
"""Prior mean of the weight of the last rung, in standard deviations: early scores tell something."""

TREND = 1.0
"""Prior mean of the weight of the last rise, where curves go on as they rose."""

ODDS = -1.0
"""Logarithm of the prior odds that they do."""

WEIGHT = 2.0
"""Curves that the prior of each weight counts for."""

BENT = -1.0
"""Logarithm of the prior odds that a relation is not a straight line."""

BEND = 4.0
"""Curves that its prior, a straight line, counts for where it is bent."""

REACH = 3.0
"""Standard deviations from the mean beyond which it goes straight on."""

FREEDOM, NOISE = 2.0, 0.2
"""Prior of the noise: degrees of freedom, and the variance in units of the rung's own."""

LIMIT = 1000.0
"""Standard deviations from the mean beyond which a score is as far as can be told."""

CONSTANT = 1e-9
"""Standard deviation, in units of the mean, below which scores are the same but for rounding."""

OUTLYING = 5.0
"""Standard deviations below the median from which on a score counts as a failure, however low it is."""


class Regression(NamedTuple):
    """A Bayesian regression of a rung's scores on those of the rungs before it, linear in its weights.

    Args:
        weights: (rungs before + 2,) posterior means; the intercept first, the bend last.
        root: R of the weights' posterior covariance R Rᵀ, of the same order.
        noise: Variance around the regression.
        evidence: Logarithm of the marginal likelihood, up to what all regressions of a rung share.
    """

    weights: Array
    root: Array
    noise: float
    evidence: float

    def follow(self, known: Array) -> Array:
        """Return the scores to expect after those at the rungs before, (rungs before, ...)."""
        weights = self.weights
        found: Array = weights[0] + np.tensordot(weights[1:-1], known, 1) + weights[-1] * bend(known[-1])
        return found

    @classmethod
    def learn(cls, inputs: Array, targets: Array, prior: Array, used: NDArray[np.intp]) -> Regression:
        """Learn it, with the conjugate prior: Gaussian weights and an inverse gamma noise.

        Args:
            inputs: (trials, weights), a column of ones first.
            targets: (trials,).
            prior: (weights,) prior means.
            used: Indices of the weights that may differ from zero.
        """
        inputs, mean = inputs[:, used], prior[used]
        precision = np.diag(np.where(used == 0, 0.01, np.where(used == len(prior) - 1, BEND, WEIGHT)))
        total = precision + inputs.T @ inputs
        factor = np.linalg.cholesky(total)
        found = cho_solve((factor, True), precision @ mean + inputs.T @ targets)
        misfit = max(float(targets @ targets + mean @ precision @ mean - found @ total @ found), 0.0)
        freedom = FREEDOM + len(targets)
        noise = (FREEDOM * NOISE + misfit) / freedom
        weights, root = np.zeros(len(prior)), np.zeros((len(prior), len(prior)))
        weights[used] = found
        root[np.ix_(used, used)] = np.sqrt(noise) * solve_triangular(factor, np.eye(len(used)), lower=True).T
        volume = np.log(np.diag(precision)).sum() - 2 * np.log(np.diag(factor)).sum()
        return cls(weights, root, noise, float(volume - freedom * np.log(freedom * noise)) / 2)


class CurveModel:
    """Bayesian regressions from rung to rung.

    The score of a trial at rung k + 1 is a linear function of its scores at rungs 1 to k and, where the
    evidence is for it, of the square of the last one, and Gaussian noise: among networks of many depths the
    deepest may start too slowly to catch up, and those in the middle win.
    Each of these regressions is learned from all trials that came so far. A trial stops because of scores
    that are known, so that what is missing is missing at random, and a product of such regressions is the
    likelihood of complete and partial curves together (Anderson 1957; Little and Rubin 2019, chapter 7): the
    trials that were let go on do not bias it. The prior is Gaussian and inverse gamma, its weights centred on
    "the last rung tells about half", so that a few curves decide whether early scores of this run tell much,
    nothing, or the contrary.

    Two kinds of run are told from each other by the posterior odds, the prior ones times the ratio of
    marginal likelihoods (Bishop 2006, section 3.4). In one, the score at rung k is all that counts. In the
    other, curves go on as they rose, so that slow starters can win: all rungs count, and the prior adds the
    rise from rung k - 1 to k to the score. The likelihood is that of rung k + 1 and of all before it, so that
    the many trials of the lowest rungs decide, long before a slow starter is seen to win.

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
        level, rising = (
            [self._regress(rung, trend) for rung in range(1, self.rungs)] for trend in (False, True)
        )
        gains = np.cumsum([b.evidence - a.evidence for a, b in zip(level, rising, strict=True)])
        self.trend: list[bool] = (ODDS + gains > 0).tolist()
        """For each rung but the first, whether curves go on to it as they rose."""
        self.steps = [b if trend else a for a, b, trend in zip(level, rising, self.trend, strict=True)]

    def standard(self, scores: Array) -> Array:
        """Return scores in standard deviations from the mean of their rung."""
        return np.clip((np.maximum(scores, self.floor) - self.centre) / self.spread, -LIMIT, LIMIT)

    def expected(self, scores: Array, rung: int) -> Array:
        """Return the expected final scores of trials, given their scores up to ``rung`` (0 is the first).

        Args:
            scores: (trials, at least ``rung`` + 1).
            rung: Index of the last rung that counts.
        """
        final = self.expected_standard(self.standard(scores)[:, : rung + 1].T)
        unscaled: Array = self.centre[-1] + self.spread[-1] * final
        return unscaled

    def expected_standard(self, known: Array) -> Array:
        """Return the finals that follow, (...,), where every step is as it is expected to be.

        Args:
            known: (rungs that are known, ...); in standard deviations from the mean, as is what is returned.
        """
        curves = np.empty((self.rungs, *known.shape[1:]))
        curves[: len(known)] = known
        for rung in range(len(known), self.rungs):
            curves[rung] = self.steps[rung - 1].follow(curves[:rung])
        final: Array = curves[-1]
        return final

    def deviation(self, scores: Array, rung: int) -> Array:
        """Return the standard deviations of the final scores of trials, given their scores up to ``rung``.

        Args:
            scores: (trials, at least ``rung`` + 1).
            rung: Index of the last rung that counts.
        """
        known = self.standard(scores)[:, : rung + 1]
        covariance = np.zeros((len(known), self.rungs, self.rungs))
        for following in range(rung + 1, self.rungs):
            step = self.steps[following - 1]
            inputs = _inputs(known)
            slopes = np.tile(step.weights[1:-1], (len(known), 1))
            slopes[:, -1] += np.where(np.abs(known[:, -1]) < REACH, 2 * known[:, -1] * step.weights[-1], 0.0)
            shared = np.einsum("tij,tj->ti", covariance[:, :following, :following], slopes)
            doubt = ((inputs @ step.root) ** 2).sum(1)
            covariance[:, following, :following] = covariance[:, :following, following] = shared
            covariance[:, following, following] = (shared * slopes).sum(1) + doubt + step.noise
            known = np.column_stack([known, step.follow(known.T)])
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
        self.centre[rung], spread = kept.mean(), kept.std()
        self.spread[rung] = spread if spread > CONSTANT * max(1.0, abs(self.centre[rung])) else 1.0

    def _regress(self, rung: int, trend: bool) -> Regression:
        those = self.reached > rung
        prior = np.zeros(rung + 2)
        prior[rung] = self.slope
        if rung > 1 and trend:
            prior[rung - 1 : rung + 1] += (-TREND, TREND)
        used = np.arange(rung + 1) if trend else np.array([0, rung])
        inputs, targets = _inputs(self.curves[those, :rung]), self.curves[those, rung]
        straight = Regression.learn(inputs, targets, prior, used)
        bent = Regression.learn(inputs, targets, prior, np.append(used, rung + 1))
        return bent if BENT + bent.evidence > straight.evidence else straight


def bend(last: Array) -> Array:
    """Return the square of scores less its mean, for relations that are not straight; both standardised."""
    found: Array = np.clip(last, -REACH, REACH) ** 2 - 1
    return found


def _inputs(known: Array) -> Array:
    """Return what a regression sees of scores, (trials, rungs + 2): one, the scores, a bend."""
    return np.column_stack([np.ones(len(known)), known, bend(known[:, -1])])
