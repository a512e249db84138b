"""What stands before a network: the preparation that its training inputs went through."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Preparation(nn.Module):
    """Normalises raw inputs and resizes images, as the search did for training.

    Args:
        mean: By channel (nested to (channels, 1, 1), or (channels, 1) of sequences) or column.
        spread: Likewise.
        resolution: Side of the square images in pixels; None keeps their own.
    """

    mean: Tensor
    spread: Tensor

    def __init__(self, mean: Sequence[object], spread: Sequence[object], resolution: int | None) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean, dtype=torch.float32))
        self.register_buffer("spread", torch.tensor(spread, dtype=torch.float32))
        self.resolution = resolution

    def forward(self, inputs: Tensor) -> Tensor:
        """Prepare raw inputs.

        Args:
            inputs: (batch, channels, height, width), (batch, channels, steps) or (batch, columns), of any
                number type.
        """
        prepared = inputs.to(torch.float32).sub(self.mean).div(self.spread)
        side = self.resolution
        if side is None or prepared.ndim != 4 or prepared.shape[-2:] == (side, side):
            return prepared
        return F.interpolate(prepared, size=(side, side), mode="bilinear", antialias=True)
