"""The contract of a rule that pauses trials and lets the best of them go on later."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from typing import Any

from ray.tune.experiment import Trial

from nas_ray import pausing
from nas_ray.stopping.base import Decision, Report, StoppingRule, name_of


class PausingRule(StoppingRule):
    """Base of the rules that give a slot to whichever trial deserves it most.

    Whenever a slot is free, :meth:`choose` names the paused trial that goes on; where it names none, a new
    trial begins. A slot gets free when a trial arrives at a rung, and then it may be the trial itself that
    goes on, without a pause, or when a trial ends. A paused trial holds no slot: :mod:`nas_ray.pausing` says
    so to the strategies of nas_ray, and Tune's own limit on concurrency is served by ending the trial of
    least promise where all slots are held by paused ones. Where nothing is left to begin, to run or to go
    on, the paused trials are ended too: none is left without an outcome.

    A concrete rule writes :meth:`arrive` and :meth:`choose`.
    """

    def __init__(self, metric: str | None = None, mode: str | None = None) -> None:
        super().__init__(metric, mode)
        self.waiting: dict[str, None] = {}
        """Trials at a rung that were not chosen so far, in the order of their arrival."""
        self._due: list[str] = []
        self._trials: dict[str, Any] = {}
        self._stuck = False

    @abstractmethod
    def arrive(self, trial: str, fidelity: float, score: float) -> bool:
        """Remember a report; return whether the trial is at a rung, where it may be paused.

        Args:
            trial: Its name.
            fidelity: Epochs trained.
            score: Larger is better; finite.
        """

    @abstractmethod
    def choose(self) -> str | None:
        """Return which of the :attr:`waiting` trials goes on, None if a new one shall begin."""

    @abstractmethod
    def promise(self, trial: str) -> tuple[float, ...]:
        """Return a sort key for paused trials; the one with the least is given up first."""

    def decide(self, trial: str, fidelity: float, score: float) -> bool:
        """Return whether the trial is not stopped; it may be paused."""
        return self.judge(trial, fidelity, score) != "stop"

    def judge(self, trial: str, fidelity: float, score: float) -> Decision:
        """Let the trial that has arrived go on, or pause it in favour of another one or a new one."""
        self._moves(trial)  # a report of a paused trial, relived from a record: it was chosen then
        if not self.arrive(trial, fidelity, score):
            return "continue"
        self.waiting[trial] = None
        return "continue" if self._next(trial) == trial else "pause"

    def due(self) -> str | None:
        """Return the name of the paused trial that is to run next, None if there is none."""
        return self._due[0] if self._due else None

    def resumed(self, trial: str) -> None:
        """Hear that a trial of :meth:`due` runs again."""
        if trial in self._due:
            self._due.remove(trial)

    def take(self, trial: str) -> None:
        """Let a paused trial go on that was not chosen: there is nothing better to do."""
        self._moves(trial)

    def ended(self, trial: str) -> None:
        """Hear that a trial has ended by itself; its slot goes to the next one."""
        self._end(trial)
        self._next()

    def replay(self, reports: Iterable[Report], over: Iterable[str] = ()) -> None:
        """Relive reports; of the trials that were chosen then, or wait, those that are over never go on."""
        super().replay(reports, over)
        for trial in self.over:
            self._end(trial)

    def given_up(self) -> list[str]:
        """Return the paused trials, the one of least promise first."""
        return sorted(self.waiting, key=self.promise)

    # The scheduler protocol.

    def on_trial_add(self, tune_controller: Any, trial: Any) -> None:
        """Remember Tune's object; those that a restored Tuner knows to have ended are over."""
        if trial.is_finished():
            self._end(name_of(trial))
            return
        self._trials[name_of(trial)] = trial
        self.over.pop(name_of(trial), None)

    def on_trial_result(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> str:
        """Decide on a report: go on, stop, or pause."""
        name = name_of(trial)
        self._trials[name] = trial
        action = super().on_trial_result(tune_controller, trial, result)
        if action == self.PAUSE:
            pausing.pause(trial.trial_id)
        return action

    def on_trial_complete(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> None:
        """Remember the last report, and give the slot to the next trial."""
        super().on_trial_complete(tune_controller, trial, result)
        self._forget(trial)
        self._next()

    def on_trial_error(self, tune_controller: Any, trial: Any) -> None:
        """Forget a trial that was lost; Tune adds it again where it is retried."""
        self._forget(trial)

    def on_trial_remove(self, tune_controller: Any, trial: Any) -> None:
        """Forget a trial that is ended while it is paused."""
        self._forget(trial)

    def choose_trial_to_run(self, tune_controller: Any) -> Any:
        """Return the trial that is due; new ones Tune starts by itself."""
        for name in list(self._due):
            trial = self._trials.get(name)
            if trial is None:
                continue  # of an earlier attempt: it comes again
            if trial.status in (Trial.PAUSED, Trial.PENDING):
                return trial
            if not pausing.is_paused(trial.trial_id) and not trial.is_saving:
                self.resumed(name)
        self._give_up(tune_controller)
        return None

    def __getstate__(self) -> dict[str, Any]:
        """Tune's objects stay behind."""
        return {**self.__dict__, "_trials": {}}

    def _give_up(self, tune_controller: Any) -> None:
        # One at first: where a limit of Tune counts paused trials, a new one begins in its place.
        paused = [name for name in self.given_up() if name in self._trials]
        active = len(self._trials) - len(paused)
        if active or self._due or not paused or self._next() is not None:
            self._stuck = False
            return
        for name in paused if self._stuck else paused[:1]:
            if self._trials[name].status == Trial.PAUSED:
                tune_controller.stop_trial(self._trials[name])
        self._stuck = True

    def _next(self, present: str | None = None) -> str | None:
        chosen = self.choose()
        if chosen is not None:
            self._moves(chosen)
            if chosen != present:
                self._due.append(chosen)
        return chosen

    def _moves(self, trial: str) -> None:
        if trial in self.waiting:
            del self.waiting[trial]
        self.resumed(trial)
        if trial in self._trials:
            pausing.go_on(self._trials[trial].trial_id)

    def _forget(self, trial: Any) -> None:
        self._end(name_of(trial))
        self._trials.pop(name_of(trial), None)

    def _end(self, trial: str) -> None:
        self._moves(trial)
        self.over[trial] = None

    def _answer(self, trial: str, fidelity: float, score: float) -> Decision:
        answer = super()._answer(trial, fidelity, score)
        # A trial that was chosen since does not stop again where it was paused.
        return "continue" if answer == "pause" and trial not in self.waiting else answer
