"""Discrete events: virtual workers that replay a table, with real strategies and real stopping rules."""

from __future__ import annotations

import heapq
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from ray.tune.schedulers import TrialScheduler
from ray.tune.search import Searcher

from nas_ray import pausing
from nas_ray.simulation.budget import Budget
from nas_ray.simulation.wrappers import Report, Wrapper
from nas_ray.stopping import PausingRule, StoppingRule
from nas_ray.strategies import Observation, Proposal, Strategy
from nas_ray.tables import Entry, Table

RECORDED = frozenset({"params", "flops"})
"""Facts that a ledger has a place for."""


@dataclass(eq=False, slots=True)
class VirtualTrial:
    """What a stopping rule and a recorder know of one of Tune's trials.

    Args:
        trial_id: In place of Tune's; the same in every run.
        proposal: What is trained.
        worker: Who trains it.
        begun: Virtual time at which its worker took it.
        reports: What is still to come.
        entry: Its row in the table.
        gpus: GPUs of this trial alone; a virtual worker has none.
    """

    trial_id: str
    proposal: Proposal
    worker: int
    begun: float
    reports: Iterator[Report]
    entry: Entry | None
    gpus: float | None = None
    custom_trial_name: str = ""
    error_file: str = ""
    upcoming: Report | None = None
    last: dict[str, Any] = field(default_factory=dict)


class Listener(Protocol):
    """Hears what happens, in the order of a real run; :class:`nas_ray.engine.recorder.Recorder` is one."""

    def name_of(self, trial: Any) -> str:
        """A trial gets its name."""

    def on_trial_start(self, iteration: int, trials: list[Any], trial: Any) -> None:
        """A trial begins."""

    def on_trial_result(self, iteration: int, trials: list[Any], trial: Any, result: dict[str, Any]) -> None:
        """A trial reports."""

    def on_trial_complete(self, iteration: int, trials: list[Any], trial: Any) -> None:
        """A trial ends."""


@dataclass(frozen=True)
class Ended:
    """A trial that came to its end.

    Args:
        number: Number of its proposal.
        at: Virtual time.
        epochs: Epochs trained over all trials so far.
        value: The signal in its last report, None if it has none.
        best: Number of the proposal that is best by now, None if none has a score.
    """

    number: int
    at: float
    epochs: int
    value: float | None
    best: int | None


