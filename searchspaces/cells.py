"""The network of NAS-Bench-201, built from the operations of its cell; imported by ``build`` alone."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from .cell_modules import ReLUConvBN


class Cell(nn.Module):
    """A node is the sum of its incoming edges; the last node is the output.

    Args:
        edges: (source, target) -> operation; edges of ``none`` are left out where ``literal`` is not set.
        channels: Channels in and out.
    """

    def __init__(self, edges: Mapping[tuple[int, int], str], channels: int) -> None:
        super().__init__()
        self.pairs = [pair for pair, operation in edges.items() if operation != "none"]
        self.operations = nn.ModuleList(operation(edges[pair], channels) for pair in self.pairs)
        self.last = max(target for _, target in edges)

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, channels, height, width) to the same shape; zeros where no path leads through."""
        nodes = {0: x}
        for (source, target), work in zip(self.pairs, self.operations, strict=True):
            if source in nodes:  # what comes from an unreached node is zero
                part = work(nodes[source])
                nodes[target] = nodes[target] + part if target in nodes else part
        return nodes[self.last] if self.last in nodes else torch.zeros_like(x)


def operation(name: str, channels: int) -> nn.Module:
    """Return one operation that keeps channels and size."""
    if name == "skip_connect":
        return nn.Identity()
    if name == "avg_pool_3x3":
        return nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=False)
    return ReLUConvBN(channels, channels, {"nor_conv_1x1": 1, "nor_conv_3x3": 3}[name])


class Reduction(nn.Module):
    """The residual block between two stages: half the size, twice the channels."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.body = nn.Sequential(ReLUConvBN(inputs, outputs, 3, stride=2), ReLUConvBN(outputs, outputs, 3))
        # Rounds up, as the strided convolution beside it does.
        pool = nn.AvgPool2d(2, stride=2, ceil_mode=True, count_include_pad=False)
        self.shortcut = nn.Sequential(pool, nn.Conv2d(inputs, outputs, 1, bias=False))

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, inputs, h, w) to (batch, outputs, h/2, w/2), rounded up."""
        y: Tensor = self.body(x) + self.shortcut(x)
        return y


def network(
    edges: Mapping[tuple[int, int], str], inputs: int, channels: int, cells: int, outputs: int
) -> nn.Module:
    """Return stem, three stages of ``cells`` cells with reductions between them, and head.

    Args:
        edges: (source, target) -> operation of the cell.
        inputs: Channels of an image.
        channels: Channels of the first stage.
        cells: Cells in each stage.
        outputs: Numbers that go out.
    """
    layers: list[nn.Module] = [
        nn.Conv2d(inputs, channels, 3, padding=1, bias=False),
        nn.BatchNorm2d(channels),
    ]
    for stage in range(3):
        width = channels * 2**stage
        layers += [Reduction(width // 2, width)] if stage else []
        layers += [Cell(edges, width) for _ in range(cells)]
    head: list[nn.Module] = [
        nn.BatchNorm2d(width),
        nn.ReLU(inplace=True),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
    ]
    return nn.Sequential(*layers, *head, nn.Linear(width, outputs))
