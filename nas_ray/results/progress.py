"""Where a run stands, while it runs and after it died."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass

from nas_ray.ledger.reader import is_live, read
from nas_ray.ledger.run import RunRecord
from nas_ray.ledger.utilisation import busy_share, slots
from nas_ray.ledger.writer import LEDGER
from nas_ray.results.best import BestTrial, find_best
from nas_ray.results.continuing import new_total
from nas_ray.results.folder import run_folder
from nas_ray.results.summary import count_text
from nas_ray.results.timing import in_words, seconds_left

TRAINED = ("finished", "stopped", "failed")


@dataclass(frozen=True)
class RunStatus:
    """Where a run stands.

    Args:
        path: The run's folder.
        live: Whether a driver is at work on it.
        reason: Why it stopped: ``"done"``, ``"user"``, ``"time_budget"``, ``"epochs"``, ``"error"``, or
            ``"lost"`` where the driver died; empty while it is live.
        outcomes: Number of trials by outcome; of those without one, which are ``"paused"`` and ``"running"``.
        running: Ids of the trials in training now.
        slots: How many train at once.
        best: The winner so far.
        begun: Trials that began training, those that are to run again included.
        total: Trials that the run is to train, None where only time or epochs limit it.
        epochs: Epochs trained over all trials.
        total_epochs: Epochs that the run may train, None where they are not limited.
        elapsed_s: Seconds that a driver was at work, pauses left out.
        trials_per_hour: Trained trials per hour of that.
        left_s: Estimate of the seconds left, None where nothing can be said.
        utilisation: Busy slot seconds over slot seconds so far, from 0 to 1.
        more: The flag of ``nas-ray resume`` that gives it more to do, where a limit ended it.
    """

    path: str
    live: bool
    reason: str
    outcomes: dict[str, int]
    running: tuple[str, ...]
    slots: int
    best: BestTrial | None
    begun: int
    total: int | None
    epochs: int
    total_epochs: int | None
    elapsed_s: float
    trials_per_hour: float
    left_s: float | None
    utilisation: float
    more: str = ""

    def __str__(self) -> str:
        state = "running" if self.live else f"stopped ({self.reason})"
        trials = f"{self.begun} of {self.total}" if self.total else str(self.begun)
        best = self.best and f"{self.best.metric} {self.best.value:.4f} ({self.best.trial_id})"
        left = "" if self.left_s is None else f", about {in_words(self.left_s)} left"
        lines = [
            f"run {self.path}: {state}",
            f"trials {trials} begun; {count_text(self.outcomes) or 'none yet'}",
            *([f"epochs {self.epochs} of {self.total_epochs} trained"] if self.total_epochs else []),
            self._slots(),
            f"best {best or 'none yet'}",
            f"time {in_words(self.elapsed_s)}{left}; {self.trials_per_hour:.1f} trials/h",
        ]
        return "\n".join(lines if self.live else [*lines, *self._way_on()])

    def _slots(self) -> str:
        if self.live:
            return (
                f"slots {len(self.running)} of {self.slots} busy, so far {self.utilisation:.0%} of the time"
            )
        return f"slots {self.slots}, busy {self.utilisation:.0%} of the time"

    def _way_on(self) -> list[str]:
        if self.reason == "done":
            return []
        if self.more:
            return [f"`nas-ray resume {self.path} {self.more}` gives it more to do"]
        return [f"`nas-ray resume {self.path}` takes it up"]


def status(folder: str | os.PathLike[str]) -> RunStatus:
    """Return where the run in ``folder`` stands.

    Raises:
        RunError: If there is no such run, or its ledger cannot be read.
    """
    path = run_folder(folder)
    # Asked before reading: a driver that ends in between has its last records read.
    live = is_live(path / LEDGER)
    return status_of(RunRecord(read(path / LEDGER)), str(path), live, time.time())


def status_of(run: RunRecord, path: str, live: bool, now: float) -> RunStatus:
    """Return where ``run`` stands at ``now`` (unix seconds)."""
    outcomes, paused = run.outcomes(live), _paused(run) if live else 0
    if paused:
        outcomes |= {"running": outcomes["running"] - paused, "paused": paused}
    trained = sum(outcomes.get(outcome, 0) for outcome in TRAINED)
    elapsed = run.total_s
    if live and run.spans:
        elapsed += max(0.0, now - run.spans[-1][1])
    total, epochs = run.setting("trials"), run.setting("epochs")
    limits = [
        (total, trained + paused, trained + paused),
        (epochs, len(run.reports), len(run.reports)),
        (run.setting("time_budget"), elapsed, elapsed),
    ]
    return RunStatus(
        path=path,
        live=live,
        reason="" if live else run.stop["reason"] if run.stop else "lost",
        outcomes=outcomes,
        running=_in_training(run) if live else (),
        slots=slots(run),
        best=find_best(run),
        begun=_begun(run),
        total=total,
        epochs=len(run.reports),
        total_epochs=epochs,
        elapsed_s=elapsed,
        trials_per_hour=3600 * trained / elapsed if elapsed > 0 else 0.0,
        left_s=seconds_left(elapsed, limits) if live else None,
        utilisation=busy_share(run, now=now if live else None),
        more="" if live else new_total(run),
    )


def _in_training(run: RunRecord) -> tuple[str, ...]:
    stints = {name: trial.stints[-1] for name, trial in run.trials.items() if trial.stints}
    return tuple(name for name, stint in stints.items() if stint.open)


def _paused(run: RunRecord) -> int:
    left = [trial for trial in run.trials.values() if trial.end is None and trial.reports]
    return sum(each.reports[-1].get("decision") == "pause" and not each.stints[-1].open for each in left)


def _begun(run: RunRecord) -> int:
    told = [run.outcome(trial)[0] for trial in run.trials.values() if trial.trains]
    return sum(outcome != "infeasible" for outcome in told)