class Cluster:
    """W virtual workers on a table.

    A worker that is free asks the strategy at once; where the strategy has nothing, it asks again after the
    next event. Calls reach strategy and rule in the order in which Ray Tune's driver makes them: a report
    goes to the rule, and to the strategy if the trial goes on; the last one goes to both as the trial's end.

    Args:
        table: Measured results.
        strategy: Proposes; it has its space and objective already.
        rule: Stops.
        budget: What may be spent.
        workers: W.
        startup_s: Virtual seconds before a worker's first trial.
        delay_s: Virtual seconds between a proposal and its training.
        wrappers: Failures and slow workers.
        listener: Hears of every event.
    """

    def __init__(
        self,
        table: Table,
        strategy: Strategy,
        rule: StoppingRule,
        budget: Budget,
        *,
        workers: int = 1,
        startup_s: float = 0.0,
        delay_s: float = 0.0,
        wrappers: Sequence[Wrapper] = (),
        listener: Listener | None = None,
    ) -> None:
        self.table, self.strategy, self.rule, self.budget = table, strategy, rule, budget
        self.workers, self.startup_s, self.delay_s = workers, startup_s, delay_s
        self.wrappers, self.listener = wrappers, listener
        self.clock, self.epochs, self.busy = 0.0, 0, 0.0
        self.ended: list[Ended] = []
        self.entries: dict[int, Entry] = {}
        self.values: dict[int, float] = {}
        """Signal in the last report of each proposal that was trained."""
        self._best: Observation | None = None
        self.thought_s = 0.0
        """Real seconds that the strategy has taken."""
        self.reason = ""
        """Why the run is over: ``"done"``, ``"epochs"`` or ``"time_budget"``."""
        self._facts = {each.metric for each in strategy.objectives} - {table.objective.metric}
        self._idle = list(range(workers - 1, -1, -1))
        self._fresh = set(range(workers))
        self._queue: list[tuple[float, int, VirtualTrial]] = []
        self._paused: dict[str, VirtualTrial] = {}
        self._order = 0
        self._asked = 0
        rule.max_fidelity = rule.max_fidelity or table.max_epochs
        rule.budget, rule.trials = budget.epochs, budget.trials
        rule.workers, rule.guided = workers, strategy.learns
        strategy.max_trials = budget.trials
        strategy.set_max_concurrency(workers)

    @property
    def latest(self) -> dict[int, float]:
        """Signal in the last report of each proposal, whether its training has ended or not."""
        metric = self.table.objective.metric
        running = {trial.proposal.number: trial.last for _, _, trial in self._queue}
        return {**self.values, **{number: last[metric] for number, last in running.items() if metric in last}}

    def run(self) -> None:
        """Let the run happen."""
        self.fill()
        while (self._queue or self._give_up()) and not self.reason:
            at, _, trial = heapq.heappop(self._queue)
            if self.budget.seconds is not None and at > self.budget.seconds:
                self.clock, self.reason = self.budget.seconds, "time_budget"
                heapq.heappush(self._queue, (at, -1, trial))
                break
            self.clock = at
            if self.report(trial):
                self.end(trial)
            if self.budget.epochs is not None and self.epochs >= self.budget.epochs:
                self.reason = "epochs"
                break
            self.fill()
        self.busy += sum(max(0.0, self.clock - trial.begun) for _, _, trial in self._queue)
        for trial in list(self._paused.values()):
            self._abandon(trial)
        self.reason = self.reason or "done"

    def fill(self) -> None:
        """Let every idle worker take the paused trial that is due, or ask for a new one."""
        while self._idle and (self._resume() or self.ask() is not None):
            pass

    def ask(self) -> VirtualTrial | None:
        """Let one idle worker ask; None if the strategy has nothing for it now."""
        name = f"virtual-{self._asked}"
        pausing.go_on(name)  # in a run of this process that was broken off it may be paused for ever
        started = time.perf_counter()
        config = self.strategy.suggest(name)
        self.thought_s += time.perf_counter() - started
        if not isinstance(config, dict) or config == Searcher.FINISHED:
            return None
        self._asked += 1
        proposal = self.strategy.proposal_of(name)
        assert proposal is not None
        worker = self._idle.pop()
        entry = self.table.find(config)
        trial = VirtualTrial(
            name, proposal, worker, self.clock, self._reports(entry, proposal, worker), entry
        )
        trial.custom_trial_name = proposal.trial_id
        if entry is not None:
            self.entries[proposal.number] = entry
        if self.listener is not None:
            self.listener.name_of(trial)
            self.listener.on_trial_start(0, [], trial)
        wait = self.delay_s + (self.startup_s if worker in self._fresh else 0.0)
        self._fresh.discard(worker)
        self._schedule(trial, wait)
        return trial

    def report(self, trial: VirtualTrial) -> bool:
        """Let a trial report what it has scheduled.

        Returns:
            Whether that was its last report, and :meth:`end` is due. Tune calls the two one after the other
            too, and other trials may report or begin in between.
        """
        report = trial.upcoming
        assert report is not None
        following = next(trial.reports, None)
        result = self._result(trial, report, last=following is None)
        if not result.get("error"):
            self.epochs += result["epoch"] - trial.last.get("epoch", 0)
        action = str(TrialScheduler.STOP)
        if not result["done"]:
            action = self.rule.on_trial_result(None, trial, result)
        stop = bool(action == TrialScheduler.STOP)
        result["done"] = stop
        trial.last = result
        started = time.perf_counter()
        if not stop:
            self.strategy.on_trial_result(trial.trial_id, result)
        self.thought_s += time.perf_counter() - started
        if self.listener is not None:
            self.listener.on_trial_result(0, [], trial, result)
        if not stop:
            trial.upcoming = following
            if action == TrialScheduler.PAUSE:
                self._pause(trial)
            else:
                self._push(trial, following.seconds if following else 0.0)
        return stop

    def end(self, trial: VirtualTrial) -> None:
        """End a trial whose last report was made; its worker is idle again."""
        self.rule.on_trial_complete(None, trial, trial.last)
        started = time.perf_counter()
        self.strategy.on_trial_complete(trial.trial_id, trial.last)
        self.thought_s += time.perf_counter() - started
        self._free(trial)
        self._remember(trial)

    def _remember(self, trial: VirtualTrial) -> None:
        if self.listener is not None:
            self.listener.on_trial_complete(0, [], trial)
        memory = self.strategy.memory
        seen = memory.ended(trial.proposal.number)
        if seen is not None and seen.outcome != "infeasible":
            if seen.score is not None:
                self.values[seen.number] = trial.last[self.table.objective.metric]
                if self._best is None or seen.rank > self._best.rank:
                    self._best = seen
            best = self._best.number if self._best else None
            self.ended.append(Ended(seen.number, self.clock, self.epochs, self.values.get(seen.number), best))

    def _pause(self, trial: VirtualTrial) -> None:
        self._paused[trial.custom_trial_name] = trial
        self._free(trial)

    def _free(self, trial: VirtualTrial) -> None:
        self.busy += self.clock - trial.begun
        self._idle.append(trial.worker)

    def _resume(self) -> bool:
        name = self.rule.due() if isinstance(self.rule, PausingRule) else None
        if name is None or name not in self._paused:
            return False
        trial = self._paused.pop(name)
        self.rule.resumed(name)
        trial.worker, trial.begun = self._idle.pop(), self.clock
        if self.listener is not None:
            self.listener.on_trial_start(0, [], trial)
        assert trial.upcoming is not None
        self._push(trial, self.delay_s + trial.upcoming.seconds)
        return True

    def _give_up(self) -> bool:
        # Nothing runs and nothing is to begin: what is paused goes on if it may, else it ends.
        if not isinstance(self.rule, PausingRule):
            return False
        while self._paused and not self._queue:
            self._abandon(self._paused[self.rule.given_up()[0]])
            self.fill()
        return bool(self._queue)

    def _abandon(self, trial: VirtualTrial) -> None:
        del self._paused[trial.custom_trial_name]
        self.rule.on_trial_remove(None, trial)
        self.strategy.on_trial_complete(trial.trial_id)
        self._remember(trial)

    def _reports(self, entry: Entry | None, proposal: Proposal, worker: int) -> Iterator[Report]:
        reports: Iterator[Report] = (
            iter([Report(0, 0.0, {}, "the table has no such row")])
            if entry is None
            else (Report(*report) for report in entry.reports())
        )
        for wrapper in self.wrappers:
            reports = wrapper.wrap(reports, proposal.number, worker)
        return reports

    def _schedule(self, trial: VirtualTrial, wait: float) -> None:
        trial.upcoming = next(trial.reports)
        self._push(trial, wait + trial.upcoming.seconds)

    def _push(self, trial: VirtualTrial, wait: float) -> None:
        self._order += 1
        heapq.heappush(self._queue, (self.clock + wait, self._order, trial))

    def _result(self, trial: VirtualTrial, report: Report, last: bool) -> dict[str, Any]:
        result: dict[str, Any] = {
            **report.metrics,
            "epoch": report.epoch,
            "max_epochs": self.table.max_epochs,
            "seconds": report.seconds,
            "done": last or bool(report.error),
            "outcome": "finished" if last else "running",
        }
        if report.error:
            missing = trial.entry is None
            infeasible = missing and self.table.missing == "infeasible"
            result["outcome"] = "infeasible" if infeasible else "failed"
            result["reason"] = "constraint" if infeasible else "error"
            result["error"] = report.error
        elif trial.entry is not None:
            told = self._facts | RECORDED if self.listener is not None else self._facts
            result |= {name: trial.entry.facts[name] for name in told if name in trial.entry.facts}
        return result
