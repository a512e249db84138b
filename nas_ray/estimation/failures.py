"""What an exception in a trial means, and letting go of the memory that it holds."""

from __future__ import annotations

import gc
import traceback
from collections.abc import Iterator

import torch

ERROR_LINES = 12
"""Last lines of a traceback that are kept: the error and the place in the user's code."""

_OUT_OF_MEMORY = (
    "out of memory",
    "can't allocate memory",  # torch on the CPU
    "not enough memory",  # torch on the CPU of Windows
    "alloc_failed",  # CUDNN_STATUS_ALLOC_FAILED, CUBLAS_STATUS_ALLOC_FAILED
    "bad_alloc",
    "storage size calculation overflow",  # more bytes than a 64-bit number counts
)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an exception, or one that caused it, means that memory ran out on the device or the host."""
    return any(_is_out_of_memory(link) for link in _chain(error))


def spoils_process(error: BaseException) -> bool:
    """Whether every later trial of this process would fail as well.

    After an error inside a CUDA kernel (an index out of range, an illegal access) CUDA refuses all further
    work of the process, so that only a new process can go on.
    """
    return any("CUDA error" in str(link) for link in _chain(error)) and not is_out_of_memory(error)


def text_of(error: BaseException) -> str:
    """Return the end of the traceback, for the ledger."""
    lines = "".join(traceback.format_exception(error)).strip().splitlines()
    return "\n".join(lines[-ERROR_LINES:])


def release(error: BaseException) -> None:
    """Free what the frames of a failed step hold: its tensors and, through them, the network."""
    for link in _chain(error):
        traceback.clear_frames(link.__traceback__)
    gc.collect()


def _is_out_of_memory(error: BaseException) -> bool:
    if isinstance(error, (torch.cuda.OutOfMemoryError, MemoryError)):
        return True
    text = str(error).lower()
    return isinstance(error, RuntimeError) and any(words in text for words in _OUT_OF_MEMORY)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__
