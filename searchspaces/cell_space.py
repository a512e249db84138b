"""What the spaces with a normal and a reduction cell share: canonical form, numbers, drawing, network."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from nas_ray.spaces import Config, Edge, SearchSpace
from nas_ray.tasks import Task

from . import cell_features, cell_graphs, options
from .cell_graphs import Graph

if TYPE_CHECKING:
    from torch import nn

CELLS = ("normal", "reduce")
INPUTS = 2
"""States 0 and 1 of a cell: the outputs of the last but one cell and of the last."""


class TwoCellSpace(SearchSpace):
    """Networks of a normal cell, repeated, and a reduction cell that halves the map and doubles channels.

    A concrete space says its keys, how a cell is read from them, and how many cells there are.

    Args:
        channels: C, channels of a node in the first cells.
        auxiliary: Weight of the loss of a second classifier after two thirds of the cells; 0 builds none.
        drop_path: Probability of dropping an edge that is no identity, in training.
        scheduled: Whether that probability grows linearly from 0 over the training.

    Raises:
        ConfigError: If a number is out of its range.
    """

    inputs = frozenset({"images"})
    operations: ClassVar[tuple[str, ...]]
    """All that may stand on an edge."""
    nodes: ClassVar[int]
    """Nodes of a cell."""

    def __init__(self, channels: int, auxiliary: float, drop_path: float, scheduled: bool) -> None:
        self.channels = options.whole("channels", channels, 1)
        self.auxiliary = options.number("auxiliary", auxiliary, 0)
        self.drop_path = options.probability("drop_path", drop_path)
        self.scheduled = options.flag("scheduled", scheduled)

    @abstractmethod
    def cell(self, config: Config, kind: str) -> Graph:
        """Return the ``"normal"`` or ``"reduce"`` cell of ``config``, as it stands there."""

    @abstractmethod
    def strides(self) -> Sequence[int]:
        """Return the stride of each cell from the input on: 1 for a normal cell, 2 for a reduction."""

    def ordered(self, config: Config, kind: str) -> Graph:
        """Return the cell with its nodes in an order that depends on the graph alone."""
        return cell_graphs.ordered(self.cell(config, kind))

    def canonical(self, config: Config) -> dict[str, list[str]]:
        """Return the nodes of both cells as texts, in an order that depends on the graphs alone."""
        return {kind: cell_graphs.texts(self.ordered(config, kind)) for kind in CELLS}

    def features(self, config: Config) -> NDArray[np.float64]:
        """Return which edges both cells have, and what they are made of: isomorphic cells coincide.

        The groups are :func:`nas_ray.searchspaces.cell_features.slots` of both cells, then
        :func:`nas_ray.searchspaces.cell_features.summary` of both.
        """
        graphs = [self.ordered(config, kind) for kind in CELLS]
        row = [
            number
            for encode in (cell_features.slots, cell_features.summary)
            for graph in graphs
            for number in encode(graph, self.operations, self.nodes)
        ]
        return np.asarray(row, dtype=np.float64)

    @property
    def feature_groups(self) -> tuple[int, ...]:
        """The edges of both cells, and the summary of both."""
        slots = cell_features.slots_width(INPUTS, self.operations, self.nodes)
        summary = len(self.operations) + INPUTS + cell_features.SUMMARY
        return (len(CELLS) * slots, len(CELLS) * summary)

    def describe(self, config: Config) -> str:
        """Draw both cells as one line for each node."""
        lines = []
        for kind in CELLS:
            graph = self.cell(config, kind)
            nodes = enumerate(cell_graphs.texts(graph), graph.inputs)
            outputs = ", ".join(str(state) for state in graph.outputs)
            lines += [f"{kind} cell", *(f"  {state} = {text}" for state, text in nodes), f"  out: {outputs}"]
        strides = self.strides()
        return "\n".join(
            [
                *lines,
                f"{len(strides)} cells, {self.channels} channels in the first, "
                f"reductions: {', '.join(str(at) for at, stride in enumerate(strides) if stride == 2)}",
            ]
        )

    def graphs(self, config: Config) -> Mapping[str, Sequence[Edge]]:
        """Return the edges of both cells; ``c[k-1]`` is the output of the cell before."""
        return {
            f"{kind} cell": cell_graphs.drawn(self.cell(config, kind), ("c[k-2]", "c[k-1]")) for kind in CELLS
        }

    def build(self, config: Config, task: Task) -> nn.Module:
        """Return the network: stem, cells, head."""
        from . import modules
        from .cell_network import CellNetwork

        normal, reduction = (self.ordered(config, kind) for kind in CELLS)
        network = CellNetwork(
            [(reduction if stride == 2 else normal, stride) for stride in self.strides()],
            inputs=task.input_shape[0],
            channels=task.scaled(self.channels),
            outputs=task.outputs,
            auxiliary_weight=self.auxiliary,
            auxiliary_widths=(task.scaled(128), task.scaled(768)),
            drop_path=self.drop_path,
            scheduled=self.scheduled,
        )
        return modules.initialised(network)
