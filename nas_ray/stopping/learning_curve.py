"""Halving that learns from the run's own curves where it may cut."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from nas_ray.errors import ConfigError
from nas_ray.stopping.base import Belief, Decision
from nas_ray.stopping.curve_model import CurveModel
from nas_ray.stopping.curve_plan import Draws, plan
from nas_ray.stopping.pausing import PausingRule
from nas_ray.stopping.regression import FREEDOM, Array
from nas_ray.stopping.rungs import Rungs

KNOWS = 2
"""Trials that must have come more than half the way before it is known what early epochs tell."""

SCOUTS = 3
"""Trials that train to their end for it, as far as they begin before it is known."""

WAITS = 1 / 8
"""Share of a budget that is spent, or of its trials that have begun, before scouts are taken where a strategy
learns; of epochs less half a full training of each worker, as all train until scouts have told something."""

AFFORDS = 15
"""Full trainings of a budget below which it cannot pay for that knowledge: trials are promoted as by ASHA."""

NEWS = 1.2
"""Growth of the number of scores after which the model is fitted again."""

WORSE = 0.4
"""Standard deviations by which a trial that goes on may be expected to end below a new one, where trials are
limited and not epochs: no other begins in its place."""

SHARE = 0.9
"""Of the final scores, how many the interval around a prediction shall hold."""


class LearningCurve(PausingRule):
    """Gives epochs to the trials that a model of the learning curves expects most of.

    Trials arrive at rungs r, rη, rη² ... epochs. A :class:`CurveModel`, learned from all curves of this run,
    complete and partial, says which final score to expect of each; :func:`plan` says at which rungs it is
    worth to keep only the best 1/η, given how much the model knows. Scouts, the first two or three trials,
    train to their end, for it to know how early epochs and final scores go together. Until two have come more
    than half the way, and where they are lost, at most one in η of the others goes on: by its score, as in
    ASHA, and in turn by the model, which cares for the rise as well. A strategy that learns begins with the
    worst networks of all that it proposes: with a budget of epochs, scouts are then taken after about an
    eighth of it, the earlier the more workers there are. A free slot goes, at the highest rung first,
    to the best paused trial that is among those to keep and is expected to end no lower than a new one; else
    to a new trial. So early epochs count for as much as they tell in this run: where they tell little, the
    trials train on; where slow starters win, slow starters are kept. Nothing is to be set by hand. The ideas
    it joins: promotions of ASHA (Li et al. 2020), regression on partial curves (Baker et al. 2018), and
    freeze-thaw (Swersky et al. 2014, https://arxiv.org/abs/1406.3896), whose allocation by information gain
    is replaced by the plan.

    The score at a rung is the best one so far, as one epoch is noisy, and so is the final score.

    A budget of epochs is spent for the best score: where no more trials may begin, the best paused ones go on
    until it is spent. Without a budget, or where it is enough for all trials, it is trials that are limited,
    and as many epochs are saved as can be with little risk for the best of them. A budget below 15 full
    trainings cannot pay for learning whether early epochs tell: there the trials are promoted by their
    scores, as in ASHA, which takes it that they do.

    Args:
        metric: Name of the metric; None takes the Tuner's.
        mode: ``"max"`` or ``"min"``; None takes the Tuner's.
        grace_period: r, epochs of the first rung.
        reduction_factor: η.
        allocate: Pause trials that are not among the best, so that they may go on when more is known; False
            stops them, for trainables that cannot be paused.
        max_epochs: Epochs of a full training, for trainables that do not report them.

    Raises:
        ConfigError: If r is below 1 or above ``max_epochs``, or η is not above 1; with the first report,
            if nobody says how long a full training is.
    """

    name = "learning-curve"

    def __init__(
        self,
        metric: str | None = None,
        mode: str | None = None,
        *,
        grace_period: float = 1,
        reduction_factor: float = 3,
        allocate: bool = True,
        max_epochs: float | None = None,
    ) -> None:
        super().__init__(metric, mode)
        self.ladder = Rungs(grace_period, reduction_factor)
        if max_epochs is not None and not grace_period <= max_epochs < np.inf:
            raise ConfigError(
                f"`stopping.max_epochs` must be at least `grace_period`, {grace_period}, and finite, "
                f"but got {max_epochs}"
            )
        self.allocate, self.max_fidelity = allocate, max_epochs
        self.model: CurveModel | None = None
        self.keep: list[float] = []
        """Share of the trials that goes on from each rung."""
        self.ends: list[float] = []
        """Epochs of the rungs, the full training last."""
        self._rows: dict[str, int] = {}
        self._names: list[str] = []
        self._scores = np.empty((0, 0))
        self._expected = np.empty((0, 0))
        self._reached = np.zeros(0, dtype=np.intp)
        self._best: dict[str, float] = {}
        self._fidelity: dict[str, float] = {}
        self._scouts: set[str] = set()
        self._seen, self._fitted, self._finished, self._late = 0, 0, 0, 0
        self._beliefs: dict[str, Belief] = {}

    def arrive(self, trial: str, fidelity: float, score: float) -> bool:
        """Enter the trial's score where it has reached a rung; the full training is the last one."""
        if not self.ends:
            self._set_up()
        row = self._row(trial)
        self._fidelity[trial] = max(fidelity, self._fidelity.get(trial, 0.0))
        best = self._best[trial] = max(score, self._best.get(trial, score))
        passed = sum(fidelity >= end for end in self.ends)
        if passed <= self._reached[row]:
            return False
        self._enter(row, passed, best)
        return passed < len(self.ends)

    def judge(self, trial: str, fidelity: float, score: float) -> Decision:
        """Let a trial go on, or pause it, or stop it where there is no pausing."""
        self._beliefs.pop(trial, None)
        if trial not in self._rows and self._needs_scout():
            self._scouts.add(trial)
        if trial in self._scouts or not self.allocate:
            goes_on = not self.arrive(trial, fidelity, score) or trial in self._scouts or self._is_kept(trial)
            return "continue" if goes_on else "stop"
        return super().judge(trial, fidelity, score)

    def choose(self) -> str | None:
        """Return the best paused trial among those to keep, from the highest rung that has one."""
        rows = np.array([self._rows[trial] for trial in self.waiting], dtype=np.intp)
        for rung in range(len(self.ends) - 2, -1, -1):
            here = rows[self._reached[rows] == rung + 1]
            if len(here):
                ranks = self._ranks(rung)[here]
                if ranks.min() < self._places(rung):
                    return self._names[int(here[np.argmin(ranks)])]
        if self._limit is not None and not self._begins:  # nothing else to spend it on
            return max(self.waiting, key=self.promise, default=None)
        return None

    def promise(self, trial: str) -> tuple[float, ...]:
        """Return the expected final score."""
        row = self._rows[trial]
        return (float(self._expected[row, self._reached[row] - 1]),)

    def belief(self, trial: str) -> Belief:
        """Return mean and 90 % interval of the final score, if the trial's last report reached a rung.

        Empty before two full trainings. The interval is Student's, with the degrees of freedom of the prior
        and one for each full training.
        """
        return self._beliefs.get(trial, {})

    def acts_at(self, fidelity: float) -> bool:
        """Return whether a rung is reached."""
        return self.ladder.at(fidelity)

    def rung(self, fidelity: float) -> int:
        """Return how many rungs lie at or below ``fidelity`` epochs."""
        return self.ladder.reached(fidelity)

    # Curves.

    def _set_up(self) -> None:
        if self.max_fidelity is None:
            raise ConfigError(
                "the rule learning-curve must know how many epochs a full training has: "
                "LearningCurve(max_epochs=...), or report `max_epochs`"
            )
        self.ends = [*self.ladder.below(self.max_fidelity), float(self.max_fidelity)]
        self.keep = [1 / self.ladder.reduction_factor] * (len(self.ends) - 1) + [1.0]
        self._costs = [float(step) for step in np.diff([0.0, *self.ends])]
        self._draws = Draws.make(len(self.ends), 0)
        self._half = 1 + int(np.searchsorted(self.ends, self.max_fidelity / 2, side="right"))

    def _row(self, trial: str) -> int:
        if trial not in self._rows:
            row = self._rows[trial] = len(self._names)
            self._names.append(trial)
            if row >= len(self._reached):
                self._grow(max(64, 2 * row))
        return self._rows[trial]

    def _grow(self, size: int) -> None:
        scores, expected = (np.full((size, len(self.ends)), np.nan) for _ in range(2))
        reached = np.zeros(size, dtype=np.intp)
        count = len(self._reached)
        if count:
            scores[:count], expected[:count], reached[:count] = self._scores, self._expected, self._reached
        self._scores, self._expected, self._reached = scores, expected, reached

    def _enter(self, row: int, passed: int, score: float) -> None:
        before = self._reached[row]
        self._scores[row, before:passed] = score
        self._reached[row] = passed
        self._seen += passed - before
        self._finished += passed == len(self.ends)
        self._late += before < self._half <= passed
        if passed >= self._half or self._seen >= NEWS * self._fitted:
            self._learn()
        for rung in range(before, passed):
            self._foresee(row, rung)

    @property
    def _limit(self) -> float | None:
        """Epochs of the whole search; None where it is trials that are limited."""
        full = self.max_fidelity or np.inf
        if self.budget is None or (self.trials is not None and self.trials * full <= self.budget):
            return None
        return self.budget

    @property
    def _learns(self) -> bool:
        """Whether the budget pays for learning what early epochs tell."""
        return self._limit is None or self._limit >= AFFORDS * (self.max_fidelity or 0)

    @property
    def _knows(self) -> bool:
        """Whether what early epochs tell of the end is known well enough to plan on it."""
        return self._learns and self._late >= KNOWS

    @property
    def _begins(self) -> bool:
        """Whether new trials may begin, as far as is known."""
        if self.trials is None:
            return True
        # What ended without a report, as infeasible networks do, did not begin training.
        silent = sum(trial not in self._rows for trial in self._trials)
        return len(self._names) + silent < self.trials

    def _foresee(self, row: int, rung: int) -> None:
        known = self._scores[[row]]
        self._expected[row, rung] = known[0, rung]
        if self.model is None:
            return
        mean, deviation = (float(of[0]) for of in self.model.foresee(known, rung))
        if self._learns:
            self._expected[row, rung] = mean
        self._believe(row, rung, mean, deviation)

    def _learn(self) -> None:
        self._fitted, count = self._seen, len(self._names)
        reached = self._reached[:count]
        if (reached > 0).sum() < 2 or len(self.ends) < 2:
            return
        self.model = model = CurveModel(self._scores[:count], reached, self.ends)
        if not self._learns:
            return
        for rung in range(len(self.ends)):
            those = np.flatnonzero(reached > rung)
            self._expected[those, rung] = model.expected(self._scores[those], rung)
        if self._knows:
            self.keep = plan(model, self._costs, self._left(), self.ladder.reduction_factor, self._draws)

    def _left(self) -> float | None:
        if self._limit is None:
            return None
        return max(self._limit - sum(self._fidelity.values()), self.ends[-1])

    # Ranks.

    def _needs_scout(self) -> bool:
        """Return whether a trial that reports for the first time is to train to its end."""
        if not self._learns or self._knows or len(self._scouts) >= SCOUTS:
            return False
        if not self.guided or self._limit is None:
            return True
        meanwhile = (self.workers or 1) * (self.max_fidelity or 0) / 2
        is_spent = sum(self._fidelity.values()) >= WAITS * self._limit - meanwhile
        have_begun = self.trials is not None and len(self._rows) >= WAITS * self.trials
        return is_spent or have_begun

    def _is_kept(self, trial: str) -> bool:
        row = self._rows[trial]
        rung = self._reached[row] - 1
        return bool(self._ranks(rung)[row] < max(1, self._places(rung)))

    def _ranks(self, rung: int) -> Array:
        """Return who goes on first from a rung, (trials,), 0 the first; infinite for those that never do."""
        came = self._reached[: len(self._names)] > rung
        expected = self._expected[: len(self._names), rung]
        ranks = np.full(len(came), np.inf)
        by_model = _places_of(-expected[came])
        if not self._learns or self._knows:
            ranks[came] = by_model
        else:
            by_score = _places_of(-self._scores[: len(self._names), rung][came])
            ranks[came] = _places_of(np.minimum(2 * by_score, 2 * by_model + 1))  # in turn
        if self._knows and self.model is not None and (self._limit is None or self._begins):
            worse = WORSE * self.model.spread[-1] if self._limit is None else 0.0
            ranks[expected < self.model.fresh - worse] = np.inf
        return ranks

    def _places(self, rung: int) -> int:
        came = int((self._reached[: len(self._names)] > rung).sum())
        return int(came * self.keep[rung] + 1e-9)

    # Beliefs.

    def _believe(self, row: int, rung: int, mean: float, deviation: float) -> None:
        self._beliefs.pop(self._names[row], None)
        # How far scores rise until the end nobody knows before some trainings have got there.
        if self._finished < KNOWS or rung == len(self.ends) - 1:
            return
        reach = deviation * float(stdtrit(FREEDOM + self._finished, (1 + SHARE) / 2))
        low, high = sorted((self.objective.sign * (mean - reach), self.objective.sign * (mean + reach)))
        self._beliefs[self._names[row]] = {
            "predicted": self.objective.sign * mean,
            "predicted_low": low,
            "predicted_high": high,
        }


def _places_of(keys: Array) -> NDArray[np.intp]:
    """Return the place of each key, the least first; of the same ones, who came first."""
    places = np.empty(len(keys), dtype=np.intp)
    places[np.argsort(keys, kind="stable")] = np.arange(len(keys))
    return places
