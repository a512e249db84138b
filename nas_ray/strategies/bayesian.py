"""Bayesian optimisation: a Gaussian process over the features of networks chooses the next one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri
from scipy.stats import rankdata

from nas_ray.errors import ConfigError
from nas_ray.strategies import candidates
from nas_ray.strategies.base import Strategy
from nas_ray.strategies.candidates import Candidates
from nas_ray.strategies.evidence import Evidence, evidence
from nas_ray.strategies.gaussian_process import (
    Hyperparameters,
    Kernel,
    Posterior,
    expected_improvement,
    fit,
)
from nas_ray.strategies.records import FORGOTTEN, Candidate, Observation, Proposal

Array = NDArray[np.float64]

DESIGN = 50
"""Random networks of which the first design takes the one farthest from those it has."""
REFERENCE = 300
"""Samples of a large space that the scales of its features are taken from."""
GROWTH = 1.1
"""The hyperparameters are chosen anew when there are this many times the observations of the last time."""
FITTED_ON = 150
"""Observations that hyperparameters are chosen on: the best half of them, and others evenly by rank."""
LONGEST = 1000
"""Networks in the model; of more, the best half and the latest are kept."""
SOME = 1500
"""Networks of a small space that are looked at where trainings were cut short."""
MODELS = 3
"""Settings of the hyperparameters over which the acquisition is averaged."""


class _Models(NamedTuple):
    """Posteriors with their shares, the rows they hold, and for how many observations they were chosen."""

    posteriors: list[tuple[float, Posterior]]
    rows: list[int]
    fitted: int


class _Sample(NamedTuple):
    """What hyperparameters are chosen on: the number of observations, rows, and their scores (rows,).

    Where trainings were cut short, each score has noise of its own, (rows,), and all results of the run tell
    as much as so many complete ones; failures count as complete.
    """

    due: int
    rows: list[int]
    scores: Array
    noise: Array | None = None
    told: float = np.inf


class Bayesian(Strategy):
    """Bayesian optimisation with a Gaussian process and expected improvement (Jones et al. 1998).

    The model sees what a space says of a network (:meth:`SearchSpace.features`): for cells these are the
    same for isomorphic ones, and say how deep and how rich the paths from input to output are, as in
    BANANAS (White et al., AAAI 2021, https://arxiv.org/abs/1910.11858). Its covariance is a sum of
    Matérn-5/2 kernels over groups of features; share, length scale and noise are chosen by marginal
    likelihood, and the expected improvement is averaged over the three likeliest settings.

    * *Values* are normal scores of ranks, best last: a network that a rule stopped or paused ranks by the
      final score that is expected of it (:meth:`Memory.rank`), one that failed below all others, and outliers
      (a tenth of NAS-Bench-201 does not learn) do not matter. The incumbent is the best posterior mean of
      what was measured, since measurements are noisy.
    * *Partial results* are measurements of the final score with noise of their own, as large as the curves of
      this run leave it open (:func:`nas_ray.strategies.evidence.evidence`): a first epoch that tells little
      of the end counts for little.
    * *First design*: ``initial`` networks, each the farthest of 50 random ones from those before. Where
      trainings are cut short, random ones follow while the results tell less than ``initial`` complete ones
      would: a model of less than that prefers what starts fast, and is worse than none.
    * *Candidates*: every network where the space has at most 20,000 configurations, otherwise random samples
      and mutations of the best ones, and in a second round mutations of the most promising.
    * *Parallel workers*: a network in training is believed to have its predicted value, which takes the
      uncertainty, and with it the improvement, from its likes. A free worker never waits.

    Up to a thousand networks are in the model: of more, the best half and the latest.

    Example:
        >>> from ray import tune
        >>> strategy = Bayesian(metric="val_acc", mode="max", seed=0, initial=4)
        >>> strategy.set_search_properties(None, None, {f"op{i}": tune.choice([0, 1, 2]) for i in range(5)})
        True
        >>> for number in range(30):
        ...     config = strategy.suggest(str(number))
        ...     strategy.on_trial_complete(str(number), {"val_acc": sum(config.values())})
        >>> sum(strategy.memory.best.config.values())
        10

    Args:
        space: The search space; None takes the flat parameter space that Tune hands over.
        metric: Name of the metric; None takes the Tuner's.
        mode: ``"max"`` or ``"min"``; None takes the Tuner's.
        seed: Seed of all random choices.
        initial: Networks of the first design.
        options: Options of every :class:`Strategy`.

    Raises:
        ConfigError: If ``initial`` is below 2.
    """

    name = "bayesian"

    def __init__(
        self,
        space: Any = None,
        metric: str | None = None,
        mode: str | None = None,
        seed: int | None = None,
        *,
        initial: int = 10,
        **options: Any,
    ) -> None:
        if initial < 2:
            raise ConfigError(f"`initial` must be at least 2, but got {initial}")
        self.initial = initial
        super().__init__(space, metric, mode, seed, **options)

    def prepare(self) -> None:
        """Forget everything; what is needed of the space is worked out with the first proposal."""
        self._features: list[Array] = []
        self._observed: dict[int, Observation] = {}
        self._row_of: dict[int, int] = {}
        self._started_with: list[int] = []
        self._sample = _Sample(0, [], np.empty(0))
        self._models: _Models | None = None
        self._chosen: tuple[int, list[tuple[float, Hyperparameters]]] | None = None
        self._open: NDArray[np.bool_] | None = None
        self._kernel: Kernel | None = None

    def adopt(self, proposal: Proposal) -> None:
        """Take a network that goes to training, or was trained elsewhere, into the model."""
        if proposal.measured:
            self._row_of[proposal.number] = len(self._features)
            self._features.append(self._space.features(proposal.config))
        if self._open is not None:
            self._close(proposal.config_id)

    def learn(self, observation: Observation) -> None:
        """Take what became of it; a lost trial says nothing."""
        row = self._row_of.get(observation.number)
        if row is not None and observation.reason not in FORGOTTEN and observation.outcome != "interrupted":
            more = row not in self._observed
            self._observed[row] = observation
            due = _due(len(self._observed))
            if more and due == len(self._observed):
                # Noted here: what is known of paused trials changes, and a replayed history must choose on
                # the same, and make the same additions in the same order.
                self._started_with = self._kept()
                rows = _spread(sorted(self._observed, key=self._worth_of))
                self._sample = self._sampled(due, rows)

    def propose(self, rng: np.random.Generator) -> Candidate | None:
        """Return a network of the first design, then the one that promises most."""
        if candidates.is_small(self._space):
            return self._from_all(rng)
        if self._designing:
            drawn = [self._space.sample(rng, self.task) for _ in range(self._drawn)]
            found = Candidates(self._space, drawn)
            return Candidate(found.configs[self._farthest(found.features)])
        return self._from_pool(rng)

    @property
    def _designing(self) -> bool:
        return len(self._features) < self._first_design or self._tells_too_little or not self._scored

    @property
    def _tells_too_little(self) -> bool:
        return self._sample.told < self._first_design

    @property
    def _drawn(self) -> int:
        """Random networks of which the farthest is taken."""
        beyond = len(self._features) >= self._first_design and self._tells_too_little
        return 1 if beyond else DESIGN

    @property
    def _first_design(self) -> int:
        return self.initial

    @property
    def _scored(self) -> bool:
        return any(observation.score is not None for observation in self._observed.values())

    def __getstate__(self) -> dict[str, Any]:
        """The Tuner pickles its searcher again and again; the model is made anew from the history."""
        return {**super().__getstate__(), "_models": None, "_open": None, "_kernel": None}

    # All networks of a small space.

    def _from_all(self, rng: np.random.Generator) -> Candidate | None:
        everything = candidates.all_of(self._space, self.task)
        if self._open is None:
            self._open = np.ones(len(everything), dtype=bool)
            for proposal in self.memory.proposals:
                self._close(proposal.config_id)
        left = np.flatnonzero(self._open)
        if not len(left):
            return None
        if self._designing:
            drawn = rng.choice(left, size=min(self._drawn, len(left)), replace=False)
            return Candidate(everything.configs[int(drawn[self._farthest(everything.features[drawn])])])
        if self._sample.noise is not None:
            return self._from_some(left, rng)
        promise = np.where(self._open, self._promise(everything.features), -np.inf)
        return Candidate(everything.configs[int(np.argmax(promise))])

    def _from_some(self, left: NDArray[np.intp], rng: np.random.Generator) -> Candidate:
        """Choose among a sample of the networks that are left, and mutations of the best.

        A model that is new each time cannot look at all of them as quickly as one that grows.
        """
        everything, space = candidates.all_of(self._space, self.task), self._space
        picks = {int(at) for at in rng.choice(left, size=min(SOME, len(left)), replace=False)}
        for parent in sorted(self._observed, key=self._worth_of)[-candidates.PARENTS :]:
            for _ in range(candidates.CHILDREN):
                child = space.mutate(self._observed[parent].config, rng, self.task)
                picks.add(everything.index.get(space.config_id(child), int(left[0])))
        assert self._open is not None
        some = np.array(sorted(at for at in picks if self._open[at]))
        return Candidate(everything.configs[int(some[np.argmax(self._promise(everything.features[some]))])])

    def _close(self, config_id: str) -> None:
        assert self._open is not None
        at = candidates.all_of(self._space, self.task).index.get(config_id)
        if at is not None and self.memory.known(config_id):
            self._open[at] = False

    # A pool of a large one.

    def _from_pool(self, rng: np.random.Generator) -> Candidate | None:
        best = [
            each.config for each in sorted(self._observed.values(), key=self._worth)[-candidates.PARENTS :]
        ]
        known = self.memory.known
        drawn = candidates.pool(self._space, best, known, rng, self.task)
        if not len(drawn):
            return Candidate(self._space.sample(rng, self.task))
        first = self._promise(drawn.features, keep=False)
        leaders = [drawn.configs[int(at)] for at in np.argsort(-first, kind="stable")[: candidates.PARENTS]]
        nearer = candidates.pool(self._space, leaders, known, rng, self.task, samples=0)
        second = self._promise(nearer.features, keep=False) if len(nearer) else np.full(1, -np.inf)
        if second.max() > first.max():
            return Candidate(nearer.configs[int(np.argmax(second))])
        return Candidate(leaders[0])

    # The model.

    def _farthest(self, features: Array) -> int:
        if not self._features:
            return 0
        distances = self._covariance().distances(np.asarray(self._features), features)
        nearest: Array = np.sum(distances, axis=0).min(axis=0)
        return int(np.argmax(nearest))

    def _covariance(self) -> Kernel:
        if self._kernel is None:
            space, task = self._space, self.task
            if candidates.is_small(space):
                reference = candidates.all_of(space, task).features
            else:
                rng = self.generator(0, 1)
                reference = np.asarray([space.features(space.sample(rng, task)) for _ in range(REFERENCE)])
            self._kernel = Kernel(space.feature_groups, reference)
        return self._kernel

    def _promise(self, features: Array, keep: bool = True) -> Array:
        """Return the expected improvement of candidates, averaged over the models.

        Args:
            features: (N, d).
            keep: Whether the candidates are the same next time, so that what is said of them may grow.
        """
        if self._sample.noise is not None:
            return self._promise_by_evidence(features)
        models, due = self._models, _due(len(self._observed))
        fresh = models is None or models.fitted != due
        if models is None or fresh:
            models = self._models = self._fitted(due)
        for row in range(models.rows[-1] + 1, len(self._features)):
            models.rows.append(row)
            for _, posterior in models.posteriors:
                posterior.add(self._features[row])
        z = self._scores(models.rows)
        total = np.zeros(len(features))
        for share, posterior in models.posteriors:
            if fresh or not keep:
                posterior.watch(features)
            total += share * expected_improvement(*posterior.predict(z))
            if not keep:
                posterior.watch(features[:0])
        return total

    def _promise_by_evidence(self, features: Array) -> Array:
        """Return the expected improvement of candidates where trainings were cut short.

        What every partial result is worth changes with each report, so the model is made anew.
        """
        rows = self._kept()
        found = self._evidence(rows) or Evidence(self._scores(rows), np.zeros(len(rows)), np.inf)
        posterior = Posterior(self._covariance(), self._settings()[0][1], self._inputs(rows), found.noise)
        posterior.watch(features)
        return expected_improvement(*posterior.predict(found.values))

    def _evidence(self, rows: list[int]) -> Evidence | None:
        """Return values of networks, NaN of those in training, with noise; None if none was cut short."""
        known = {at: self._observed[row] for at, row in enumerate(rows) if row in self._observed}
        if all(each.score is None or each.complete for each in known.values()):
            return None
        expected = self.memory.forecast.expectations(self.max_fidelity)
        told = {at: told for at, each in known.items() if (told := _expectation(each, expected))}
        if not any(np.isfinite(mean) for mean, _ in told.values()):
            return None
        found, seen = evidence(*np.array(list(told.values())).T), list(told)
        values, noise = np.full(len(rows), np.nan), np.full(len(rows), float(np.median(found.noise)))
        values[seen], noise[seen] = found.values, found.noise
        return Evidence(values, noise, found.told)

    def _sampled(self, due: int, rows: list[int]) -> _Sample:
        """Return what hyperparameters are chosen on: networks of which something is known."""
        found, told = self._evidence(rows), self._complete_equivalent()
        known = [] if found is None else [int(at) for at in np.flatnonzero(np.isfinite(found.values))]
        if found is None or len(known) < 2:
            return _Sample(due, rows, self._scores(rows), told=told)
        return _Sample(due, [rows[at] for at in known], found.values[known], found.noise[known], told)

    def _complete_equivalent(self) -> float:
        """Return how many complete results all results amount to; infinity where they are all complete."""
        complete = [each.score is None or each.complete for each in self._observed.values()]
        if all(complete):
            return np.inf
        found = self._evidence(self._kept())
        return float(sum(complete)) if found is None else found.told

    def _fitted(self, due: int) -> _Models:
        kernel, settings = self._covariance(), self._settings()
        rows = list(self._started_with)
        posteriors = [(share, Posterior(kernel, setting, self._inputs(rows))) for share, setting in settings]
        return _Models(posteriors, rows, due)

    def _settings(self) -> list[tuple[float, Hyperparameters]]:
        due, rows, scores, noise, _ = self._sample
        if self._chosen is None or self._chosen[0] != due:
            self._chosen = (due, fit(self._covariance(), self._inputs(rows), scores, MODELS, noise))
        return self._chosen[1]

    def _inputs(self, rows: list[int]) -> Array:
        return np.asarray([self._features[row] for row in rows])

    def _kept(self) -> list[int]:
        rows = list(range(len(self._features)))
        if len(rows) <= LONGEST:
            return rows
        best = sorted(self._observed, key=self._worth_of)[-LONGEST // 2 :]
        return sorted({*best, *rows[-LONGEST // 2 :]})

    def _scores(self, rows: list[int]) -> Array:
        """Return normal scores of the ranks of what was observed, NaN for the others."""
        seen = [at for at, row in enumerate(rows) if row in self._observed]
        worths = [self._worth_of(rows[at]) for at in seen]
        order = {worth: place for place, worth in enumerate(sorted(set(worths)))}
        ranks = rankdata([order[worth] for worth in worths])
        z = ndtri((ranks - 0.5) / len(ranks))
        scores = np.full(len(rows), np.nan)
        scores[seen] = z / (z.std() or 1.0)
        return scores

    def _worth_of(self, row: int) -> tuple[bool, float, float]:
        return self._worth(self._observed[row])

    def _worth(self, observation: Observation) -> tuple[bool, float, float]:
        return (observation.score is not None, *self.rank(observation))


def _expectation(
    observation: Observation, expected: Mapping[int, tuple[float, float]]
) -> tuple[float, float] | None:
    """Return mean and deviation of a final score; None of a partial result of which no curve is known.

    A complete result may have none either: one that is known from elsewhere, by its end alone.
    """
    if observation.score is None:
        return -np.inf, 0.0
    known = (observation.score, 0.0) if observation.complete else None
    return expected.get(observation.number, known)


def _due(observed: int) -> int:
    """Return the number of observations at which the hyperparameters in force were chosen."""
    due = 1
    while (following := max(due + 1, int(due * GROWTH))) <= observed:
        due = following
    return due


def _spread(rows: list[int]) -> list[int]:
    """Return at most :data:`FITTED_ON` of rows sorted by worth: the best, and others evenly."""
    if len(rows) <= FITTED_ON:
        return rows
    best = rows[-FITTED_ON // 2 :]
    rest = rows[: -FITTED_ON // 2]
    picks = np.linspace(0, len(rest) - 1, FITTED_ON - len(best)).astype(int)
    return [*(rest[int(pick)] for pick in picks), *best]
