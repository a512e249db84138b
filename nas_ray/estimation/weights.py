"""Files of weights: the checkpoint of a running trial, and the best network of a run so far."""

from __future__ import annotations

import contextlib
import math
import os
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

SUFFIX = ".pt"

State = dict[str, Any]
"""Tensors and plain values by name: what torch loads with ``weights_only=True``."""


def write(path: Path, state: State) -> None:
    """Write ``state`` so that a reader sees all of it or nothing."""
    import torch

    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    torch.save(state, part)
    os.replace(part, path)


def read(path: Path) -> State | None:
    """Return what :func:`write` wrote, on the CPU; None if there is no file or it is damaged."""
    import torch

    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception:  # a torn or foreign file raises whatever its bytes happen to mean
        return None
    return state if isinstance(state, dict) else None


class Incumbents:
    """A folder that keeps the weights of a run's best network, shared by all its workers.

    Each file is named ``<score>@<trial>.pt``. A worker writes before it reports, and only what is at least
    as good as all that is there, so that the best network of the ledger always has its weights; what is
    worse than the best is deleted.

    Args:
        folder: On a path that all workers share.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def offer(self, score: float, trial: str, make: Callable[[], State]) -> bool:
        """Keep a network if no better one is there.

        Args:
            score: Larger is better; what is not finite is never kept.
            trial: Name of the trial.
            make: Returns the state to write; called only if it is kept.

        Returns:
            Whether it is kept.
        """
        best = max((kept for kept, _ in self.entries()), default=float("-inf"))
        if not math.isfinite(score) or score < best:
            return False
        write(self.folder / f"{float(score)!r}@{trial}{SUFFIX}", make())
        self._prune()
        return True

    def entries(self) -> list[tuple[float, Path]]:
        """Return (score, file) of what is kept, best first."""
        scored = ((_score_of(path), path) for path in self.folder.glob(f"*@*{SUFFIX}"))
        found = [(score, path) for score, path in scored if score is not None]
        return sorted(found, key=lambda entry: (-entry[0], entry[1].name))

    def _prune(self) -> None:
        entries = self.entries()
        for score, path in entries:
            if score < entries[0][0]:
                with contextlib.suppress(FileNotFoundError):  # another worker was quicker
                    path.unlink()


def _score_of(path: Path) -> float | None:
    try:
        return float(path.name.partition("@")[0])
    except ValueError:  # not one of ours, or a file that is still being written
        return None


def trial_of(path: Path) -> str:
    """Return the trial that an incumbent's file belongs to."""
    return path.name.partition("@")[2].removesuffix(SUFFIX)
