"""Reading the record of a run, also while it is written and after a crash."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from nas_ray.errors import LedgerError
from nas_ray.ledger.encoding import Record, from_line
from nas_ray.ledger.lock import is_locked
from nas_ray.ledger.torn import sound_length
from nas_ray.ledger.writer import VERSION, lock_path


def read(path: str | os.PathLike[str]) -> list[Record]:
    """Return every record of the ledger at ``path``, in the order of writing.

    A torn last line is left out: nothing was done about it.

    Raises:
        LedgerError: If there is no such file, a line in the middle is damaged, or a newer
            version of nas_ray wrote it.
    """
    path = Path(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise LedgerError(f"{path} cannot be read: {error.strerror}; is this the folder of a run?") from error
    lines = data[: sound_length(data)].split(b"\n")[:-1]
    records = []
    for number, line in enumerate(lines, 1):
        try:
            records.append(from_line(line))
        except ValueError as error:
            raise LedgerError(
                f"{path} is damaged in line {number}: {error}; restore the file from a copy, "
                "or delete that line to go on without what it recorded"
            ) from error
    _check_version(path, records)
    return records


def is_live(path: str | os.PathLike[str]) -> bool:
    """Return whether a driver is writing the ledger at ``path`` now."""
    return is_locked(lock_path(Path(path)))


def history(records: Iterable[Record]) -> list[Record]:
    """Return the events from which :meth:`Strategy.replay` rebuilds a strategy, in ledger order.

    They are proposals, reports and ends. The last end of a trial counts, and none counts after which its
    training began again: such a trial was running. Known and infeasible proposals carry their end in
    themselves.
    """
    records = [record for record in records if record["kind"] in ("propose", "start", "report", "end")]
    ends = _last_ends(records)
    events = []
    for index, record in enumerate(records):
        fields = {key: value for key, value in record.items() if key not in ("kind", "at")}
        if record["kind"] in ("propose", "report"):
            events.append({"event": record["kind"], **fields})
        elif ends.get(record["trial_id"]) == index:
            events.append({"event": "end", **fields})
    return events


def _last_ends(records: Sequence[Record]) -> dict[str, int]:
    training: set[str] = set()
    ends: dict[str, int] = {}
    for index, record in enumerate(records):
        trial_id = record["trial_id"]
        if record["kind"] == "propose" and record["outcome"] == "running":
            training.add(trial_id)
        elif record["kind"] == "start":
            ends.pop(trial_id, None)
        elif record["kind"] == "end" and trial_id in training:
            ends[trial_id] = index
    return ends


def _check_version(path: Path, records: Sequence[Record]) -> None:
    version = records[0].get("version", VERSION) if records else VERSION
    if not isinstance(version, int) or version > VERSION:
        raise LedgerError(
            f"{path} must be of version {VERSION} or older, but is of version {version!r}; "
            "upgrade with `pip install --upgrade nas-ray`"
        )
