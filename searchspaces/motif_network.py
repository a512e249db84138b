"""Networks of cells whose nodes concatenate what comes in; imported by ``build`` alone."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from .cell_graphs import Graph


class ConvBNReLU(nn.Sequential):
    """Convolution without bias, batch normalisation, ReLU."""

    def __init__(self, inputs: int, outputs: int, kernel: int, groups: int = 1) -> None:
        super().__init__(
            nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, groups=groups, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(inplace=True),
        )


class SeparableConvBNReLU(nn.Sequential):
    """Depthwise 3x3 and 1x1 convolution, batch normalisation, ReLU; half the size where the stride is 2."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__(
            nn.Conv2d(inputs, inputs, 3, stride=stride, padding=1, groups=inputs, bias=False),
            nn.Conv2d(inputs, outputs, 1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(inplace=True),
        )


Primitive = Callable[[int, int], tuple[nn.Module, int]]
"""Channels that come in and the cell's channels -> module, channels that go out."""

_PRIMITIVES: dict[str, Primitive] = {
    "skip_connect": lambda inputs, _: (nn.Identity(), inputs),
    "conv_1x1": lambda inputs, channels: (ConvBNReLU(inputs, channels, 1), channels),
    "depthwise_conv_3x3": lambda inputs, _: (ConvBNReLU(inputs, inputs, 3, groups=inputs), inputs),
    "sep_conv_3x3": lambda inputs, channels: (SeparableConvBNReLU(inputs, channels), channels),
    "max_pool_3x3": lambda inputs, _: (nn.MaxPool2d(3, 1, 1), inputs),
    "avg_pool_3x3": lambda inputs, _: (nn.AvgPool2d(3, 1, 1, count_include_pad=False), inputs),
}


class ConcatCell(nn.Module):
    """A node concatenates its incoming edges; the last node is the output.

    Convolutions with C filters give C channels, whatever comes in; the other primitives keep the channels.

    Args:
        graph: Primitives on the edges, with one input and one output.
        channels: C, and the channels of the input.
    """

    def __init__(self, graph: Graph, channels: int) -> None:
        super().__init__()
        self.graph = graph
        self.operations = nn.ModuleList()
        widths = [channels]
        for node in graph.nodes:
            parts = [_PRIMITIVES[name](widths[source], channels) for source, name in node]
            self.operations.extend(module for module, _ in parts)
            widths.append(sum(width for _, width in parts))
        self.width = widths[graph.outputs[0]]

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, channels, h, w) to (batch, width, h, w)."""
        states, works = [x], iter(self.operations)
        for node in self.graph.nodes:
            states.append(torch.cat([next(works)(states[source]) for source, _ in node], dim=1))
        return states[self.graph.outputs[0]]


def network(graph: Graph, inputs: int, channels: int, cells: int, outputs: int) -> nn.Sequential:
    """Return stem, three stages of ``cells`` cells, each followed by a separable convolution, and head.

    Args:
        graph: The cell.
        inputs: Channels of an image.
        channels: Channels of the first stage; each further one has twice as many and half the size.
        cells: Cells in each stage.
        outputs: Numbers that go out.
    """
    layers: list[nn.Module] = [ConvBNReLU(inputs, channels, 3)]
    stages = [channels * 2**stage for stage in range(3)]
    widths = [width for width in stages for _ in range(cells)]
    for width, following in zip(widths, [*widths[1:], widths[-1]], strict=True):
        cell = ConcatCell(graph, width)
        layers += [cell, SeparableConvBNReLU(cell.width, following, stride=2 if following > width else 1)]
    head: list[nn.Module] = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(widths[-1], outputs)]
    return nn.Sequential(*layers, *head)
