"""``conv1d``: convolutions over time, for audio and other series."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ray import tune
from ray.tune.search.sample import Domain

from nas_ray.spaces import Config, Edge, SearchSpace
from nas_ray.tasks import Task

from . import conv1d_layers, layouts, options

if TYPE_CHECKING:
    from torch import nn

NORMS = ("batch", "group", "none")
HEADS = ("avg", "max")


class Conv1d(SearchSpace):
    """Chains of one-dimensional convolutions with a global pooling at the end.

    The fully convolutional networks for time series of Wang et al. 2017 (https://arxiv.org/abs/1611.06455)
    and those for raw audio of Dai et al. 2017 (https://arxiv.org/abs/1610.00087) are members. A layer is
    convolution, norm, ``skip``, activation, maximum over ``pool`` steps. Its windows of ``kernel`` steps that
    stand ``dilation`` apart are padded with zeros, so that a series of ``steps`` leaves a layer with
    ``ceil(ceil(steps / stride) / pool)``. ``skip`` adds the layer's input before the activation, through a
    1x1 convolution where channels or stride differ. A convolution has a bias also where a norm follows, as
    in the authors' code: parameters are comparable with published ones.

    Rules: a stride or pool never meets a series shorter than itself; no window is so wide that some of its
    kernel can meet nothing but padding.

    The same network: layers beyond ``depth`` do not count, nor does the pool of the last layer before a
    global maximum, nor the dilation of a kernel of 1.

    Args:
        max_depth: Most layers.
        min_depth: Fewest.
        kernels: Steps that a kernel reads.
        dilations: Distances between them.
        strides: Steps between two windows.
        pools: Steps of the maximum after a layer; 1 is none.
        widths: Channels of a convolution.
        activations: Names from ``nas_ray.searchspaces.options.ACTIVATIONS``.
        norms: From ``batch``, ``group``, ``none``.
        poolings: Ways to sum up all steps at the end, ``avg``, ``max`` or both.
        dropouts: Dropout rates before the outputs.
        repeats: How often each layer stands in a row: its stride in the first, its pool in the last.

    Raises:
        ConfigError: If an option is empty or holds what cannot be.
    """

    name = "conv1d"
    inputs = frozenset({"sequences"})

    def __init__(
        self,
        *,
        max_depth: int = 6,
        min_depth: int = 1,
        kernels: Sequence[int] = (3, 5, 8),
        dilations: Sequence[int] = (1, 2, 4),
        strides: Sequence[int] = (1, 2),
        pools: Sequence[int] = (1, 2),
        widths: Sequence[int] = (32, 64, 128, 256),
        activations: Sequence[str] = ("relu", "gelu", "silu"),
        norms: Sequence[str] = NORMS,
        poolings: Sequence[str] = HEADS,
        dropouts: Sequence[float] = (0.0, 0.1, 0.3),
        repeats: int = 1,
    ) -> None:
        self.min_depth = options.whole("min_depth", min_depth, 1)
        self.max_depth = options.whole("max_depth", max_depth, self.min_depth)
        self.kernels = options.sizes("kernels", kernels)
        self.dilations = options.sizes("dilations", dilations)
        self.strides = options.sizes("strides", strides)
        self.pools = options.sizes("pools", pools)
        self.widths = options.sizes("widths", widths)
        self.activations = options.names("activations", activations, options.ACTIVATIONS)
        self.norms = options.names("norms", norms, NORMS)
        self.poolings = options.names("poolings", poolings, HEADS)
        self.dropouts = options.dropouts("dropouts", dropouts)
        self.repeats = options.whole("repeats", repeats, 1)
        self._choices: dict[str, list[Any]] = {
            "kernel": self.kernels,
            "dilation": self.dilations,
            "stride": self.strides,
            "pool": self.pools,
            "width": self.widths,
            "activation": self.activations,
            "norm": self.norms,
            "skip": [False, True],
        }

    def param_space(self) -> dict[str, Domain]:
        """Return ``depth``, the settings of ``max_depth`` layers, and those of the head."""
        space: dict[str, Domain] = {"depth": tune.randint(self.min_depth, self.max_depth + 1)}
        for index in range(self.max_depth):
            space |= {f"layer{index}.{key}": tune.choice(values) for key, values in self._choices.items()}
        return space | {
            "head.pooling": tune.choice(self.poolings),
            "head.dropout": tune.choice(self.dropouts),
        }

    def active(self, config: Config) -> frozenset[str]:
        """Return the keys of the head and of the layers within ``depth``, as far as they have an effect."""
        keys = {"depth", "head.pooling", "head.dropout"}
        for index, layer in enumerate(conv1d_layers.read(config)):
            keys.update(f"layer{index}.{key}" for key in layer)
        return frozenset(keys)

    def violations(self, config: Config, task: Task | None = None) -> list[str]:
        """Return the broken rules in words; all of them are on shapes, so that they need a ``task``."""
        if task is None:
            return []
        if unserved := self.unserved(task):
            return [unserved]
        layers = conv1d_layers.read(config)
        return conv1d_layers.shape_violations(layers, self.repeats, task.input_shape[1])

    def size(self) -> int:
        """Return the number of configurations, counting the keys that matter.

        A layer has W windows (kernels and dilations, of a kernel of 1 only one), P pools and O other
        settings; there are (W P O)^depth chains before a global mean, and before a global maximum, where the
        last pool does not count, (W P O)^(depth - 1) W O.
        """
        windows = sum(1 if kernel == 1 else len(self.dilations) for kernel in self.kernels)
        others = math.prod(
            len(self._choices[key]) for key in ("stride", "width", "activation", "norm", "skip")
        )
        last = {"avg": windows * len(self.pools) * others, "max": windows * others}
        ends = sum(last[pooling] for pooling in self.poolings) * len(self.dropouts)
        depths = range(self.min_depth, self.max_depth + 1)
        chains: int = sum((windows * len(self.pools) * others) ** (depth - 1) for depth in depths)
        return ends * chains

    def members(self) -> Mapping[str, Config]:
        """Return FCN of Wang et al. 2017, and M3, M5 and M11 of Dai et al. 2017, as far as they fit."""
        return layouts.admitted(self, conv1d_layers.published(self.max_depth))

    def graphs(self, config: Config) -> Mapping[str, Sequence[Edge]]:
        """Return the chain of layers, with its shortcuts."""
        edges: list[Edge] = []
        layers, before = conv1d_layers.read(config), "input"
        for number, layer in enumerate(layers, 1):
            edges.append(Edge(before, str(number), conv1d_layers.draw(layer)))
            edges += [Edge(before, str(number), "skip")] if layer["skip"] else []
            before = str(number)
        return {"network": [*edges, Edge(before, "output", f"global {config['head.pooling']} pooling")]}

    def describe(self, config: Config) -> str:
        """Draw the network as one line for each layer, from the input down."""
        times = f", {self.repeats} times" if self.repeats > 1 else ""
        lines = [f"{conv1d_layers.draw(layer)}{times}" for layer in conv1d_layers.read(config)]
        dropout = f"dropout {config['head.dropout']}, " if config["head.dropout"] else ""
        lines += [f"global {config['head.pooling']} pooling", f"{dropout}dense to the outputs"]
        return "\n".join(["input", *(f"-> {line}" for line in lines)])

    def build(self, config: Config, task: Task) -> nn.Module:
        """Return the network as an ``nn.Sequential`` of its layers and the head."""
        from . import conv1d_modules

        layers = conv1d_layers.read(config)
        rows = [row for layer in layers for row in conv1d_layers.repeated(layer, self.repeats)]
        return conv1d_modules.network(
            [{**layer, "width": task.scaled(layer["width"])} for layer in rows],
            {key: config[f"head.{key}"] for key in ("pooling", "dropout")},
            task.input_shape[0],
            task.outputs,
        )
