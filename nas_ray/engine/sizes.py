"""Which part of a GPU a trial gets: a quarter, a half or the whole, by the memory that its network needs."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from typing import Any

import numpy as np
from ray import tune
from ray.tune.experiment import Trial

from nas_ray.costs import Verdict
from nas_ray.data import Splits
from nas_ray.engine.cluster import SHARES, Plan
from nas_ray.estimation.memory import CONTEXT_MB, MIB, limit_mb, moves_data
from nas_ray.spaces import Config
from nas_ray.strategies import Proposal

MARGIN = 1.15
"""What is needed, over what was counted: an allocator does not fill its blocks."""
KEPT_TO, REMEMBERED = 0.9, 64
"""Share of the measured trials that a size must be enough for, and how many of the last are measured by."""
NUMBER_BYTES = 4


class Sizes:
    """Packs trials on GPUs by size, each size with actors of its own.

    A network's memory is estimated (:class:`~nas_ray.costs.Bounds`, ``memory_mb``), and the estimate is
    multiplied with what of ten measured ones nine keep to: the ratio of the memory that a network took to its
    estimate. One that cannot be counted gets a whole GPU, and as much as nine of ten measured ones once there
    are any. A trial that runs out of memory starts again in the next larger part, counts as one that took
    all of its part, and trains with a smaller batch only where a whole GPU is not enough.

    Trials begin in the order of their proposals, and no more is proposed than fits: one that needs a larger
    part waits until it is free, with no smaller new ones let in before it. Paused ones that go on are.

    Args:
        plan: It has ``packs``.
        memory_mb: Of one GPU, in MiB.
        data_mb: Size of the data set, as it is trained on.
        estimate: Counts the memory of a network; None where nothing does.
    """

    def __init__(
        self,
        plan: Plan,
        memory_mb: float,
        data_mb: float = 0.0,
        estimate: Callable[[Config], Verdict | None] | None = None,
    ) -> None:
        self._memory_mb, self._gpus = memory_mb, plan.packs
        self._data_mb = {
            share: data_mb if moves_data(data_mb, limit_mb(share, memory_mb)) else 0.0 for share in SHARES
        }
        # One object for each: Tune's caches go by it.
        self._placements = {share: plan.placement(share) for share in SHARES}
        self._estimate = estimate
        self._took_mb: dict[int, float] = {}
        self._estimates: dict[int, float] = {}
        self._last: dict[int, float] = {}
        self._grown: dict[int, float] = {}
        self._trials: list[Any] = []

    @property
    def room(self) -> bool:
        """Whether another trial may be proposed; asked in every step of the loop."""
        self._trials = [trial for trial in self._trials if not trial.is_finished()]
        held = [each.gpus for each in self._trials if each.status in (Trial.PENDING, Trial.RUNNING)]
        waiting = [each.gpus for each in self._trials if each.status == Trial.PENDING]
        return sum(held) < self._gpus and max(waiting, default=0.0) <= min(held, default=1.0)

    def placement(self, proposal: Proposal) -> tuple[float, tune.PlacementGroupFactory]:
        """Return the part of a GPU that a trial gets, and the resources with it."""
        share = self._last[proposal.number] = self._share(proposal)
        return share, self._placements[share]

    def began(self, trial: Any) -> None:
        """Hear of a new trial of Tune's; it has its part of a GPU in ``gpus``."""
        self._trials.append(trial)

    def told(self, number: int, result: Mapping[str, Any]) -> None:
        """Hear a report of a proposal: its ``peak_memory_mb`` corrects the estimates."""
        peak = result.get("peak_memory_mb")
        if peak is not None and math.isfinite(peak):
            data_mb = self._data_mb[self._last[number]]
            self._measured(number, peak - data_mb if peak > data_mb else peak)  # the worker may have no room

    def grow(self, number: int) -> None:
        """Give a proposal a larger part than the one in which its memory ran out."""
        share = self._last[number]
        self._grown[number] = min((each for each in SHARES if each > share), default=SHARES[-1])
        self._measured(number, share * self._memory_mb - CONTEXT_MB - self._data_mb[share])

    def _measured(self, number: int, network_mb: float) -> None:
        took = self._took_mb.pop(number, 0.0)
        self._took_mb[number] = max(took, network_mb)
        while len(self._took_mb) > REMEMBERED:
            del self._took_mb[next(iter(self._took_mb))]

    def _share(self, proposal: Proposal) -> float:
        if proposal.number in self._grown:
            return self._grown[proposal.number]
        need = CONTEXT_MB + MARGIN * self._network_mb(proposal)
        fits = (share for share in SHARES if need + self._data_mb[share] <= share * self._memory_mb)
        return next(fits, SHARES[-1])

    def _network_mb(self, proposal: Proposal) -> float:
        verdict = self._estimate(proposal.config) if self._estimate else None
        counted = None if verdict is None else verdict.costs.get("memory_mb")
        if not counted:
            return _most(self._took_mb.values(), math.inf)
        self._estimates[proposal.number] = counted
        known = self._took_mb.keys() & self._estimates.keys()
        return counted * _most([self._took_mb[number] / self._estimates[number] for number in known], 1.0)


def _most(values: Collection[float], unknown: float) -> float:
    return float(np.quantile(list(values), KEPT_TO, method="higher")) if values else unknown


def data_mb(data: Splits, inputs: tuple[int, ...], share: float) -> float:
    """Return the MiB that a data set takes on a GPU.

    Args:
        data: The data set.
        inputs: Shape of one input, as it is trained on.
        share: Share of the training part that is used.
    """
    samples = len(data.x_train) * share + len(data.x_val) + len(data.x_test)
    return samples * math.prod(inputs) * NUMBER_BYTES / MIB
