"""A probabilistic model of learning curves, learned from the curves of the run itself."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from nas_ray.stopping.regression import Array, Regression

SLOPE = 0.5
"""Prior mean of the weight of the last rung, in standard deviations, over thrice the epochs."""

RISE = 0.75
"""How much of the last rise a curve that goes on as it rose rises again, over a way of the same length."""

LASTS = 0.8
"""Prior correlation of scores with those that were foreseen so, over thrice the epochs."""

TOGETHER = 0.8
"""Prior correlation of the scores at two rungs that follow each other."""

FORESEEN = 3.0
"""Curves that this correlation counts for."""

RISING = 0.2
"""Prior probability that curves go on as they rose."""

SHORTEST = 1e-6
"""Least length of a way from rung to rung."""

CERTAIN = 30.0
"""Logarithm of odds beyond which nothing is gained by being surer."""

STAYS = 0.8
"""Probability that a run's curves do so on the way to a rung, if they did on the way to the rung before."""

BENT = -1.0
"""Logarithm of the prior odds that a relation is not a straight line."""

LIMIT = 1000.0
"""Standard deviations from the mean beyond which a score is as far as can be told."""

CONSTANT = 1e-9
"""Standard deviation, in units of the mean, below which scores are the same but for rounding."""

OUTLYING = 5.0
"""Standard deviations below the median from which on a score counts as a failure, however low it is."""

FEW = 4
"""Scores of a rung up to which failures are not seen among themselves."""


