"""One driver per run: a lock that the operating system takes back when its owner dies."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import socket
import sys
import time
import weakref
from pathlib import Path

from nas_ray.errors import RunError

TRIES = 10
PAUSE_S = 0.02
"""Pause between tries: :func:`is_locked` in another process holds a shared lock for a moment."""

UNSUPPORTED = (errno.ENOTSUP, errno.ENOSYS, errno.ENOLCK)
"""On a file system without locks a run goes on without this protection."""

if sys.platform == "win32":
    import msvcrt

    def _try_lock(fd: int, *, shared: bool) -> bool:
        os.lseek(fd, 1 << 30, os.SEEK_SET)  # beyond the text, which others must be able to read
        try:
            msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _try_lock(fd: int, *, shared: bool) -> bool:
        # flock, not lockf: a POSIX lock is lost when the same process closes the file a second time.
        try:
            fcntl.flock(fd, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError as error:
            if error.errno not in UNSUPPORTED:
                raise
        return True


class RunLock:
    """The exclusive lock of a run, held from construction until :meth:`release` or the end of the process.

    Args:
        path: The lock file; it stays behind, naming its last owner.

    Raises:
        RunError: If another process, or this one, holds it.
        OSError: If the file cannot be made.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._fd: int | None = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        if not _acquired(self._fd):
            self.release()
            raise RunError(
                f"run {path.parent} is in use by {_owner(path)}; "
                "wait until it has ended or stop it, or start a run of another name"
            )
        _held.add(self)
        owner = json.dumps({"pid": os.getpid(), "host": socket.gethostname()})
        os.ftruncate(self._fd, 0)
        os.write(self._fd, owner.encode())

    @property
    def held(self) -> bool:
        """Whether this object holds the lock in this process."""
        return self._fd is not None

    def release(self) -> None:
        """Give the lock back; a second call does nothing."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None


def is_locked(path: Path) -> bool:
    """Return whether a living process holds the lock at ``path``."""
    try:
        fd = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        return not _try_lock(fd, shared=True)
    finally:
        os.close(fd)


def _acquired(fd: int) -> bool:
    for _ in range(TRIES):
        if _try_lock(fd, shared=False):
            return True
        time.sleep(PAUSE_S)
    return False


def _owner(path: Path) -> str:
    try:
        owner = json.loads(path.read_bytes())
        here = owner["host"] == socket.gethostname()
        return f"process {owner['pid']}" + ("" if here else f" on {owner['host']}")
    except (OSError, ValueError, LookupError, TypeError):
        return "another process"


_held: weakref.WeakSet[RunLock] = weakref.WeakSet()


def _drop_in_child() -> None:
    # A forked child shares the lock: one that outlives a killed driver would keep the run locked.
    for lock in list(_held):
        with contextlib.suppress(OSError):
            lock.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_drop_in_child)
