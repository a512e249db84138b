"""The contract of a stopping rule: which trial is not worth its next epoch."""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal

from ray.tune.schedulers import FIFOScheduler, TrialScheduler

from nas_ray.errors import ConfigError, RunError
from nas_ray.reports import fidelity_of, score_of
from nas_ray.tasks import Mode, Objective

STATE_VERSION = 1
Report = tuple[str, float, float]
"""(trial, fidelity in epochs, score: larger is better)."""

Decision = Literal["continue", "stop", "pause"]
ACTIONS: dict[Decision, str] = {
    "continue": TrialScheduler.CONTINUE,
    "stop": TrialScheduler.STOP,
    "pause": TrialScheduler.PAUSE,
}
Belief = Mapping[str, float]
"""What a rule expects of a trial's final score: ``predicted``, ``predicted_low``, ``predicted_high``."""


class StoppingRule(FIFOScheduler):  # type: ignore[misc]  # Ray ships no types for its schedulers
    """Base of all stopping rules: a Ray Tune scheduler that ends trials early.

    For every report the base ends a trial that diverged (its metric is missing, NaN or infinite) and
    otherwise asks :meth:`decide`, once for each trial and fidelity: a report that comes again, because
    Tune tells the last one of a trial twice or because a lost trial is retried, gets the first answer.
    The state of a rule is a function of the reports it saw, in order, and of what it was told of the run:
    replaying them rebuilds it, and that is how :meth:`restore` and a resumed run work.

    In a Tuner of one's own::

        tune.Tuner(trainable, tune_config=tune.TuneConfig(metric="loss", mode="min", scheduler=ASHA()))

    Args:
        metric: Name of the metric; None takes the Tuner's.
        mode: ``"max"`` or ``"min"``; None takes the Tuner's.

    Raises:
        ConfigError: If ``mode`` is neither.
    """

    name: ClassVar[str] = ""

    def __init__(self, metric: str | None = None, mode: str | None = None) -> None:
        super().__init__()
        if mode not in (None, "min", "max"):
            raise ConfigError(f"`mode` must be 'min' or 'max', but got {mode!r}")
        self._metric, self._mode = metric, mode
        self._answers: dict[tuple[str, float], tuple[float, Decision]] = {}
        self.max_fidelity: float | None = None
        """Epochs of a full training, where known: from the run, or from reports that say ``max_epochs``."""

        self.budget: float | None = None
        """Epochs of the whole search, where known."""

        self.trials: int | None = None
        """Trials that the whole search may begin, where known."""

        self.workers: int | None = None
        """Trials that run at once, where known; in a run that is resumed, those of its first attempt."""

        self.guided = False
        """Whether the trials come from a strategy that learns from their results, as far as is known."""

        self.over: dict[str, None] = {}
        """Trials that have ended, as far as the rule was told; one that is retried has not."""

    @abstractmethod
    def decide(self, trial: str, fidelity: float, score: float) -> bool:
        """Return whether ``trial`` goes on, and remember the report.

        Called once for every trial and fidelity, in the order of arrival.

        Args:
            trial: Name of the trial, stable over the attempts of a run.
            fidelity: Epochs trained.
            score: The objective turned so that larger is better; finite.
        """

    def judge(self, trial: str, fidelity: float, score: float) -> Decision:
        """Return what becomes of ``trial`` after a report; called as :meth:`decide` is, which it asks."""
        return "continue" if self.decide(trial, fidelity, score) else "stop"

    def belief(self, trial: str) -> Belief:
        """Return what the rule expected of ``trial`` at its last decision; empty for a rule that does not."""
        return {}

    def acts_at(self, fidelity: float) -> bool:
        """Return whether a finite score at ``fidelity`` epochs may have a trial stopped or paused.

        Asked before the run: epochs at which the rule does not act may be trained and told several at a time.
        A rule that decides in a way of its own may act at any, unless it has an answer of its own here too.
        """
        return True

    def __init_subclass__(cls, **options: Any) -> None:
        """Trust an inherited :meth:`acts_at` only where the decisions are inherited too."""
        super().__init_subclass__(**options)
        decides = {"decide", "judge", "arrive", "on_trial_result"} & vars(cls).keys()
        if decides and "acts_at" not in vars(cls):
            cls.acts_at = StoppingRule.acts_at  # type: ignore[method-assign]

    def rung(self, fidelity: float) -> int | None:
        """Return the number of rungs at or below ``fidelity`` epochs, None for a rule without rungs."""
        return None

    @property
    def started(self) -> bool:
        """Whether the rule has seen a report: it then belongs to a run."""
        return bool(self._answers)

    @property
    def objective(self) -> Objective:
        """The metric and its direction."""
        mode: Mode = "min" if self._mode == "min" else "max"
        return Objective(self._metric or "", mode)

    def set_search_properties(self, metric: str | None, mode: str | None, **spec: Any) -> bool:
        """Take metric and mode from the Tuner; False if the constructor was given others.

        Raises:
            ConfigError: If neither gave them.
        """
        for given, told in ((self._metric, metric), (self._mode, mode)):
            if given and told and given != told:
                return False
        self._metric, self._mode = metric or self._metric, mode or self._mode
        if not self._metric or not self._mode:
            raise ConfigError(
                f"a stopping rule needs a metric and a mode, but got {self._metric!r} and {self._mode!r}: "
                f"{type(self).__name__}(metric=..., mode=...) or tune.TuneConfig(metric=..., mode=...)"
            )
        return True

    def on_trial_result(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> str:
        """Decide on a report: go on, stop, or pause."""
        return ACTIONS[self._decision(trial, result)]

    def on_trial_complete(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> None:
        """Remember the last report of a trial that ended by itself: its rivals are compared with it."""
        self._decision(trial, result)
        self.over[name_of(trial)] = None

    def replay(self, reports: Iterable[Report], over: Iterable[str] = ()) -> None:
        """Relive reports: afterwards the next decision is what it would have been then.

        Args:
            reports: In the order of their arrival.
            over: Trials that have ended since, and do not come again.
        """
        for report in reports:
            self._answer(*report)
        self.over.update(dict.fromkeys(over))

    def save(self, checkpoint_path: str) -> None:
        """Write the reports seen, and what is known of the run, as JSON."""
        state = {
            "version": STATE_VERSION,
            "rule": self.name,
            "reports": [(*key, score) for key, (score, _) in self._answers.items()],
            "over": list(self.over),
            "max_fidelity": self.max_fidelity,
            "budget": self.budget,
            "trials": self.trials,
            "workers": self.workers,
            "guided": self.guided,
        }
        Path(checkpoint_path).write_text(json.dumps(state))

    def restore(self, checkpoint_path: str) -> None:
        """Rebuild the state from :meth:`save`.

        Raises:
            RunError: If the file is of another rule or version.
        """
        state = json.loads(Path(checkpoint_path).read_text())
        if (state.get("version"), state.get("rule")) != (STATE_VERSION, self.name):
            raise RunError(
                f"{checkpoint_path} must hold version {STATE_VERSION} of rule {self.name!r}, "
                f"but holds {state.get('version')} of {state.get('rule')!r}"
            )
        self.max_fidelity = self.max_fidelity or state.get("max_fidelity")
        self.budget = self.budget or state.get("budget")
        self.trials = self.trials or state.get("trials")
        self.workers = self.workers or state.get("workers")
        self.guided = self.guided or state.get("guided", False)
        reports = ((trial, fidelity, score) for trial, fidelity, score in state["reports"])
        self.replay(reports, state.get("over", ()))

    def _decision(self, trial: Any, result: dict[str, Any]) -> Decision:
        self.max_fidelity = result.get("max_epochs") or self.max_fidelity
        score, fidelity = score_of(result, self.objective), fidelity_of(result)
        return "stop" if score is None else self._answer(name_of(trial), fidelity, score)

    def _answer(self, trial: str, fidelity: float, score: float) -> Decision:
        key = (trial, fidelity)
        if key not in self._answers:
            self._answers[key] = (score, self.judge(trial, fidelity, score))
        return self._answers[key][1]


def name_of(trial: Any) -> str:
    """Return the name of a trial: Tune's ids change with every attempt of a run, the engine's do not."""
    return str(trial.custom_trial_name or trial.trial_id)
