"""``hierarchical``: cells that are motifs of motifs, and their flat variant."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from ray import tune
from ray.tune.search.sample import Domain

from nas_ray.spaces import Config, Edge, SearchSpace
from nas_ray.tasks import Task

from . import cell_features, cell_graphs, motifs, options
from .cell_graphs import NONE

if TYPE_CHECKING:
    from torch import nn

PRIMITIVES = (
    "skip_connect",
    "conv_1x1",
    "depthwise_conv_3x3",
    "sep_conv_3x3",
    "max_pool_3x3",
    "avg_pool_3x3",
)
MOTIFS = tuple(f"motif{number}" for number in range(1, 7))
MOTIF_NODES, CELL_NODES, FLAT_NODES = 4, 5, 11
"""Nodes of a graph, its input and its output among them."""
CELL = "cell"

LIU_2018: Mapping[str, Sequence[str]] = {
    "motif1": ("max_pool", "conv_1x1", "depthwise_conv", "sep_conv", "conv_1x1", "max_pool"),
    "motif2": ("max_pool", "depthwise_conv", "depthwise_conv", "conv_1x1", "sep_conv", "sep_conv"),
    "motif3": ("sep_conv", "depthwise_conv", "sep_conv", "sep_conv", "skip_connect", "avg_pool"),
    "motif4": ("avg_pool", "sep_conv", "sep_conv", "skip_connect", "max_pool", "avg_pool"),
    "motif5": ("skip_connect", "sep_conv", "skip_connect", "sep_conv", "skip_connect", "sep_conv"),
    "motif6": ("depthwise_conv", "max_pool", "max_pool", "sep_conv", "skip_connect", "avg_pool"),
    CELL: (
        "motif5", "motif3", "motif3", "motif3", "motif1", "motif3", "motif4", "motif5", "motif5", "motif5",
    ),
}  # fmt: skip
"""The paper's best architecture (appendix A), edges in the order of the keys; those without a label skip."""


