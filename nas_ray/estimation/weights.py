"""Files of weights: the checkpoint of a running trial, and the best network of a run so far."""

from __future__ import annotations

import contextlib
import math
import os
import uuid
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

SETTLED, OPEN = ".pt", ".open"
"""Suffixes of an incumbent: of a trial that ended well, and of one that may still fail."""

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

    A trial that reports a good epoch may fail later and then wins nothing. So its file is named
    ``<score>@<trial>.open`` while it trains and ``<score>@<trial>.pt`` when it has ended well
    (:meth:`settle`); one that fails takes its file away (:meth:`withdraw`). A worker writes before it
    reports, the best epoch of each trial (of equals the first), and only what is at least as good as all
    that is settled: the best network of the ledger always has its weights, whichever trials fail. What is
    worse than the best settled one is deleted.

    Args:
        folder: On a path that all workers share.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def offer(self, score: float, trial: str, make: Callable[[], State]) -> bool:
        """Keep the network of a trial in training, unless one that is settled is better.

        Args:
            score: Larger is better; what is not finite is never kept.
            trial: Name of the trial.
            make: Returns the state to write; called only if it is kept.

        Returns:
            Whether it is kept.
        """
        own = [(kept, path) for kept, path in self.entries() if trial_of(path) == trial]
        best = max((kept for kept, _ in own), default=-math.inf)
        if not math.isfinite(score) or score <= best or score < self._settled():
            return False
        write(self.folder / f"{float(score)!r}@{trial}{OPEN}", make())
        _delete(path for _, path in own)
        self._prune()
        return True

    def settle(self, trial: str) -> None:
        """Count a trial that ended well: what is worse than it is deleted."""
        for _, path in self.entries():
            if trial_of(path) == trial and path.suffix == OPEN:
                with contextlib.suppress(FileNotFoundError):  # another worker settled a better one
                    os.replace(path, path.with_suffix(SETTLED))
        self._prune()

    def withdraw(self, trial: str) -> None:
        """Forget a trial that failed."""
        _delete(path for _, path in self.entries() if trial_of(path) == trial)

    def entries(self) -> list[tuple[float, Path]]:
        """Return (score, file) of what is kept, best first."""
        paths = (path for path in self.folder.glob("*@*") if path.suffix in (SETTLED, OPEN))
        scored = ((_score_of(path), path) for path in paths)
        found = [(score, path) for score, path in scored if score is not None]
        return sorted(found, key=lambda entry: (-entry[0], entry[1].name))

    def _settled(self) -> float:
        settled = (score for score, path in self.entries() if path.suffix == SETTLED)
        return max(settled, default=-math.inf)

    def _prune(self) -> None:
        best = self._settled()
        _delete(path for score, path in self.entries() if score < best)


def _delete(paths: Iterable[Path]) -> None:
    for path in paths:
        with contextlib.suppress(FileNotFoundError):  # another worker was quicker
            path.unlink()


def _score_of(path: Path) -> float | None:
    try:
        return float(path.name.partition("@")[0])
    except ValueError:  # not one of ours, or a file that is still being written
        return None


def trial_of(path: Path) -> str:
    """Return the trial that an incumbent's file belongs to."""
    return path.name.partition("@")[2].removesuffix(path.suffix)