class CurveModel:
    """Bayesian regressions from rung to rung.

    The score of a trial at rung k + 1 is a linear function of its scores at rungs 1 to k and Gaussian noise.
    Each of these regressions is learned from all trials that came so far. A trial stops because of scores
    that are known, so that what is missing is missing at random, and a product of such regressions is the
    likelihood of complete and partial curves together (Anderson 1957; Little and Rubin 2019, chapter 7): the
    trials that were let go on do not bias it. The prior is Gaussian and inverse gamma, its weights centred on
    "the last rung tells about half", so that a few curves decide whether early scores of this run tell much,
    nothing, or the contrary.

    Early scores tell the less the longer the way to the end: the prior weight is a half where the epochs are
    three times as many, and near to one where the training ends soon after a rung.

    On the way to a rung, curves either level off, so that the score at the rung before is what counts, or go
    on as they rose, so that slow starters can win: then the prior foresees three quarters of the last rise,
    in the scores' own units. These units matter. Where early scores show the pace of a network more than
    its quality, they spread widely and draw together later, and what rises while they do will overtake; in
    standard deviations of each rung this cannot be seen. Which of the two holds is not decided but averaged
    (Bishop 2006, section 14.1), by the posterior probability. It is that of a Markov chain from rung to rung
    (section 13.2), so that the many trials of the lower rungs say what to think of the last ones, long before
    a slow starter is seen to win. Under both, all rungs may count: where curves cross late, a high score at
    an early rung can be a bad sign. Before later rungs are seen, the prior leans to neither side: a standard
    deviation of the first score is worth 0.07 of the final one on a ladder of four rungs, and -0.01 on seven.

    The square of the score at rung k counts too where the evidence is for it: of networks of many
    depths the deepest may start too slowly to arrive, and those in the middle win. Before it is seen, in some
    five full trainings, a relation is taken to be straight.

    Baker et al. 2018 (https://arxiv.org/abs/1705.10823) regress final scores on partial curves; where we
    differ: partial curves teach too, and the uncertainty of the weights is kept.

    Args:
        scores: (trials, rungs), larger is better, NaN where a trial has not been; at least two trials.
        reached: (trials,) number of rungs that each has reached.
        ends: (rungs,) epochs of the rungs, increasing; None where each is thrice the one before.
        slope: Prior mean of the weight of the last rung; 0 takes early scores and rises to tell nothing.
    """

    def __init__(
        self,
        scores: Array,
        reached: NDArray[np.intp],
        ends: Sequence[float] | None = None,
        *,
        slope: float = SLOPE,
    ) -> None:
        self.slope = slope
        self.rungs = scores.shape[1]
        self.reached = reached
        self.centre, self.spread, self.floor = np.zeros(self.rungs), np.ones(self.rungs), np.zeros(self.rungs)
        self.varies = np.ones(self.rungs, dtype=bool)
        """Whether the scores of a rung differ; where they do not, their spread is taken for 1."""
        for rung in range(self.rungs):
            self._standardise(rung, scores[reached > rung, : rung + 1])
        self.curves = self.standard(scores)
        self.ways = _ways(ends) if ends is not None else np.ones(self.rungs)
        """Length of the way to each rung from the one before: 1 where its epochs are three times as many."""
        self.rising: list[float] = []
        """For each rung but the first, the probability that curves go on to it as they rose."""
        self.steps: list[Regression] = []
        for rung in range(1, self.rungs):
            self._step(rung)
        start = np.zeros((1, self.rungs, self.rungs))
        start[0, 0, 0] = 1.0  # its first score is not known
        self.fresh = float(self.centre[-1] + self.spread[-1] * self._final(np.zeros((1, 1)), start)[0][0])
        """Final score that is expected of a new trial."""

    def standard(self, scores: Array) -> Array:
        """Return scores in standard deviations from the mean of their rung."""
        return np.clip((np.maximum(scores, self.floor) - self.centre) / self.spread, -LIMIT, LIMIT)

    def foresee(self, scores: Array, rung: int) -> tuple[Array, Array]:
        """Return means and standard deviations of the final scores of trials, (trials,), given those so far.

        Args:
            scores: (trials, at least ``rung`` + 1).
            rung: Index of the last rung that counts, 0 for the first.
        """
        unknown = np.zeros((len(scores), self.rungs, self.rungs))
        mean, variance = self._final(self.standard(scores)[:, : rung + 1], unknown)
        return self.centre[-1] + self.spread[-1] * mean, self.spread[-1] * np.sqrt(variance)

    def expected(self, scores: Array, rung: int) -> Array:
        """Return the means alone of :meth:`foresee`."""
        return self.foresee(scores, rung)[0]

    def expected_standard(self, known: Array) -> Array:
        """Return the finals that follow, (...,), where every step is as it is expected to be: to rank them.

        It is quicker than the expected final, from which it differs by the same for all, or hardly.

        Args:
            known: (rungs that are known, ...); in standard deviations from the mean, as is what is returned.
        """
        curves = np.empty((self.rungs, *known.shape[1:]))
        curves[: len(known)] = known
        for rung in range(len(known), self.rungs):
            curves[rung] = self.steps[rung - 1].follow(curves[:rung])
        final: Array = curves[-1]
        return final

    def _final(self, known: Array, covariance: Array) -> tuple[Array, Array]:
        """Return means and variances of final scores, (trials,).

        Args:
            known: (trials, rungs so far) the scores they follow, or their means.
            covariance: (trials, rungs, rungs), 0 where a score is known; it is filled.
        """
        means = np.empty((len(known), self.rungs))
        means[:, : known.shape[1]] = known
        for rung in range(known.shape[1], self.rungs):
            step = self.steps[rung - 1]
            mean, variance, shared = step.predict(means[:, :rung], covariance[:, :rung, :rung])
            covariance[:, rung, :rung] = covariance[:, :rung, rung] = shared
            covariance[:, rung, rung], means[:, rung] = variance, mean
        return means[:, -1], covariance[:, -1, -1]

    def _standardise(self, rung: int, curves: Array) -> None:
        scores = curves[:, rung]
        if len(scores) < 2:
            for each in (self.centre, self.spread, self.varies):
                each[rung] = each[rung - 1]
            self.floor[rung] = -np.inf
            return
        self.floor[rung] = self._floor_of(rung, curves)
        kept = np.maximum(scores, self.floor[rung])
        self.centre[rung], spread = kept.mean(), kept.std()
        self.varies[rung] = spread > CONSTANT * max(1.0, abs(self.centre[rung]))
        self.spread[rung] = spread if self.varies[rung] else 1.0

    def _floor_of(self, rung: int, curves: Array) -> float:
        """Return the score below which a trial has failed, and says nothing about what good ones share.

        It lies far below the median. Of a few trials those have failed that had so at the rung before, and
        are still below all others; where the others are the same, nobody knows what far is.
        """
        scores = curves[:, rung]
        if len(scores) <= FEW:
            good = curves[:, rung - 1] >= self.floor[rung - 1] if rung else np.ones(len(scores), dtype=bool)
            good |= scores >= scores[good].min(initial=np.inf)
            width = float(scores[good].std(ddof=1)) if 2 <= good.sum() < len(scores) else 0.0
            return float(np.median(scores[good]) - OUTLYING * width) if width else -np.inf
        low, median, high = np.quantile(scores, (0.25, 0.5, 0.9))
        width = min((high - median) / 1.28, (median - low) / 0.45) or float(scores.std())
        return float(median - OUTLYING * width)

    def _step(self, rung: int) -> None:
        level = self._regress(rung, self._level(rung))
        # Nothing has risen yet, or nothing can be seen of it, or early scores are taken to tell nothing.
        if rung == 1 or not self.varies[rung - 2 : rung].all() or not self.slope:
            self.rising.append(RISING)
            self.steps.append(level)
            return
        rising = self._regress(rung, self._risen(rung))
        before = self.rising[-1]
        prior = before if rung == 2 else STAYS * before + (1 - STAYS) * (1 - before)
        odds = np.log(prior / (1 - prior)) + rising.evidence - level.evidence
        self.rising.append(float(expit(np.clip(odds, -CERTAIN, CERTAIN))))
        self.steps.append(level.mixed(rising, self.rising[-1]))

    def _level(self, rung: int) -> Array:
        """Return prior means of the weights where curves level off, (rungs before + 2,)."""
        prior = np.zeros(rung + 2)
        prior[rung] = self.slope ** self.ways[rung]
        return prior

    def _risen(self, rung: int) -> Array:
        """Return prior means of the weights where curves go on as they rose, (rungs before + 2,)."""
        again = RISE * min(1.0, self.ways[rung] / self.ways[rung - 1])
        rise = np.array([-again, 1 + again]) * self.spread[rung - 2 : rung]
        known = self.curves[self.reached >= rung, rung - 2 : rung]
        moments = FORESEEN * np.array([[1, TOGETHER], [TOGETHER, 1]]) + known.T @ known
        deviation = np.sqrt(rise @ moments @ rise / (FORESEEN + len(known)))
        prior = np.zeros(rung + 2)
        prior[rung - 1 : rung + 1] = LASTS ** self.ways[rung] * rise / deviation
        return prior

    def _regress(self, rung: int, prior: Array) -> Regression:
        those = self.reached > rung
        used = np.arange(rung + 1)
        known, targets = self.curves[those, :rung], self.curves[those, rung]
        straight = Regression.learn(known, targets, prior, used)
        bent = Regression.learn(known, targets, prior, np.append(used, rung + 1))
        chosen = bent if BENT + bent.evidence > straight.evidence else straight
        return chosen._replace(evidence=float(np.logaddexp(straight.evidence, BENT + bent.evidence)))


def _ways(ends: Sequence[float]) -> Array:
    # A rung at no epochs, or one that another is only by rounding, is put up with.
    positive = np.maximum(ends, np.finfo(np.float64).tiny)
    return np.concatenate([[1.0], np.maximum(np.diff(np.log(positive)) / np.log(3), SHORTEST)])
