"""How the memory of a GPU is divided: among the processes on it, and between data set and networks."""

from __future__ import annotations

MIB = 2**20
CONTEXT_MB = 600.0
"""Memory of a GPU that CUDA itself takes in a process, with cuDNN and cuBLAS, in MiB."""
SHARE_FOR_DATA = 0.3
"""A data set moves to a GPU as a whole if it takes at most this share of the memory that there is for it."""


def limit_mb(share: float, total_mb: float) -> float:
    """Return the MiB that a process may take of a GPU, beside what CUDA itself takes.

    Args:
        share: Of the GPU that it was given.
        total_mb: Memory of the GPU.
    """
    part = min(share, 1.0) * total_mb
    return max(part / 2, part - CONTEXT_MB)


def moves_data(size_mb: float, room_mb: float) -> bool:
    """Return whether a data set of that size is kept on a GPU on which a process has that room."""
    return size_mb <= SHARE_FOR_DATA * room_mb
