"""A data set ready for training: normalised, at the run's resolution, on the device where it fits."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from nas_ray.data import Splits
from nas_ray.data.statistics import Statistics
from nas_ray.estimation import hardware
from nas_ray.estimation.hardware import image_layout
from nas_ray.estimation.memory import MIB, moves_data
from nas_ray.spaces import derived_seed

Part = tuple[Tensor, Tensor]


class DeviceData:
    """Batches of one data set; made once per process and used by every trial in it.

    Args:
        splits: The data; images (N, channels, height, width), sequences (N, channels, steps), tables
            (N, features), tokens (N, length).
        device: Where the networks are.
        resolution: Side of the square images in pixels; None keeps the data's own.
        data_share: Share of the training part, chosen once, the same in every process.
    """

    def __init__(
        self,
        splits: Splits,
        device: torch.device,
        *,
        resolution: int | None = None,
        data_share: float = 1.0,
    ) -> None:
        self.device = device
        self._rank, self._ranks = 0, 1
        self.layout = image_layout(device) if splits.x_train.ndim == 4 else torch.contiguous_format
        chosen = _share(len(splits.x_train), data_share)
        prepared = torch.tensor if splits.vocabulary is not None else _normaliser(splits)
        parts = {
            "train": (splits.x_train[chosen], splits.y_train[chosen]),
            "val": (splits.x_val, splits.y_val),
            "test": (splits.x_test, splits.y_test),
        }
        self._parts: dict[str, Part] = {}
        for name, (inputs, targets) in parts.items():
            self._parts[name] = (_resized(prepared(inputs), resolution), torch.tensor(targets))
        if device.type == "cuda" and self._fits():
            self._parts = {
                name: (x.to(device, memory_format=self.layout), y.to(device))
                for name, (x, y) in self._parts.items()
            }

    def __len__(self) -> int:
        """Number of training samples used in an epoch."""
        return len(self._parts["train"][0])

    def share(self, rank: int, ranks: int) -> DeviceData:
        """Return these data for one of several processes: of each batch in an order of training its share.

        All shares of a batch have the same size: where it cannot be divided, some samples are seen twice.

        Args:
            rank: Of the process, from 0.
            ranks: Processes.
        """
        shared = copy.copy(self)
        shared._rank, shared._ranks = rank, ranks
        return shared

    def in_layout(self, layout: torch.memory_format) -> DeviceData:
        """Return these data with their axes in another order, for a network that needs it."""
        other = copy.copy(self)
        other.layout = layout
        return other

    def laid_out(self, inputs: Tensor) -> Tensor:
        """Return inputs with their axes in the order that the network wants."""
        if inputs.ndim != 4:
            return inputs
        inputs = inputs.contiguous(memory_format=self.layout)
        # Of grey images torch cannot tell the layout and goes by the strides, which a view makes plain.
        return inputs.view(inputs.shape) if self.layout is torch.contiguous_format else inputs

    def steps(self, batch_size: int) -> int:
        """Return the number of batches that a training epoch has."""
        return len(self._starts(len(self), batch_size))

    def batches(self, part: str, batch_size: int, generator: torch.Generator | None = None) -> Iterator[Part]:
        """Yield (inputs, targets) on the device.

        Args:
            part: ``"train"``, ``"val"`` or ``"test"``.
            batch_size: Samples per batch; the last batch may be smaller.
            generator: Order of the samples; None keeps the stored one. In an order of training, a last
                batch of one sample is left out: batch normalisation could not take it.
        """
        x, y = self._parts[part]
        order = None if generator is None else torch.randperm(len(x), generator=generator).to(x.device)
        for start in range(0, len(x), batch_size) if order is None else self._starts(len(x), batch_size):
            picked: slice | Tensor = slice(start, start + batch_size)
            if order is not None:
                picked = self._own(order[picked])
            inputs = x[picked].to(self.device, non_blocking=True)
            yield self.laid_out(inputs), y[picked].to(self.device, non_blocking=True)

    @staticmethod
    def _starts(samples: int, batch_size: int) -> range:
        single = batch_size > 1 and samples > batch_size and samples % batch_size == 1
        return range(0, samples - single, batch_size)

    def _own(self, batch: Tensor) -> Tensor:
        if self._ranks == 1:
            return batch
        # Not one sample for itself, which batch normalisation could not take.
        size = max(min(2, len(batch)), math.ceil(len(batch) / self._ranks))
        places = torch.arange(size, device=batch.device) * self._ranks + self._rank
        return batch[places % len(batch)]

    def _fits(self) -> bool:
        size = sum(tensor.nbytes for part in self._parts.values() for tensor in part)
        return moves_data(size / MIB, hardware.room_mb(self.device))


def _normaliser(splits: Splits) -> Callable[[NDArray[Any]], Tensor]:
    """Return what normalises inputs by the training part; tokens are names and have no scale."""
    known = Statistics.of(splits.x_train)
    mean, spread = (torch.tensor(values, dtype=torch.float32) for values in (known.mean, known.spread))
    return lambda inputs: torch.tensor(inputs, dtype=torch.float32).sub_(mean).div_(spread)


def _share(count: int, share: float) -> NDArray[np.intp]:
    kept = max(2, round(count * share))
    order = np.random.default_rng(derived_seed("data_share")).permutation(count)
    return np.sort(order[:kept])


def _resized(inputs: Tensor, resolution: int | None) -> Tensor:
    if resolution is None or inputs.ndim != 4 or inputs.shape[-2:] == (resolution, resolution):
        return inputs
    return F.interpolate(inputs, size=(resolution, resolution), mode="bilinear", antialias=True)
