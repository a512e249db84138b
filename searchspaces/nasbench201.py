"""``nasbench201``: the cell of NAS-Bench-201 and the network that repeats it."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from ray import tune
from ray.tune.search.sample import Domain

from nas_ray.spaces import Config, Edge, SearchSpace, stable_id
from nas_ray.tasks import Task

from . import cell_graphs, cell_paths, options

if TYPE_CHECKING:
    from torch import nn

OPERATIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
EDGES = {f"op_{target}_{source}": (source, target) for target in (1, 2, 3) for source in range(target)}
"""Key -> (source, target); node 0 is the cell's input and node 3 its output."""
ENCODINGS: int = len(OPERATIONS) ** len(EDGES)

Cell = tuple[str, ...]
"""The operations of a cell in the order of :data:`EDGES`."""

RESNET: Config = dict(
    zip(EDGES, ("nor_conv_3x3", "none", "nor_conv_3x3", "skip_connect", "none", "skip_connect"), strict=True)
)


class NASBench201(SearchSpace):
    """The cell of Dong and Yang, ICLR 2020, https://arxiv.org/abs/2001.00326: 5^6 = 15,625 encodings.

    Four nodes, an operation on each of the six edges from a node to a later one; a node is the sum of what
    comes in. The network is a convolution, three stages of ``cells`` cells with C, 2C and 4C channels, a
    residual block with stride 2 before the second and the third stage, global pooling, and a linear layer.

    Two encodings are the same network if they are the same graph in the benchmark's own sense: what hangs
    on ``none`` or cannot be reached counts as nothing, a ``skip_connect`` is the node that it comes from, and
    the terms of a sum have no order. That leaves 6,466 networks. (A sum with a term of nothing is kept
    apart from the sum without it, as the benchmark does; mathematically 5,390 are left.) In 430 of them the
    encodings differ in whether two terms share a convolution, which the benchmark's texts do not tell; the
    network that is built is that of the first encoding for all.

    The dials of fidelity: ``width`` scales C; any resolution from 1x1 on will do.

    Args:
        channels: C, channels of the first stage.
        cells: Cells in each stage.
        keep_dead: Build cells literally, with edges that reach nothing: comparable with published counts.

    Raises:
        ConfigError: If a number is below 1.
    """

    name = "nasbench201"
    inputs = frozenset({"images"})
    offers = frozenset({"graph"})

    def __init__(self, *, channels: int = 16, cells: int = 5, keep_dead: bool = False) -> None:
        self.channels = options.whole("channels", channels, 1)
        self.cells = options.whole("cells", cells, 1)
        self.keep_dead = options.flag("keep_dead", keep_dead)

    def param_space(self) -> dict[str, Domain]:
        """Return one choice of operation for each edge, ``op_<target>_<source>``."""
        return {key: tune.choice(list(OPERATIONS)) for key in EDGES}

    def absent(self) -> dict[str, Any]:
        """Return ``none`` for every edge."""
        return dict.fromkeys(EDGES, "none")

    def members(self) -> Mapping[str, Config]:
        """Return published cells by name: ``resnet`` is the benchmark's own, its index 11472."""
        return {"resnet": dict(RESNET)}

    def size(self) -> int:
        """Return the number of encodings; 6,466 of them are different networks."""
        return ENCODINGS

    def canonical(self, config: Config) -> Any:
        """Return the graph of the cell as the text of its output node."""
        return expression(cell_of(config))

    def config_id(self, config: Config) -> str:
        """Return the id of the network; computed once for each cell."""
        return _config_id(cell_of(config))

    def architecture_id(self, config: Config) -> str:
        """Return the id of the network; computed once for each cell."""
        return _architecture_id(cell_of(config))

    def features(self, config: Config) -> NDArray[np.float64]:
        """Return what a cell is made of, dead edges left out: isomorphic cells coincide.

        The first 30 numbers are the operations of the edges, one-hot, in the class's first encoding; the
        others sum up the paths from input to output (:func:`nas_ray.searchspaces.cell_paths.summary`).
        """
        return _features(cell_of(config)).copy()

    @property
    def feature_groups(self) -> tuple[int, ...]:
        """The operations of the edges, and the summary of the paths."""
        return (len(EDGES) * len(OPERATIONS), cell_paths.SUMMARY)

    def describe(self, config: Config) -> str:
        """Draw the cell as one line for each node."""
        lines = []
        for node in (1, 2, 3):
            terms = [
                f"{config[key]}({source})"
                for key, (source, target) in EDGES.items()
                if target == node and config[key] != "none"
            ]
            lines.append(f"node {node} = {' + '.join(terms) or '0'}")
        return "\n".join([*lines, f"3 stages of {self.cells} cells, {self.channels} channels in the first"])

    def graphs(self, config: Config) -> Mapping[str, Sequence[Edge]]:
        """Return the edges of the cell that are not ``none``."""
        graph = cell_graphs.from_edges({pair: config[key] for key, pair in EDGES.items()})
        return {"cell": cell_graphs.drawn(graph, ("input",))}

    def build(self, config: Config, task: Task) -> nn.Module:
        """Return the network: stem, three stages of cells with residual reductions between, head."""
        from . import cells

        cell = cell_of(config)
        edges = dict(zip(EDGES.values(), cell if self.keep_dead else first_of(expression(cell)), strict=True))
        if not self.keep_dead:
            edges = cell_paths.alive(edges)
        return cells.network(edges, task.input_shape[0], task.scaled(self.channels), self.cells, task.outputs)