class Hierarchical(SearchSpace):
    """The space of Liu et al., ICLR 2018, https://arxiv.org/abs/1711.00436, with L = 3 levels.

    Six primitives (level 1) stand on the edges of M₂ = 6 motifs of four nodes (level 2), and these on the
    edges of one cell of five nodes (level 3); an edge from a node to a later one may also be missing
    (``none``). A node concatenates what comes in. The convolutions have C filters, whatever comes in, and are
    followed by batch normalisation and ReLU; a motif is followed by a 1x1 convolution to C channels. The
    network is a convolution and three stages of ``cells`` cells with C, 2C and 4C channels, a separable
    convolution after each cell, with stride 2 before the second and the third stage, global average pooling
    and a linear layer.

    ``flat=True`` is the paper's other representation: a cell of 11 nodes with primitives on its edges.

    The paper counts edges, 6 · 6 + 10 = 46 against 55 of the flat variant, "a comparable number"; with seven
    choices for each of them there are 7⁴⁶ and 7⁵⁵ configurations, less the few that break the rule.

    Rule: a path of edges leads from the input of the cell to its output.

    The same network: what lies on no path and motifs that no edge takes do not count, a node that only passes
    on another is that node, and neither the numbers of motifs nor those of nodes matter. That is exact but
    for rare flat cells with many nodes that look alike, which may count as two networks. A motif in place of
    its edges, or two motifs that differ but compute the same, are not looked for.

    The dials of fidelity: ``width`` scales C; any resolution from 1x1 on will do, as maps are rounded up.

    Args:
        channels: C, channels of the first stage: 16 in the paper's search, 64 in its evaluation.
        cells: Cells in each stage: 1 in the search, 2 in the evaluation.
        flat: Take the flat variant.

    Raises:
        ConfigError: If a number is below 1, or ``flat`` is neither true nor false.
    """

    name = "hierarchical"
    inputs = frozenset({"images"})
    offers = frozenset({"graph"})

    def __init__(self, *, channels: int = 16, cells: int = 1, flat: bool = False) -> None:
        self.channels = options.whole("channels", channels, 1)
        self.cells = options.whole("cells", cells, 1)
        self.flat = options.flag("flat", flat)
        self._nodes = FLAT_NODES if flat else CELL_NODES
        self._names = PRIMITIVES if flat else MOTIFS

    def param_space(self) -> dict[str, Domain]:
        """Return one choice for each edge, ``<graph>.op_<target>_<source>``."""
        space: dict[str, Domain] = {}
        for motif in () if self.flat else MOTIFS:
            space |= {key: tune.choice([NONE, *PRIMITIVES]) for key in _keys(motif, MOTIF_NODES)}
        return space | {key: tune.choice([NONE, *self._names]) for key in _keys(CELL, self._nodes)}

    def active(self, config: Config) -> frozenset[str]:
        """Return the keys of the cell and of the motifs on its edges."""
        cell = _keys(CELL, self._nodes)
        taken = set() if self.flat else {config[key] for key in cell} - {NONE}
        return frozenset(cell) | {key for motif in taken for key in _keys(motif, MOTIF_NODES)}

    def absent(self) -> dict[str, Any]:
        """Return ``none`` for every edge."""
        return dict.fromkeys(self.domains, NONE)

    def violations(self, config: Config, task: Task | None = None) -> list[str]:
        """Return in words that the cell has no path, if it has none."""
        if task and (unserved := self.unserved(task)):
            return [unserved]
        if self.form(config).cell.outputs:
            return []
        return ["a path must lead from the input of the cell to its output, but none of its edges makes one"]

    def size(self) -> int:
        """Return the number of configurations that keep the rule, with the motifs that no edge takes."""
        edges = math.comb(MOTIF_NODES, 2)
        if self.flat:
            return motifs.with_a_path(FLAT_NODES, len(PRIMITIVES), 1)
        whole = motifs.with_a_path(MOTIF_NODES, len(PRIMITIVES), 1)
        broken = (1 + len(PRIMITIVES)) ** edges - whole
        return sum(
            math.comb(len(MOTIFS), good)
            * whole**good
            * broken ** (len(MOTIFS) - good)
            * motifs.with_a_path(CELL_NODES, good, 1 + len(MOTIFS) - good)
            for good in range(len(MOTIFS) + 1)
        )

    def members(self) -> Mapping[str, Config]:
        """Return the paper's best architecture, found by evolution; none where the space is flat."""
        return {} if self.flat else {"liu-2018": member(LIU_2018)}

    def form(self, config: Config) -> motifs.Form:
        """Return the cell and its motifs, equal for configurations that are the same network."""
        cell = tuple(config[key] for key in _keys(CELL, self._nodes))
        if self.flat:
            return motifs.Form(_normal(cell, FLAT_NODES), ())
        inner = (tuple(config[key] for key in _keys(motif, MOTIF_NODES)) for motif in MOTIFS)
        return _form(cell, tuple(inner))

    def canonical(self, config: Config) -> dict[str, Any]:
        """Return the cell and the motifs on its edges as texts of their nodes."""
        cell, inner = self.form(config)
        return {"cell": cell_graphs.texts(cell), "motifs": [cell_graphs.texts(graph) for graph in inner]}

    def features(self, config: Config) -> NDArray[np.float64]:
        """Return which edges there are, and what the cell is made of once motifs stand for their edges."""
        form = self.form(config)
        row = cell_features.slots(form.cell, self._names, self._nodes - 1)
        for graph in form.motifs:
            row += cell_features.slots(graph, PRIMITIVES, MOTIF_NODES - 1)
        row += [0.0] * (self.feature_groups[0] - len(row))
        row += cell_features.summary(motifs.expanded(form), PRIMITIVES, self._longest)
        return np.asarray(row, dtype=np.float64)

    @property
    def feature_groups(self) -> tuple[int, ...]:
        """The edges of the cell and its motifs, and the summary of all."""
        slots = cell_features.slots_width(1, self._names, self._nodes - 1)
        if not self.flat:
            slots += len(MOTIFS) * cell_features.slots_width(1, PRIMITIVES, MOTIF_NODES - 1)
        return (slots, len(PRIMITIVES) + 1 + cell_features.SUMMARY)

    @property
    def _longest(self) -> int:
        """Edges on the longest path that there may be: a motif has three, and a convolution after it."""
        return FLAT_NODES - 1 if self.flat else (CELL_NODES - 1) * MOTIF_NODES

    def describe(self, config: Config) -> str:
        """Draw the cell and the motifs on its edges as one line for each node."""
        lines = []
        for name, graph in self._graphs(config).items():
            texts = enumerate(cell_graphs.texts(graph), 1)
            lines += [name, *(f"  {state} = {text or '0'}" for state, text in texts)]
        return "\n".join([*lines, f"3 stages of {self.cells} cells, {self.channels} channels in the first"])

    def graphs(self, config: Config) -> Mapping[str, Sequence[Edge]]:
        """Return the edges of the cell, and of the motifs that stand on them."""
        return {name: cell_graphs.drawn(graph, ("input",)) for name, graph in self._graphs(config).items()}

    def _graphs(self, config: Config) -> dict[str, cell_graphs.Graph]:
        sizes = {CELL: self._nodes}
        taken = {config[key] for key in _keys(CELL, self._nodes)}
        sizes |= {motif: MOTIF_NODES for motif in MOTIFS if motif in taken}
        rows = {name: [config[key] for key in _keys(name, nodes)] for name, nodes in sizes.items()}
        return {name: cell_graphs.from_edges(_edges(row, sizes[name])) for name, row in rows.items()}

    def build(self, config: Config, task: Task) -> nn.Module:
        """Return the network: stem, cells and separable convolutions in turn, head."""
        from . import modules, motif_network

        graph = motifs.expanded(self.form(config))
        channels = task.scaled(self.channels)
        network = motif_network.network(graph, task.input_shape[0], channels, self.cells, task.outputs)
        return modules.initialised(network)


@lru_cache(10_000)
def _form(cell: tuple[str, ...], inner: tuple[tuple[str, ...], ...]) -> motifs.Form:
    graphs = {name: _normal(values, MOTIF_NODES) for name, values in zip(MOTIFS, inner, strict=True)}
    return motifs.form(_edges(cell, CELL_NODES), graphs)


@lru_cache(10_000)
def _normal(values: tuple[str, ...], nodes: int) -> cell_graphs.Graph:
    return motifs.normal(_edges(values, nodes))


@lru_cache
def _keys(graph: str, nodes: int) -> dict[str, tuple[int, int]]:
    """Return the keys of a graph, each with its edge: source and target."""
    pairs = ((source, target) for target in range(1, nodes) for source in range(target))
    return {f"{graph}.op_{target}_{source}": (source, target) for source, target in pairs}


def _edges(values: Sequence[str], nodes: int) -> dict[tuple[int, int], str]:
    return dict(zip(_keys(CELL, nodes).values(), values, strict=True))


def member(published: Mapping[str, Sequence[str]]) -> Config:
    """Return the configuration of a published architecture; a window that is not said is 3x3."""
    config: Config = {}
    for name, row in published.items():
        keys = _keys(name, CELL_NODES if name == CELL else MOTIF_NODES)
        long = (each if each in (*PRIMITIVES, *MOTIFS) else f"{each}_3x3" for each in row)
        config |= dict(zip(keys, long, strict=True))
    return config
