"""The networks of ``recurrent``; imported by ``build`` alone, so that no driver loads torch."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from nas_ray.spaces import Config
from nas_ray.tasks import Task

from . import enas_cell
from .sequence_modules import Embedding, Series, last, maximum, mean, turned

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "tanh": torch.tanh,
    "relu": torch.relu,
    "identity": lambda x: x,
    "sigmoid": torch.sigmoid,
}


class ENAS(nn.Module):
    """A layer of ENAS cells, called as PyTorch's own layers are.

    Args:
        inputs: Numbers in a step.
        width: Units.
        cell: Its nodes; see :mod:`nas_ray.searchspaces.enas_cell`.
    """

    def __init__(self, inputs: int, width: int, cell: list[enas_cell.Node]) -> None:
        super().__init__()
        self.cell, self.leaves = cell, enas_cell.leaves(cell)
        # The weights of c and of f side by side, so that a node is one product.
        self.from_input = nn.Linear(inputs, 2 * width, bias=False)
        self.from_state = nn.Linear(width, 2 * width, bias=False)
        self.nodes = nn.ModuleList(nn.Linear(width, 2 * width, bias=False) for _ in cell[1:])
        for weight in self.parameters():  # as PyTorch's own recurrent layers
            nn.init.uniform_(weight, -1 / math.sqrt(width), 1 / math.sqrt(width))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Map (batch, steps, inputs) to the states after every step and the last one."""
        states: list[Tensor] = []
        weight = self.from_state.weight
        state = torch.zeros(len(x), weight.shape[1], dtype=weight.dtype, device=x.device)
        for given in self.from_input(x).unbind(1):
            state = self._step(given, state)
            states.append(state)
        return torch.stack(states, 1), state

    def _step(self, given: Tensor, state: Tensor) -> Tensor:
        nodes = [_node(self.cell[0][1], given + self.from_state(state), state)]
        for (source, activation), work in zip(self.cell[1:], self.nodes, strict=True):
            nodes.append(_node(activation, work(nodes[source]), nodes[source]))
        return torch.stack([nodes[leaf] for leaf in self.leaves]).mean(0)


def _node(activation: str, products: Tensor, source: Tensor) -> Tensor:
    """Return c f(s W) + (1 - c) s, where ``products`` are what c and f take."""
    # States stay in full precision: a step adds to them, again and again.
    gate, value = products.to(source.dtype).chunk(2, -1)
    return torch.lerp(source, ACTIVATIONS[activation](value), gate.sigmoid())


class Layer(nn.Module):
    """A recurrent layer that reads its steps one way, or both ways with a layer for each.

    Args:
        ways: The layer of each direction.
    """

    def __init__(self, ways: list[nn.Module]) -> None:
        super().__init__()
        self.ways = nn.ModuleList(ways)

    def forward(self, x: Tensor, is_token: Tensor | None) -> list[Tensor]:
        """Return the states of each direction, (batch, steps, width), in the order in which it reads."""
        reads = (x, turned(x, is_token))
        return [way(steps)[0] for way, steps in zip(self.ways, reads, strict=False)]


class Network(nn.Module):
    """Embedding or series, layers, a summary of the steps and a linear map.

    Args:
        stem: Makes steps of the inputs.
        layers: The layers, at least one.
        pooling: ``last``, ``mean`` or ``max``.
        dropout: Rate of dropout before every layer but the first, and before the outputs.
        head: The linear map.
    """

    def __init__(
        self, stem: nn.Module, layers: list[Layer], pooling: str, dropout: float, head: nn.Module
    ) -> None:
        super().__init__()
        self.stem, self.layers, self.head = stem, nn.ModuleList(layers), head
        self.dropout = nn.Dropout(dropout)
        self.pool = {"last": last, "mean": mean, "max": maximum}[pooling]

    def forward(self, inputs: Tensor) -> Tensor:
        """Map inputs as the stem takes them to (batch, outputs)."""
        x, is_token = self.stem(inputs)
        states = self.layers[0](x, is_token)
        for layer in self.layers[1:]:
            ahead, *back = states
            x = torch.cat([ahead, *(turned(each, is_token) for each in back)], -1)
            states = layer(self.dropout(x), is_token)
        summary = torch.cat([self.pool(each, is_token) for each in states], -1)
        outputs: Tensor = self.head(self.dropout(summary))
        return outputs


def network(config: Config, task: Task, repeats: int) -> nn.Module:
    """Return the network of a configuration of ``recurrent``.

    Args:
        config: The configuration, the nodes of its cell in their canonical order.
        task: The problem.
        repeats: How often each layer stands in a row.
    """
    width, dropout, directions = task.scaled(config["width"]), config["dropout"], config["directions"]
    stem: nn.Module = Series()
    inputs = task.input_shape[0]
    if task.vocabulary is not None:
        stem, inputs = Embedding(task.vocabulary, width, dropout=dropout), width
    layers: list[Layer] = []
    for _ in range(config["depth"] * repeats):
        layers.append(Layer([_cells(config, inputs, width) for _ in range(directions)]))
        inputs = directions * width
    return Network(stem, layers, config["pooling"], dropout, nn.Linear(inputs, task.outputs))


def _cells(config: Config, inputs: int, width: int) -> nn.Module:
    if config["cell"] == "enas":
        return ENAS(inputs, width, enas_cell.read(config))
    kind = nn.LSTM if config["cell"] == "lstm" else nn.GRU
    return kind(inputs, width, batch_first=True)
