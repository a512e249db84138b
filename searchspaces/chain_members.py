"""Published networks as chains."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .chain_layers import Layer

POOL: Layer = {"op": "max_pool", "kernel": 3, "stride": 2}


def convolution(width: int, norm: str, stride: int = 1) -> Layer:
    """Return a 3x3 convolution with relu."""
    return {
        "op": "conv",
        "kernel": 3,
        "stride": stride,
        "width": width,
        "activation": "relu",
        "norm": norm,
        "skip": False,
    }


def vgg(*stages: Sequence[int]) -> list[Layer]:
    """Return the layers of a VGG: convolutions of these widths, a pooling after each stage.

    The paper's poolings have windows of 2x2, these of 3x3; maps and parameters are the same.
    """
    return [layer for widths in stages for layer in [*(convolution(each, "none") for each in widths), POOL]]


VGG_HEAD = {"pooling": "flatten", "dense": 2, "units": 4096, "dropout": 0.5}

PUBLISHED: dict[str, tuple[Sequence[Layer], Mapping[str, Any]]] = {
    # Hakim 2022, https://arxiv.org/abs/2209.06626: the best of the 3x3 networks with the default widths.
    "naap440_429": (
        [convolution(width, "batch", stride) for width, stride in ((16, 2), (24, 2), (32, 1), (32, 1))],
        {"pooling": "avg", "dense": 0, "dropout": 0.0},
    ),
    # Simonyan and Zisserman 2015, https://arxiv.org/abs/1409.1556, table 1, configurations A and D.
    "vgg11": (vgg([64], [128], [256] * 2, [512] * 2, [512] * 2), VGG_HEAD),
    "vgg16": (vgg([64] * 2, [128] * 2, [256] * 3, [512] * 3, [512] * 3), VGG_HEAD),
}
"""Name -> layers and head. The VGGs have a dropout before the first dense layer too, as every head here."""
