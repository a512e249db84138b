"""The live numbers of a run, and the protocol of what shows them."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from nas_ray.results.timing import seconds_left
from nas_ray.tasks import Objective


@dataclass
class Snapshot:
    """Where a run stands.

    Args:
        objective: What is optimised.
        trials: Trials that may begin, None where only time or epochs are limited.
        max_epochs: Epochs of a full training.
        concurrency: Trials at once.
        time_budget: Seconds over all attempts, None where there is no limit.
        seconds_before: Seconds that earlier attempts took.
        epochs_budget: Epochs over all trials and attempts, None where there is no limit.
    """

    objective: Objective
    trials: int | None
    max_epochs: int
    concurrency: int
    time_budget: float | None = None
    seconds_before: float = 0.0
    epochs_budget: int | None = None
    outcomes: Counter[str] = field(default_factory=Counter)
    running: set[str] = field(default_factory=set)
    paused: set[str] = field(default_factory=set)
    epochs: int = 0
    best_trial: str | None = None
    best_score: float | None = None
    started: float = field(default_factory=time.monotonic)
    trained_before: int = 0
    """Trials that ended in earlier attempts; they say nothing about this attempt's pace."""
    epochs_before: int = 0
    """Likewise epochs."""

    @property
    def best_value(self) -> float | None:
        """The best value of the objective so far."""
        return None if self.best_score is None else self.objective.sign * self.best_score

    @property
    def trained(self) -> int:
        """Trials that began training and have ended."""
        return sum(self.outcomes[outcome] for outcome in ("finished", "stopped", "failed"))

    @property
    def _through(self) -> int:
        # A paused trial may never go on: for the time left it is as good as ended.
        return self.trained + len(self.paused)

    @property
    def elapsed(self) -> float:
        """Seconds since this attempt began."""
        return time.monotonic() - self.started

    @property
    def seconds_left(self) -> float | None:
        """Estimate of the time left, from the pace so far; None where nothing can be said."""
        return seconds_left(
            self.elapsed,
            [
                (self.trials, self._through, self._through - self.trained_before),
                (self.epochs_budget, self.epochs, self.epochs - self.epochs_before),
                (self.time_budget, self.seconds_before + self.elapsed, self.elapsed),
            ],
        )

    def relive(
        self, reports: Iterable[tuple[str, float, float]], outcomes: Mapping[str, int], epochs: int
    ) -> None:
        """Take over what earlier attempts of the run did.

        Args:
            reports: (trial, epoch, score) where there is a score.
            outcomes: Proposals that ended, by outcome.
            epochs: Epochs trained, those without a score included.
        """
        for trial, _, score in reports:
            self.report(trial, score)
        self.outcomes.update(outcomes)
        self.epochs = epochs
        self.trained_before, self.epochs_before = self.trained, self.epochs

    def begun(self, trial: str) -> None:
        """A trial begins training, or goes on after a pause."""
        self.running.add(trial)
        self.paused.discard(trial)

    def report(self, trial: str, score: float | None, pauses: bool = False) -> None:
        """A trial reports an epoch, and pauses then or goes on."""
        self.epochs += 1
        if pauses:
            self.running.discard(trial)
            self.paused.add(trial)
        if score is not None and (self.best_score is None or score > self.best_score):
            self.best_score, self.best_trial = score, trial

    def ended(self, trial: str, outcome: str) -> None:
        """A proposal ends."""
        self.running.discard(trial)
        self.paused.discard(trial)
        self.outcomes[outcome] += 1


class Progress(Protocol):
    """Shows a run while it goes on; :meth:`update` is called often and must return at once."""

    def start(self, title: str) -> None:
        """The run begins."""

    def update(self, snapshot: Snapshot) -> None:
        """Something happened, or time went by."""

    def stop(self) -> None:
        """The run is over."""


class Silent:
    """Shows nothing."""

    def start(self, title: str) -> None:
        """Show nothing."""

    def update(self, snapshot: Snapshot) -> None:
        """Show nothing."""

    def stop(self) -> None:
        """Show nothing."""
