"""How busy the slots of a run were: busy slot seconds over slot seconds."""

from __future__ import annotations

from nas_ray.ledger.encoding import Record
from nas_ray.ledger.reader import read
from nas_ray.ledger.run import RunRecord, Stint
from nas_ray.ledger.writer import Ledger


def slots(run: RunRecord) -> int:
    """Return how many trials the run trains at once."""
    return max(1, int(run.setting("concurrency", 1)))


def busy_share(run: RunRecord, attempt: int | None = None, now: float | None = None) -> float:
    """Return busy slot seconds over slot seconds, from 0 to 1.

    The clock of an attempt runs from the first training's begin to the last one's end: what Ray needs
    to start, and the final test, are not the slots' idleness. A paused trial holds no slot.

    Args:
        run: The ledger, sorted by trial.
        attempt: Number of one start or resume, from 1; None takes all of them.
        now: Unix seconds until which what has not ended goes on, where a driver is at work; None takes the
            last sign of life of each trial.
    """
    stints: dict[int, list[tuple[float, float]]] = {}
    for trial in run.trials.values():
        for stint in trial.stints:
            if attempt in (None, stint.attempt + 1):
                stints.setdefault(stint.attempt, []).append(_lasted(stint, now))
    busy = sum(max(0.0, end - begin) for told in stints.values() for begin, end in told)
    offered = sum(
        _slots_of(run, number) * (max(end for _, end in told) - min(begin for begin, _ in told))
        for number, told in stints.items()
    )
    return min(1.0, busy / offered) if offered > 0 else 0.0


def write_stop(ledger: Ledger, attempt: int, reason: str) -> None:
    """Write the record that ends an attempt: why, and how busy its slots were.

    Args:
        ledger: Of the run, open.
        attempt: Number of the attempt.
        reason: Why it ends.

    Raises:
        RunError: If the record cannot be written.
    """
    stop: Record = {"at": ledger.now(), "attempt": attempt, "reason": reason}
    # What a reader will find: trials that still run are busy until this record.
    run = RunRecord([*read(ledger.path), {"kind": "stop", **stop}])
    ledger.append("stop", **stop, utilisation=busy_share(run, attempt))


def _lasted(stint: Stint, now: float | None) -> tuple[float, float]:
    return stint.begin, max(stint.end, now) if stint.open and now is not None else stint.end


def _slots_of(run: RunRecord, number: int) -> int:
    attempt = run.attempts[number] if number < len(run.attempts) else {}
    return max(1, int(attempt.get("concurrency") or run.header.get("concurrency") or 1))
