"""Networks of stacked cells that see the two cells before them; imported by ``build`` alone."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from .cell_graphs import Graph
from .cell_modules import AuxiliaryHead, DropPath, FactorizedReduction, ReLUConvBN, operation

STEM = 3
"""Channels of the stem, in multiples of those of the first cells."""


class Cell(nn.Module):
    """A node is the sum of its incoming edges; the outputs are concatenated.

    Each input comes to ``channels`` by a 1x1 convolution, or where its map is twice as large by a factorized
    reduction. An input that no edge takes is left out.

    Args:
        graph: The cell; states 0 and 1 are the outputs of the last but one and of the last cell.
        inputs: Channels of the two inputs.
        halved: Whether the first input has to be halved to the size of the second.
        channels: Channels of each node.
        stride: 2 in reduction cells: of the edges that leave an input.
        drop_path: Probability of dropping an edge that is no identity.
        scheduled: Whether it grows over the training.
    """

    def __init__(
        self,
        graph: Graph,
        inputs: tuple[int, int],
        halved: bool,
        channels: int,
        stride: int,
        drop_path: float,
        scheduled: bool,
    ) -> None:
        super().__init__()
        self.graph = graph
        self.width = channels * len(graph.outputs)
        taken = {source for node in graph.nodes for source, _ in node} | set(graph.outputs)
        entrances: dict[str, nn.Module] = {
            "0": FactorizedReduction(inputs[0], channels) if halved else ReLUConvBN(inputs[0], channels, 1),
            "1": ReLUConvBN(inputs[1], channels, 1),
        }
        self.entrances = nn.ModuleDict({name: each for name, each in entrances.items() if int(name) in taken})
        self.operations = nn.ModuleList()
        for source, name in (edge for node in graph.nodes for edge in node):
            work = operation(name, channels, stride if source < graph.inputs else 1)
            if drop_path and not isinstance(work, nn.Identity):
                work = nn.Sequential(work, DropPath(drop_path, scheduled))
            self.operations.append(work)

    def forward(self, before: Tensor, last: Tensor) -> Tensor:
        """Map the outputs of the last but one and of the last cell to (batch, width, h, w)."""
        states = {int(name): enter((before, last)[int(name)]) for name, enter in self.entrances.items()}
        works = iter(self.operations)
        for state, node in enumerate(self.graph.nodes, self.graph.inputs):
            parts = [next(works)(states[source]) for source, _ in node]
            states[state] = sum(parts[1:], start=parts[0])
        return torch.cat([states[state] for state in self.graph.outputs], dim=1)


class CellNetwork(nn.Module):
    """Stem, cells, global average pooling and a linear layer, with a second classifier in the middle.

    In training the second classifier leaves its outputs, (batch, outputs), in ``auxiliary_outputs``, for a
    trainer to add ``auxiliary_weight`` times their loss.

    Args:
        plan: The cells from the input on, each with its stride, 1 or 2; channels double where it is 2.
        inputs: Channels of an image.
        channels: Channels of a node of the first cells.
        outputs: Numbers that go out.
        auxiliary_weight: Weight of the second classifier, after the last cell of stride 2; 0 builds none.
        auxiliary_widths: Outputs of its two convolutions.
        drop_path: Probability of dropping an edge.
        scheduled: Whether it grows over the training.
    """

    auxiliary_outputs: Tensor | None = None

    def __init__(
        self,
        plan: Sequence[tuple[Graph, int]],
        *,
        inputs: int,
        channels: int,
        outputs: int,
        auxiliary_weight: float = 0.0,
        auxiliary_widths: tuple[int, int] = (128, 768),
        drop_path: float = 0.0,
        scheduled: bool = True,
    ) -> None:
        super().__init__()
        width = STEM * channels
        self.stem = nn.Sequential(nn.Conv2d(inputs, width, 3, padding=1, bias=False), nn.BatchNorm2d(width))
        widths, halved = (width, width), False
        self.cells = nn.ModuleList()
        self.middle = max(at for at, (_, stride) in enumerate(plan) if stride == 2)
        for graph, stride in plan:
            channels *= stride
            cell = Cell(graph, widths, halved, channels, stride, drop_path, scheduled)
            self.cells.append(cell)
            widths, halved = (widths[1], cell.width), stride == 2
            if auxiliary_weight and len(self.cells) - 1 == self.middle:
                self.auxiliary = AuxiliaryHead(cell.width, auxiliary_widths, outputs)
        self.auxiliary_weight = auxiliary_weight
        self.pool = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.classifier = nn.Linear(widths[1], outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, inputs, height, width) to (batch, outputs)."""
        self.auxiliary_outputs = None
        before = last = self.stem(x)
        for at, cell in enumerate(self.cells):
            before, last = last, cell(before, last)
            if self.training and self.auxiliary_weight and at == self.middle:
                self.auxiliary_outputs = self.auxiliary(last)
        y: Tensor = self.classifier(self.pool(last))
        return y
