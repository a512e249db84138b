"""The records of a run sorted by trial: what frames, results and status are made from."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from nas_ray.ledger.encoding import Record
from nas_ray.reports import worth_of
from nas_ray.tasks import Objective

SCORED = frozenset({"finished", "stopped", "interrupted", "running"})
"""Outcomes with which a trial may win: a failed or diverged one may not, whatever it reported before."""


@dataclass(slots=True)
class Stint:
    """One stay of a trial in a slot, in unix seconds.

    Args:
        begin: When its training began.
        end: When it ended; after a crash the last sign of life.
        attempt: Index of the driver's start or resume, from 0.
        gpus: What the trial had of GPUs in it.
        open: Whether it has not ended in order.
    """

    begin: float
    end: float
    attempt: int
    gpus: float = 0.0
    open: bool = True

    @property
    def seconds(self) -> float:
        """Length of the stay."""
        return max(0.0, self.end - self.begin)  # clocks are set back

    def close(self, at: float) -> None:
        """End it at ``at``, if it has not ended."""
        if self.open:
            self.end, self.open = at, False


@dataclass(slots=True)
class TrialRecord:
    """All records of one trial; ``end`` is None where it never ended or began again since."""

    proposal: Record
    starts: list[Record] = field(default_factory=list)
    reports: list[Record] = field(default_factory=list)
    retries: list[Record] = field(default_factory=list)
    end: Record | None = None
    stints: list[Stint] = field(default_factory=list)

    @property
    def trains(self) -> bool:
        """Whether the proposal goes to training: it is neither known nor infeasible."""
        return bool(self.proposal["outcome"] == "running")

    def since(self, epoch: float) -> float:
        """Return the epochs trained for a report at ``epoch``: since the one before or a checkpoint."""
        if self.reports and self.reports[-1]["epoch"] < epoch:
            return float(epoch - self.reports[-1]["epoch"])
        below = (report["epoch"] for report in self.reports if report["epoch"] < epoch)
        return float(epoch - max(below, default=0))


class RunRecord:
    """A run as its ledger tells it.

    Args:
        records: The records of :func:`nas_ray.ledger.read`.
    """

    def __init__(self, records: Iterable[Record]) -> None:
        self.header: Record = {}
        self.attempts: list[Record] = []
        self.trials: dict[str, TrialRecord] = {}
        self.reports: list[Record] = []
        self.epochs = 0.0
        """Epochs trained over all trials, those that were lost and trained again included."""
        self.tests: dict[tuple[str, int | None], dict[str, float]] = {}
        """Metrics on the test part by (trial, epoch of the weights that were tested)."""
        self.test_errors: dict[tuple[str, int | None], str] = {}
        """Why the test part could not be read, by the same; empty where it was."""
        self.spans: list[list[float]] = []
        """[begin, end] in unix seconds of every stretch of time in which a driver was there."""
        self.prior: list[Record] = []
        """Networks that were measured before the first training: ``config`` and ``values`` of each."""
        self.stop: Record | None = None
        """How the last driver left; None while it is there, or if it was killed."""
        handlers = {name[4:]: getattr(self, name) for name in dir(self) if name.startswith("_on_")}
        for record in records:
            handler = handlers.get(record["kind"])  # kinds of a later version are nobody's loss
            if handler is not None:
                handler(record)
            if self.spans:
                self.spans[-1][1] = max(self.spans[-1][1], record["at"])

    @property
    def objectives(self) -> list[Objective]:
        """What is optimised, most important first; empty if the ledger has no first record."""
        return [
            Objective(each["metric"], each["mode"], each.get("weight"))
            for each in self.header.get("objective", ())
        ]

    @property
    def total_s(self) -> float:
        """Seconds in which a driver was there, pauses between attempts left out."""
        return sum(end - begin for begin, end in self.spans)

    def setting(self, name: str, default: Any = None) -> Any:
        """Return a field of the first record as the last resume left it."""
        told = [record[name] for record in (self.header, *self.attempts) if record.get(name) is not None]
        return told[-1] if told else default

    def elapsed(self, at: float) -> float:
        """Return the seconds from the start to ``at``, pauses between attempts left out."""
        return sum(max(0.0, min(end, at) - begin) for begin, end in self.spans)

    def outcome(self, trial: TrialRecord, live: bool = False) -> tuple[str, str]:
        """Return (outcome, reason) of a trial; one without an end is running if the run is ``live``."""
        if trial.end is not None:
            return trial.end["outcome"], trial.end.get("reason") or ""
        if not trial.trains:
            return trial.proposal["outcome"], trial.proposal.get("reason") or ""
        if live:
            return "running", ""
        reason = self.stop["reason"] if self.stop else "lost"
        # A driver that says it is done and leaves a trial behind has lost it.
        return "interrupted", "lost" if reason == "done" else reason

    def outcomes(self, live: bool = False) -> dict[str, int]:
        """Return the number of trials by outcome."""
        return dict(Counter(self.outcome(trial, live)[0] for trial in self.trials.values()))

    def improvements(self) -> list[Record]:
        """Return the reports that were the best of the run so far, in order; the last is the winner's."""
        if not self.objectives:
            return []
        best, found = -math.inf, []
        scored = {name for name, trial in self.trials.items() if self.outcome(trial)[0] in SCORED}
        for report in self.reports:
            told = {each.metric: measured(report, each.metric) for each in self.objectives}
            score = worth_of(told, self.objectives)
            if score is not None and score > best and report["trial_id"] in scored:
                best = score
                found.append(report)
        return found

    def _on_run(self, record: Record) -> None:
        self.header = record
        self.spans.append([record["at"], record["at"]])

    def _on_attempt(self, record: Record) -> None:
        # The first attempt goes on with the span of the first record: Ray's start lies between the two.
        if self.attempts or not self.spans:
            self.spans.append([record["at"], record["at"]])
        self.attempts.append(record)
        self.stop = None
        for trial in self.trials.values():
            if trial.stints:
                trial.stints[-1].close(trial.stints[-1].end)

    def _on_prior(self, record: Record) -> None:
        self.prior = list(record["networks"])

    def _on_propose(self, record: Record) -> None:
        self.trials[record["trial_id"]] = TrialRecord(record)

    def _on_start(self, record: Record) -> None:
        if (trial := self.trials.get(record["trial_id"])) is not None:
            self._leave(trial, record["at"])
            trial.starts.append(record)
            trial.end = None
            attempt = max(0, len(self.attempts) - 1)
            trial.stints.append(Stint(record["at"], record["at"], attempt, record.get("gpus") or 0.0))

    def _on_report(self, record: Record) -> None:
        self.reports.append(record)
        if (trial := self.trials.get(record["trial_id"])) is not None:
            self.epochs += trial.since(record["epoch"])
            trial.reports.append(record)
            if trial.stints and trial.stints[-1].open:
                trial.stints[-1].end = record["at"]
                trial.stints[-1].gpus = record.get("gpus") or trial.stints[-1].gpus
                trial.stints[-1].open = record.get("decision") != "pause"  # it gives its slot back

    def _on_retry(self, record: Record) -> None:
        if (trial := self.trials.get(record["trial_id"])) is not None:
            trial.retries.append(record)
            self._leave(trial, record["at"])

    def _on_end(self, record: Record) -> None:
        if (trial := self.trials.get(record["trial_id"])) is not None:
            trial.end = record
            self._leave(trial, record["at"])

    def _on_stop(self, record: Record) -> None:
        self.stop = record
        for trial in self.trials.values():
            self._leave(trial, record["at"])

    def _on_test(self, record: Record) -> None:
        tested = record["trial_id"], record.get("epoch")
        self.tests[tested], self.test_errors[tested] = dict(record["metrics"]), record.get("error") or ""

    @staticmethod
    def _leave(trial: TrialRecord, at: float) -> None:
        if trial.stints:
            trial.stints[-1].close(at)


def measured(report: Record, name: str) -> float | None:
    """Return a finite number that a report gives for ``name``, else None."""
    value = report.get("metrics", {}).get(name)
    if value is None and name in ("params", "flops"):
        value = report.get(name)
    if isinstance(value, (int, float)) and math.isfinite(value):
        return value
    return None