def cell_of(config: Config) -> Cell:
    """Return the operations of ``config`` in the order of the edges."""
    return tuple(config[key] for key in EDGES)


@lru_cache(ENCODINGS)
def expression(cell: Cell) -> str:
    """Return the output node as a text: equal for isomorphic cells.

    A worked example: with ``nor_conv_3x3`` on 0-1, ``skip_connect`` on 1-3 and ``none`` elsewhere, node 1 is
    ``(0)nor_conv_3x3``, node 2 is ``#+#``, of which nothing comes, and node 3 is
    ``#+#+(0)nor_conv_3x3``, its terms sorted.
    """
    nodes = {0: "0"}
    for node in (1, 2, 3):
        incoming = [
            (source, operation)
            for (source, target), operation in zip(EDGES.values(), cell, strict=True)
            if target == node
        ]
        nodes[node] = "+".join(sorted(_term(nodes[source], operation) for source, operation in incoming))
    return nodes[3]


def _term(node: str, operation: str) -> str:
    if operation == "none" or node == "#":
        return "#"
    return node if operation == "skip_connect" else f"({node}){operation}"


@lru_cache(ENCODINGS)
def _config_id(cell: Cell) -> str:
    return stable_id({"space": NASBench201.name, "architecture": expression(cell), "training": {}})


@lru_cache(ENCODINGS)
def _architecture_id(cell: Cell) -> str:
    return stable_id({"space": NASBench201.name, "architecture": expression(cell)})


@lru_cache(ENCODINGS)
def _features(cell: Cell) -> NDArray[np.float64]:
    edges = cell_paths.alive(dict(zip(EDGES.values(), first_of(expression(cell)), strict=True)))
    row = [float(edges[pair] == operation) for pair in EDGES.values() for operation in OPERATIONS]
    return np.asarray(row + cell_paths.summary(edges), dtype=np.float64)


def first_of(graph: str) -> Cell:
    """Return the first encoding of a class, in the order of the options."""
    return _first_encodings()[graph]


@lru_cache(1)
def _first_encodings() -> dict[str, Cell]:
    first: dict[str, Cell] = {}
    for cell in itertools.product(OPERATIONS, repeat=len(EDGES)):
        first.setdefault(expression(cell), cell)
    return first
