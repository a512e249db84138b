"""``multibranch``: convolutional layers in a directed graph, with ResNets and DenseNets among them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from ray import tune
from ray.tune.search.sample import Domain

from nas_ray.errors import ConfigError, UnknownName
from nas_ray.spaces import Config, Edge, SearchSpace
from nas_ray.tasks import Task

from . import layouts, multibranch_features, multibranch_graph, multibranch_members, options
from .multibranch_graph import CONVOLUTIONS, JOINS, ORDERS, SETTINGS, Layer, place
from .multibranch_members import PUBLISHED

if TYPE_CHECKING:
    from torch import nn

OPERATIONS = tuple(op for op in SETTINGS if op != "output")


class MultiBranch(SearchSpace):
    """Layers that each read any of the earlier ones: the multi-branch space of the surveys.

    Elsken et al. 2019 (https://arxiv.org/abs/1808.05377), section 2, and Wistuba et al. 2019
    (https://arxiv.org/abs/1905.01392), section 2.1: layer i computes f_i(g_i(L_(i-1), ..., L_0)), where the
    join g_i is a sum, as in ResNet, or a concatenation, as in DenseNet, of any subset of earlier outputs.

    Layer 0 is a convolution of the image. Every other layer has an operation, keys ``layerI.from.J`` for the
    layers J < I that it reads, and ``layerI.join``. The output has them too; with ``output.norm`` come batch
    normalisation and relu, then global average pooling and a linear layer. The operations:

    * ``conv_KxK`` and ``separable_KxK`` (depthwise, then 1x1) with ``width`` channels, a ``stride``, and an
      ``order`` of convolution, batch normalisation and relu;
    * ``max_pool``, 3x3, and ``avg_pool``, 3x3, or 2x2 where its stride is 2, as in DenseNet;
    * ``relu`` alone, which follows the sums of ResNet.

    What is joined gets the size of the smallest map. In a sum, whatever has not that size and the most
    channels of all is projected by a 1x1 convolution with stride and batch normalisation (He et al. 2016,
    option B); in a concatenation, larger maps are averaged over windows of 2x2, 4x4 ... pixels.

    Rules: the output is reached from layer 0; a stride never meets a map that is smaller than itself.

    The same network: layers that the output does not read do not count, nor layers that no path from layer 0
    leads to; the others may be numbered in any order; a relu of one layer that ends with a relu is that one.

    The surveys give no size; here it is the number of configurations in the keys that matter, at the default
    settings 1.3·10²².

    Args:
        layers: Most layers.
        ops: Operations on offer, at least one of them a convolution.
        orders: From ``conv-norm-act``, ``norm-act-conv`` (preactivation), ``conv-norm``.
        widths: Channels of a convolution.
        strides: 1, 2 or both.
        joins: From ``sum``, ``concat``.

    Raises:
        ConfigError: If an option is empty or holds what cannot be.
    """

    name = "multibranch"
    inputs = frozenset({"images"})
    offers = frozenset({"graph"})

    def __init__(
        self,
        *,
        layers: int = 7,
        ops: Sequence[str] = ("conv_1x1", "conv_3x3", "separable_3x3", "max_pool", "avg_pool", "relu"),
        orders: Sequence[str] = ORDERS,
        widths: Sequence[int] = (8, 16, 32, 64),
        strides: Sequence[int] = (1, 2),
        joins: Sequence[str] = JOINS,
    ) -> None:
        self.layers = options.whole("layers", layers, 1)
        self.ops = options.names("ops", ops, OPERATIONS)
        self.orders = options.names("orders", orders, ORDERS)
        self.widths = options.sizes("widths", widths)
        self.strides = options.one_or_two("strides", strides)
        self.joins = options.names("joins", joins, JOINS)
        first = {"op": [op for op in self.ops if op in CONVOLUTIONS]}
        first["order"] = [order for order in self.orders if order.startswith("conv")]
        if not all(first.values()):
            raise ConfigError(
                "`ops` must hold a convolution, and `orders` one that begins with it, for layer 0; "
                f"but got {self.ops} and {self.orders}"
            )
        self._choices: dict[str, list[Any]] = {
            "op": self.ops,
            "order": self.orders,
            "width": self.widths,
            "stride": self.strides,
            "join": self.joins,
        }
        self._first = {**self._choices, **first}

    @classmethod
    def around(cls, name: str) -> MultiBranch:
        """Return the space of all networks from the layers of ``resnet18`` or another published network.

        A very deep one, ``densenet121``, is a place to start from rather than a space to sample: among 124
        layers of random strides there is always one too many.

        Raises:
            UnknownName: If there is no such network.
        """
        if name not in PUBLISHED:
            raise UnknownName("published network", name, PUBLISHED)
        *layers, _ = network = PUBLISHED[name]
        used = {key: {layer[key] for layer in network if key in layer} for key in ("op", "order", "join")}
        return cls(
            layers=len(layers),
            ops=[op for op in OPERATIONS if op in used["op"]],
            orders=[order for order in ORDERS if order in used["order"]],
            widths=sorted({layer["width"] for layer in layers if "width" in layer}),
            joins=[join for join in JOINS if join in used["join"]],
        )

    def param_space(self) -> dict[str, Domain]:
        """Return the settings and the ``from`` keys of every layer, and those of the output."""
        space: dict[str, Domain] = {}
        for index in range(self.layers):
            name, choices = place(index), self._choices if index else self._first
            for key, values in choices.items():
                if key != "join" or index > 1:
                    space[f"{name}.{key}"] = tune.choice(values)
            space |= {f"{name}.from.{source}": tune.choice([False, True]) for source in range(index)}
        space |= {"output.join": tune.choice(self.joins)} if self.layers > 1 else {}
        space["output.norm"] = tune.choice([False, True])
        sources = range(self.layers)
        return space | {f"output.from.{source}": tune.choice([False, True]) for source in sources}

    def absent(self) -> dict[str, Any]:
        """Return that a layer does not read another, for every pair."""
        return {key: False for key in self.domains if ".from." in key}

    def active(self, config: Config) -> frozenset[str]:
        """Return the keys of layers that the output reads; settings only of those that are reached."""
        wires = multibranch_graph.wiring(config, self.layers)
        keys = {f"{place(index)}.from.{source}" for index in wires.wanted for source in range(index)}
        keys |= {f"output.from.{source}" for source in range(self.layers)}
        for index, inputs in wires.inputs.items():
            name = "output" if index == -1 else place(index)
            op = "output" if index == -1 else config[f"{name}.op"]
            keys |= {f"{name}.{key}" for key in SETTINGS[op]}
            keys |= {f"{name}.op"} if index != -1 else set()
            keys |= {f"{name}.join"} if len(inputs) > 1 else set()
        return frozenset(keys)

    def canonical(self, config: Config) -> list[Layer]:
        """Return the layers that matter, in an order that their numbers do not decide, and the output."""
        return multibranch_graph.ordered(multibranch_graph.read(config, self.layers))

    def violations(self, config: Config, task: Task | None = None) -> list[str]:
        """Return the broken rules in words: on paths always, on shapes with a ``task``."""
        if task and (unserved := self.unserved(task)):
            return [unserved]
        graph = multibranch_graph.read(config, self.layers)
        if not graph[-1]["inputs"]:
            return ["the output must be reached: the `from` keys lead to it from no layer that reads layer 0"]
        return self._too_small(graph, task) if task else []

    def _too_small(self, graph: dict[int, Layer], task: Task) -> list[str]:
        _, height, width = task.input_shape
        for index, _, shape in multibranch_graph.shapes(graph):
            if graph[index].get("stride") == 2 and min(height, width) <= 2 ** (shape.halvings - 1):
                sides = [-(-side // 2 ** (shape.halvings - 1)) for side in (height, width)]
                return [
                    f"feature map never below 1x1: `{place(index)}.stride` 2 meets a map of "
                    f"{sides[0]}x{sides[1]} (images of {height}x{width})"
                ]
        return []

    def size(self) -> int:
        """Return the number of configurations whose output is reached, counting the keys that matter."""
        first, others = (
            sum(math.prod(len(choices[key]) for key in SETTINGS[op]) for op in choices["op"])
            for choices in (self._first, self._choices)
        )
        graphs = multibranch_graph.count(self.layers, others, len(self.joins))
        return first * graphs * 2  # with `output.norm` or without

    def features(self, config: Config) -> NDArray[np.float64]:
        """Return the canonical network as numbers: its layers in slots, then a summary of the whole."""
        slots, summary = multibranch_features.encode(self.canonical(config), self._choices, self.layers)
        return np.asarray([*slots, *summary], dtype=np.float64)

    @property
    def feature_groups(self) -> tuple[int, ...]:
        """The layers, and the summary."""
        nothing: list[Layer] = [{"op": "output", "inputs": [], "norm": False}]
        slots, summary = multibranch_features.encode(nothing, self._choices, self.layers)
        return (len(slots), len(summary))

    def members(self) -> Mapping[str, Config]:
        """Return the published networks that the settings admit, by name.

        ``resnet18`` and ``densenet121`` are members of :meth:`around` them; ``small_resnet`` and
        ``small_densenet``, two blocks of the same kinds for small images, of the default space.
        """
        unused = {key: domain.categories[0] for key, domain in self.domains.items()}
        found = {name: unused | multibranch_members.config_of(network) for name, network in PUBLISHED.items()}
        return layouts.admitted(self, found)

    def describe(self, config: Config) -> str:
        """Draw the network as one line for each layer, in canonical order."""
        lines = []
        for index, layer in enumerate(self.canonical(config)):
            names = ", ".join(map(str, layer["inputs"])) or "the image"
            source = f"{layer['join']}({names})" if "join" in layer else names
            name = "output" if layer["op"] == "output" else f"{index}: {multibranch_graph.draw(layer)}"
            lines.append(f"{name} of {source}{', norm, relu' if layer.get('norm') else ''}")
        return "\n".join([*lines, "-> global avg pooling, dense"])

    def graphs(self, config: Config) -> Mapping[str, Sequence[Edge]]:
        """Return the network: nodes are layers, edges say how several inputs are joined."""
        layers = self.canonical(config)
        names = [f"{index}: {multibranch_graph.draw(layer)}" for index, layer in enumerate(layers[:-1])]
        names.append("output")
        edges = [Edge("input", names[0])]
        for name, layer in zip(names, layers, strict=True):
            edges += [Edge(names[source], name, layer.get("join", "")) for source in layer["inputs"]]
        return {"network": edges}

    def build(self, config: Config, task: Task) -> nn.Module:
        """Return the network: the graph, global average pooling and a linear layer.

        Raises:
            InvalidConfig: If ``config`` breaks a rule for ``task``.
        """
        self.check_rules(config, task)
        from . import multibranch_network

        return multibranch_network.network(self.canonical(config), task)
