"""Mappings of a wider layer's channels onto those of a narrower one, and weights that follow them.

In the terms of Net2WiderNet (Chen, Goodfellow, Shlens, ICLR 2016, https://arxiv.org/abs/1511.05641) a layer
with n units becomes one with q > n: unit j of the wider layer is a copy of unit g(j), with g(j) = j for
j <= n and drawn at random from 1 ... n beyond. Where the paper divides the weights that leave unit g(j) by
the number of its copies, here each copy gets a random share of them; the shares add up to 1 and are others
for each unit of the next layer, so that copies do not stay equal in training, and nothing needs noise.

A mapping here is g as a tensor: for each channel of the child the channel of the parent that it copies.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nas_ray.errors import Unsupported

LEAST, MOST = 0.5, 1.5
"""Range of the random shares, before they are made to add up to 1."""


@dataclass
class Path:
    """What leaves the layers that were morphed so far.

    Args:
        mapping: (channels of the child,), the channels of the parent.
        channels: Channels of the parent.
        positive: Whether no number is negative, so that relu hands it on as it is.
        rng: Draws copies and shares.
    """

    mapping: Tensor
    channels: int
    positive: bool
    rng: np.random.Generator

    def spread(self, weight: Tensor, outputs: Tensor) -> Tensor:
        """Return the weights of the child for those of its parent, (outputs, inputs, ...).

        Row j is row ``outputs[j]``; what leaves an input is shared out among its copies.
        """
        raw = torch.tensor(
            self.rng.uniform(LEAST, MOST, (len(outputs), len(self.mapping))), dtype=torch.float64
        )
        copies = F.one_hot(self.mapping, self.channels).double()
        shares = raw / (raw @ copies)[:, self.mapping]
        shares = shares.view(*shares.shape, *[1] * (weight.ndim - 2)).to(weight)
        return picked(picked(weight, outputs).transpose(0, 1), self.mapping).transpose(0, 1) * shares


def widened(name: str, old: int, new: int, groups: int, new_groups: int, rng: np.random.Generator) -> Tensor:
    """Return a mapping that has every group of channels at least once.

    Args:
        name: Of the layer, for errors.
        old: Channels of the parent.
        new: Channels of the child.
        groups: Groups of the parent's channels that stay together; ``old`` where each is by itself.
        new_groups: Those of the child.
        rng: Draws what is copied beyond the first ``groups``.

    Raises:
        Unsupported: If there are fewer channels, or groups would join channels of several.
    """
    if new < old:
        raise Unsupported(f"the width of `{name}` becomes {new}, from {old}")
    size = old // groups
    if new_groups < groups or (new // new_groups) % size:
        raise Unsupported(f"the group norm of `{name}` would join other channels")
    copied = [*range(groups), *rng.integers(groups, size=new_groups - groups)]
    return torch.tensor([group * size + at % size for group in copied for at in range(new // new_groups)])


def keeps_groups(outputs: Tensor, old: int, groups: int, new_groups: int) -> bool:
    """Whether each group of the child has all channels of one group of the parent, equally often."""
    size = old // groups
    for group in outputs.view(new_groups, -1):
        whole = torch.arange(size) + group[0] // size * size
        counts = torch.bincount(group, minlength=old)
        if counts[whole].min() != counts[whole].max() or counts.sum() != counts[whole].sum():
            return False
    return True


def identity(path: Path, convolution: nn.Conv2d, outputs: Tensor) -> Tensor:
    """Return 1x1 weights that hand on the parent's channels."""
    eye = torch.eye(path.channels).to(convolution.weight)
    return path.spread(eye[:, :, None, None], outputs)


def padded(weight: Tensor, convolution: nn.Conv2d) -> Tensor:
    """Return a kernel with zeros around it, as large as that of ``convolution``."""
    around = (convolution.kernel_size[0] - weight.shape[-1]) // 2
    return F.pad(weight, [around] * 4)


def picked(values: Tensor, at: Tensor) -> Tensor:
    """Return the rows ``at`` of ``values``, which may be on another device."""
    return values[at.to(values.device)]


def put(target: Tensor, values: Tensor) -> None:
    """Overwrite ``target``; called where no gradients are recorded."""
    target.copy_(values)
