"""What earlier attempts of a run left in its ledger, for strategy, stopping rule and limits."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from nas_ray.ledger import history
from nas_ray.reports import score_of
from nas_ray.stopping.base import Report
from nas_ray.strategies.prior import Measured
from nas_ray.tasks import Objective

Record = dict[str, Any]


@dataclass(frozen=True)
class Past:
    """Earlier attempts of a run.

    Args:
        attempts: How many there were.
        events: History for :meth:`Strategy.replay`.
        reports: (trial, epoch, score) for :meth:`StoppingRule.replay`.
        ended: Trials that have ended, for the same.
        epochs: Epochs trained.
        seconds: Seconds taken.
        outcomes: Proposals that ended, by outcome.
        recorded: Last epoch of each trial.
        workers: Trials that the first one ran at once; None where there was none.
        over: Whether the last attempt left nothing to do.
        prior: Networks that were measured before the first training; None where that was not done.
    """

    attempts: int = 0
    events: tuple[Record, ...] = ()
    reports: tuple[Report, ...] = ()
    ended: tuple[str, ...] = ()
    epochs: int = 0
    seconds: float = 0.0
    outcomes: Counter[str] = field(default_factory=Counter)
    recorded: dict[str, int] = field(default_factory=dict)
    workers: int | None = None
    over: bool = False
    prior: tuple[Measured, ...] | None = None

    @property
    def trained(self) -> int:
        """Trials that began training and have ended."""
        return sum(self.outcomes[outcome] for outcome in ("finished", "stopped", "failed"))

    def trials_left(self, total: int | None) -> int | None:
        """Return how many of ``total`` trials are left, at least 1; None where there is no total."""
        return None if total is None else max(1, total - self.trained)

    @classmethod
    def of(cls, records: list[Record], objective: Objective) -> Past:
        """Read a ledger's records."""
        reports = [record for record in records if record["kind"] == "report"]
        scores = [(record, score_of(record["metrics"], objective)) for record in reports]
        events = tuple(history(records))
        return cls(
            attempts=sum(record["kind"] == "attempt" for record in records),
            events=events,
            reports=tuple(
                (record["trial_id"], float(record["epoch"]), score)
                for record, score in scores
                if score is not None
            ),
            ended=tuple(event["trial_id"] for event in events if event["event"] == "end"),
            epochs=len(reports),
            seconds=_seconds(records),
            outcomes=_outcomes(records),
            recorded={record["trial_id"]: record["epoch"] for record in reports},
            workers=next((record["concurrency"] for record in records if record.get("concurrency")), None),
            over=_over(records),
            prior=_prior(records),
        )


def _prior(records: list[Record]) -> tuple[Measured, ...] | None:
    told = next((record["networks"] for record in records if record["kind"] == "prior"), None)
    return None if told is None else tuple(Measured(**each) for each in told)


def _seconds(records: list[Record]) -> float:
    total, first, last = 0.0, None, 0.0
    for record in records:
        if record["kind"] == "attempt":
            total += last - first if first is not None else 0.0
            first = record["at"]
        last = record["at"]
    return total + (last - first if first is not None else 0.0)


def _over(records: list[Record]) -> bool:
    last = next((record for record in reversed(records) if record["kind"] in ("attempt", "stop")), None)
    return last is not None and last.get("reason") == "done"


def _outcomes(records: list[Record]) -> Counter[str]:
    last = {
        record["trial_id"]: record["outcome"] for record in records if record["kind"] in ("propose", "end")
    }
    return Counter(outcome for outcome in last.values() if outcome != "running")
