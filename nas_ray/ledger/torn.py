"""The torn end of a ledger: what a crash in the middle of a write leaves behind."""

from __future__ import annotations

import os
from pathlib import Path

from nas_ray.ledger.encoding import from_line


def sound_length(data: bytes) -> int:
    """Return how many bytes at the front of ``data`` are whole: a record counts once its newline is there.

    A last line that has its newline and yet is no record (blocks that a power cut left empty) is torn too.
    """
    end = data.rfind(b"\n") + 1
    start = data.rfind(b"\n", 0, max(end - 1, 0)) + 1
    try:
        if end:
            from_line(data[start:end])
    except ValueError:
        return start
    return end


def cut_torn_tail(path: Path) -> bytes:
    """Cut the torn end off the file at ``path``, keep it beside as ``.torn``, and return it.

    Only the holder of the run's lock may call this.
    """
    data = path.read_bytes()
    end = sound_length(data)
    tail = data[end:]
    if tail:
        with path.with_suffix(".torn").open("ab") as kept:
            kept.write(tail + b"\n")
            kept.flush()
            os.fsync(kept.fileno())
        os.truncate(path, end)
    return tail
