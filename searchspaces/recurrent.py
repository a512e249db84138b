"""``recurrent``: LSTM, GRU, and cells made of operations, for tokens and series."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from ray import tune
from ray.tune.search.sample import Domain

from nas_ray.spaces import Config, Edge, SearchSpace
from nas_ray.tasks import Task

from . import enas_cell, layouts, options

if TYPE_CHECKING:
    from torch import nn

CELLS = ("lstm", "gru", "enas")
POOLINGS = ("last", "mean", "max")


class Recurrent(SearchSpace):
    """Layers of recurrent cells that read one step after the other, and a linear map of what they say.

    The cell is an LSTM, a GRU, or one of ENAS (Pham et al. 2018, https://arxiv.org/abs/1802.03268, section
    2.1), which is searched itself: a tree of ``nodes``, each of which takes an earlier one and an activation
    (:mod:`nas_ray.searchspaces.enas_cell`). All layers have the same cell and width; with ``bidirectional``
    each reads both ways. Tokens go through an embedding as wide as the cells, of series a step is the vector
    of its channels. Padding is never read, wherever it stands. The outputs are a linear map of the ``last``
    step of each direction, or of the ``mean`` or ``max`` of all. Dropout stands where Zaremba et al. 2014
    (https://arxiv.org/abs/1409.2329) have it, on what goes from layer to layer and to the outputs, but not
    on the values of a series.

    There are no rules: every configuration is valid. The same network: nodes of a cell have no order, and
    matter with the cell of ENAS alone.

    PyTorch's cells have two biases where the papers have one: an LSTM of 4n (n + m + 1) weights there has
    4n (n + m + 2) here. A step of an ENAS cell takes longer than one of the others, so that long series
    are better served by ``conv1d``.

    Args:
        max_depth: Most layers.
        min_depth: Fewest.
        cells: From ``lstm``, ``gru``, ``enas``.
        widths: Units of a layer in each direction.
        directions: 1, 2 or both.
        poolings: From ``last``, ``mean``, ``max``.
        dropouts: Dropout rates.
        nodes: Nodes of an ENAS cell; the paper has 12, DARTS 8.
        repeats: How often each layer stands in a row.

    Raises:
        ConfigError: If an option is empty or holds what cannot be.
    """

    name = "recurrent"
    inputs = frozenset({"sequences", "tokens"})

    def __init__(
        self,
        *,
        max_depth: int = 2,
        min_depth: int = 1,
        cells: Sequence[str] = CELLS,
        widths: Sequence[int] = (25, 50, 100, 200),
        directions: Sequence[int] = (1, 2),
        poolings: Sequence[str] = POOLINGS,
        dropouts: Sequence[float] = (0.0, 0.2, 0.5),
        nodes: int = 8,
        repeats: int = 1,
    ) -> None:
        self.min_depth = options.whole("min_depth", min_depth, 1)
        self.max_depth = options.whole("max_depth", max_depth, self.min_depth)
        self.cells = options.names("cells", cells, CELLS)
        self.widths = options.sizes("widths", widths)
        self.directions = options.one_or_two("directions", directions)
        self.poolings = options.names("poolings", poolings, POOLINGS)
        self.dropouts = options.dropouts("dropouts", dropouts)
        self.nodes = options.whole("nodes", nodes, 1)
        self.repeats = options.whole("repeats", repeats, 1)

    def param_space(self) -> dict[str, Domain]:
        """Return the settings of the whole and, where ENAS is on offer, those of the nodes of a cell."""
        space: dict[str, Domain] = {
            "cell": tune.choice(self.cells),
            "depth": tune.randint(self.min_depth, self.max_depth + 1),
            "width": tune.choice(self.widths),
            "directions": tune.choice(self.directions),
            "pooling": tune.choice(self.poolings),
            "dropout": tune.choice(self.dropouts),
        }
        return space | (enas_cell.param_space(self.nodes) if "enas" in self.cells else {})

    def active(self, config: Config) -> frozenset[str]:
        """Return all keys, without those of the nodes where the cell is another."""
        has_nodes = config["cell"] == "enas"
        return frozenset(key for key in config if has_nodes or not key.startswith(enas_cell.PREFIX))

    def canonical(self, config: Config) -> Any:
        """Return the settings that matter, the nodes in an order that depends on the tree alone."""
        return super().canonical(self._ordered(config))

    def features(self, config: Config) -> NDArray[np.float64]:
        """Return the settings as numbers, the nodes in an order that depends on the tree alone."""
        return super().features(self._ordered(config))

    def _ordered(self, config: Config) -> Config:
        return {**config, **enas_cell.ordered(config)} if config["cell"] == "enas" else config

    def size(self) -> int:
        """Return the number of configurations, counting the keys that matter.

        An LSTM or GRU is one, a cell of ENAS with N nodes one of (N - 1)! 4^N.
        """
        cells = sum(enas_cell.size(self.nodes) if cell == "enas" else 1 for cell in self.cells)
        choices = (self.widths, self.directions, self.poolings, self.dropouts)
        return cells * (self.max_depth - self.min_depth + 1) * math.prod(len(each) for each in choices)

    def members(self) -> Mapping[str, Config]:
        """Return published networks, as far as the options admit them.

        ``zaremba_small``, ``_medium`` and ``_large`` are the LSTMs of Zaremba et al. 2014 for the Penn
        Treebank, ``enas_ptb`` is the cell that ENAS found there, at the width of its authors' code.
        """
        whole = {"directions": 1, "pooling": "last"}
        published: dict[str, Config] = {
            f"zaremba_{name}": {**whole, "cell": "lstm", "depth": 2, "width": width, "dropout": dropout}
            for name, width, dropout in (("small", 200, 0.0), ("medium", 650, 0.5), ("large", 1500, 0.65))
        }
        if self.nodes == len(enas_cell.read(enas_cell.PENN_TREEBANK)):
            enas = {**whole, "cell": "enas", "depth": 1, "width": 748, "dropout": 0.0}
            published["enas_ptb"] = {**enas, **enas_cell.PENN_TREEBANK}
        any_nodes = enas_cell.written([(0, "tanh")] * self.nodes) if "enas" in self.cells else {}
        return layouts.admitted(self, {name: {**any_nodes, **config} for name, config in published.items()})

    def graphs(self, config: Config) -> Mapping[str, Sequence[Edge]]:
        """Return the chain of layers, and the tree of an ENAS cell."""
        edges, before = [], "input"
        for number in range(1, config["depth"] + 1):
            edges.append(Edge(before, str(number), _draw_layer(config)))
            before = str(number)
        network = [*edges, Edge(before, "output", config["pooling"])]
        if config["cell"] != "enas":
            return {"network": network}
        return {"network": network, "cell": enas_cell.edges(config)}

    def describe(self, config: Config) -> str:
        """Draw the network as one line for each layer, and one for each node of a cell."""
        times = f", {self.repeats} times" if self.repeats > 1 else ""
        dropout = f"dropout {config['dropout']}, " if config["dropout"] else ""
        lines = [f"{_draw_layer(config)}{times}"] * config["depth"]
        lines += [f"{config['pooling']} of the steps", f"{dropout}dense to the outputs"]
        text = "\n".join(["input", *(f"-> {line}" for line in lines)])
        return text + (f"\n{enas_cell.draw(config)}" if config["cell"] == "enas" else "")

    def build(self, config: Config, task: Task) -> nn.Module:
        """Return the network: embedding or series, the layers, a linear map to the outputs."""
        from . import recurrent_modules

        return recurrent_modules.network(self._ordered(config), task, self.repeats)


def _draw_layer(config: Config) -> str:
    ways = ", both ways" if config["directions"] == 2 else ""
    dropout = f", dropout {config['dropout']}" if config["dropout"] else ""
    return f"{config['cell']}, {config['width']} units{ways}{dropout}"
