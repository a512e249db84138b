"""Files of weights: the checkpoint of a running trial, and the best network of a run so far."""

from __future__ import annotations

import contextlib
import math
import os
import uuid
from collections.abc import Callable, Container, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

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


class Kept(NamedTuple):
    """A file of an incumbent's weights.

    Args:
        score: How good its network is; larger is better.
        epoch: The epoch it was trained to.
        trial: The trial it belongs to.
        path: Where it is.
    """

    score: float
    epoch: int
    trial: str
    path: Path

    @property
    def settled(self) -> bool:
        """Whether its trial ended well."""
        return self.path.suffix == SETTLED


class Incumbents:
    """A folder that keeps the weights of a run's best network, shared by all its workers.

    A trial that reports a good epoch may fail later and then wins nothing. So its file is named
    ``<score>@<epoch>@<trial>.open`` while it trains and ``....pt`` when it has ended well (:meth:`settle`);
    one that fails takes its files away (:meth:`withdraw`). A worker writes before it reports, each epoch
    that is its trial's best (of equals the first), and only what is at least as good as all that is settled.
    The driver may stop at any report that it has not read yet, so the best epoch that it has read is kept
    too, and all that were the best in turn since: the best network of the ledger always has its weights,
    whichever trials fail and whenever the run ends. What is worse than the best settled one is deleted.

    Args:
        folder: On a path that all workers share.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def offer(
        self, score: float, epoch: int, trial: str, make: Callable[[], State], read: float = math.inf
    ) -> bool:
        """Keep the network of a trial in training, unless one that is settled is better.

        Args:
            score: Larger is better; what is not finite is never kept.
            epoch: The epoch it was trained to.
            trial: Name of the trial.
            make: Returns the state to write; called only if it is kept.
            read: The trial's last epoch that the driver is known to have read.

        Returns:
            Whether it is kept.
        """
        # A later epoch was told by nobody: its process was lost, and it will be trained again.
        own = [kept for kept in self.entries() if kept.trial == trial and kept.epoch <= epoch]
        best = own[0].score if own else -math.inf
        if not math.isfinite(score) or score <= best or score < self._settled():
            return False
        write(self.folder / f"{float(score)!r}@{epoch}@{trial}{OPEN}", make())
        _delete([kept for kept in own if kept.epoch <= read][1:])
        self._prune()
        return True

    def settle(self, trial: str) -> None:
        """Count a trial that ended well: what is worse than it is deleted."""
        for kept in self.entries():
            if kept.trial == trial and not kept.settled:
                with contextlib.suppress(FileNotFoundError):  # another worker settled a better one
                    os.replace(kept.path, kept.path.with_suffix(SETTLED))
        self._prune()

    def withdraw(self, trial: str) -> None:
        """Forget a trial that failed."""
        _delete(kept for kept in self.entries() if kept.trial == trial)

    def reconcile(self, outcomes: Mapping[str, str], reported: Container[tuple[str, int]]) -> None:
        """Settle and withdraw by the record of the run; called where no worker is at work.

        Args:
            outcomes: Of trials, by their names. What is interrupted stays: a resume reports it.
            reported: The (trial, epoch) that the record holds.
        """
        for kept in self.entries():
            well = outcomes.get(kept.trial) in ("finished", "stopped")
            if outcomes.get(kept.trial) == "failed" or (well and (kept.trial, kept.epoch) not in reported):
                _delete([kept])
            elif well:
                self.settle(kept.trial)

    def entries(self) -> list[Kept]:
        """Return what is kept, best first."""
        paths = (path for path in self.folder.glob("*@*@*") if path.suffix in (SETTLED, OPEN))
        found = [kept for kept in map(_kept, paths) if kept is not None]
        return sorted(found, key=lambda kept: (-kept.score, kept.path.name))

    def _settled(self) -> float:
        return max((kept.score for kept in self.entries() if kept.settled), default=-math.inf)

    def _prune(self) -> None:
        best = self._settled()
        _delete(kept for kept in self.entries() if kept.score < best)


def _delete(files: Iterable[Kept]) -> None:
    for kept in files:
        with contextlib.suppress(FileNotFoundError):  # another worker was quicker
            kept.path.unlink()


def _kept(path: Path) -> Kept | None:
    score, epoch, trial = path.name.split("@", 2)
    try:
        return Kept(float(score), int(epoch), trial.removesuffix(path.suffix), path)
    except ValueError:  # not one of ours, or a file that is still being written
        return None
