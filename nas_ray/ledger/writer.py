"""Writing the record of a run, each line on disk before anything is done about it."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

from nas_ray.errors import RunError
from nas_ray.ledger.encoding import to_line
from nas_ray.ledger.lock import RunLock
from nas_ray.ledger.torn import cut_torn_tail

LEDGER = "ledger.jsonl"
"""Name of the ledger in a run's folder."""

VERSION = 1
"""Version of the records, written in the first of them (kind ``"run"``)."""

SYNC_S = 1.0
"""Seconds that a record may wait for fsync: what a power cut, not a crash, can cost."""


class Ledger:
    """The append-only record of a run: JSON lines, one writer.

    The life of a ledger, in call order::

        Ledger(path)        takes the run's lock, cuts off what a crash left half written
        append(kind, ...)   one record; it has left the process when the call returns
        tick()              from the driver's loop, so that a record followed by silence reaches the disk
        close()             fsync, and the lock is given back

    Args:
        path: The file; it is made if it is missing, its folder is not.
        clock: Returns unix seconds; a simulation hands in its virtual clock.

    Raises:
        RunError: If another process writes this run, or the folder is missing or not writable.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / LEDGER
        >>> with Ledger(path) as ledger:
        ...     ledger.append("run", version=VERSION, space="chain")
        >>> len(path.read_text().splitlines())
        1
    """

    def __init__(self, path: str | os.PathLike[str], clock: Callable[[], float] = time.time) -> None:
        self.path = Path(path)
        self._clock = clock
        self._turn = threading.RLock()  # proposals may be prepared beside the driver's loop
        try:
            self._lock = RunLock(lock_path(self.path))
        except OSError as error:
            raise RunError(f"run {self.path.parent} cannot be written: {_reason(error)}") from error
        try:
            self._open()
        except OSError as error:
            self._lock.release()
            raise RunError(f"{self.path} cannot be written: {_reason(error)}") from error

    def append(self, kind: str, /, **fields: Any) -> None:
        """Write one record of ``kind``, stamped with the time.

        Args:
            kind: Such as ``"propose"``, ``"report"`` or ``"end"``.
            fields: Anything plain or numeric; NaN and infinities are stored as null. ``at`` stands
                in place of the time.

        Raises:
            RunError: If the ledger is closed, or the disk is full or gone; the file then ends
                with the record before.
        """
        if not self._lock.held:
            raise RunError(f"{self.path} is closed; open it with `Ledger(path)` to write on")
        line = to_line({"kind": kind, "at": self.now(), **fields})
        with self._turn:
            try:
                self._write(line)
            except OSError as error:
                raise self._failed(error) from error
            self._dirty = True
            self.tick()

    def now(self) -> float:
        """Return what a record written now is stamped with."""
        return self._clock()

    def tick(self) -> None:
        """Call fsync if a record has waited for it for a second; costs nothing otherwise."""
        if self._dirty and time.monotonic() - self._synced >= SYNC_S:
            self.sync()

    def sync(self) -> None:
        """Bring every record to the disk now."""
        if self._dirty:
            try:
                os.fsync(self._fd)
            except OSError as error:
                raise self._failed(error) from error
            self._dirty = False
        self._synced = time.monotonic()

    def close(self) -> None:
        """Bring every record to the disk and give the lock back; a second call does nothing."""
        if not self._lock.held:
            return
        try:
            self.sync()
        finally:
            os.close(self._fd)
            self._lock.release()

    def __enter__(self) -> Ledger:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Ledger({str(self.path)!r})"

    def _open(self) -> None:
        new = not self.path.exists()
        self.torn = b"" if new else cut_torn_tail(self.path)
        """What was cut off the end when the file was opened; empty after an orderly end."""
        self._fd = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        self._dirty, self._synced = False, time.monotonic()
        if new:
            _sync_folder(self.path.parent)

    def _write(self, line: bytes) -> None:
        end, rest = os.fstat(self._fd).st_size, memoryview(line)
        try:
            while rest:  # a full disk may take a part of the line before it refuses the rest
                rest = rest[os.write(self._fd, rest) :]
        except BaseException:  # Ctrl-C too must not leave half a line in front of the next one
            os.ftruncate(self._fd, end)
            raise

    def _failed(self, error: OSError) -> RunError:
        return RunError(
            f"{self.path} cannot be written: {_reason(error)}; "
            "everything up to here is kept: make room, then resume the run"
        )


def lock_path(path: Path) -> Path:
    """Return the lock file of the ledger at ``path``."""
    return path.with_suffix(".lock")


def _reason(error: OSError) -> str:
    return error.strerror or str(error)


def _sync_folder(folder: Path) -> None:
    # Only with its folder is a new file safe from a power cut; Windows has no such call.
    if os.name == "posix":
        fd = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
