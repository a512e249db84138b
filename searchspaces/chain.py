"""``chain``: plain convolutional networks for images, one layer after the other.

The chain-structured space of the surveys (Elsken et al. 2019, https://arxiv.org/abs/1808.05377, section 2)
with the layer settings of Zoph and Le 2017 (https://arxiv.org/abs/1611.01578) and residual shortcuts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from ray import tune
from ray.tune.search.sample import Domain

from nas_ray.errors import ConfigError
from nas_ray.spaces import Config, Edge, SearchSpace
from nas_ray.tasks import Task

from . import chain_layers, chain_members, layouts, options
from .chain_layers import KEYS, POOLINGS, Layer

if TYPE_CHECKING:
    from torch import Tensor, nn

NORMS = ("batch", "group", "none")
HEADS = ("avg", "max", "flatten")


class Chain(SearchSpace):
    """Chains of convolutions and poolings with a dense head, for images.

    A layer is ``conv`` or ``separable`` (depthwise, then 1x1, nothing between them), both with norm and
    activation, or ``max_pool`` or ``avg_pool``. Each is padded by half its kernel, so that a map of
    ``size`` pixels leaves a layer with ``ceil(size / stride)``. ``skip`` adds the layer's input before the
    activation, through a 1x1 convolution where channels or stride differ; poolings have none. The head
    pools the map to one pixel (``avg``, ``max``) or keeps all (``flatten``), then come ``head.dense`` layers
    of ``head.units`` with relu, then the outputs; ``head.dropout`` stands before each of these.

    Rules: no pooling first; no dense layer before the first convolution; a stride never meets a map that is
    smaller than itself, so that the map never gets below 1x1.

    The same network: layers beyond ``depth`` and settings without effect do not count; max poolings in a row
    are one with a wider window; max poolings right before the head's global maximum change nothing.

    Args:
        max_depth: Most layers before the head.
        min_depth: Fewest.
        ops: Operations on offer.
        kernels: Odd sides of the square windows, at least 3.
        widths: Channels of a convolution.
        strides: 1, 2 or both.
        activations: Names from ``nas_ray.searchspaces.options.ACTIVATIONS``.
        norms: From ``batch``, ``group``, ``none``.
        poolings: Ways of the head, from ``avg``, ``max``, ``flatten``.
        max_dense: Most dense layers in the head.
        units: Units of each of them.
        dropouts: Dropout rates of the head.

    Raises:
        ConfigError: If an option is empty or holds what cannot be.
    """

    name = "chain"
    inputs = frozenset({"images"})

    def __init__(
        self,
        *,
        max_depth: int = 6,
        min_depth: int = 1,
        ops: Sequence[str] = tuple(KEYS),
        kernels: Sequence[int] = (3, 5),
        widths: Sequence[int] = (16, 24, 32, 48),
        strides: Sequence[int] = (1, 2),
        activations: Sequence[str] = ("relu", "gelu", "silu"),
        norms: Sequence[str] = NORMS,
        poolings: Sequence[str] = HEADS,
        max_dense: int = 2,
        units: Sequence[int] = (32, 64, 128),
        dropouts: Sequence[float] = (0.0, 0.1, 0.3),
    ) -> None:
        self.min_depth = options.whole("min_depth", min_depth, 1)
        self.max_depth = options.whole("max_depth", max_depth, self.min_depth)
        self.ops = options.names("ops", ops, KEYS)
        if all(op in POOLINGS for op in self.ops):
            raise ConfigError(f"`ops` must hold conv or separable, but got {self.ops}")
        self.kernels = options.sides("kernels", kernels)
        self.widths = options.sizes("widths", widths)
        self.strides = options.one_or_two("strides", strides)
        self.activations = options.names("activations", activations, options.ACTIVATIONS)
        self.norms = options.names("norms", norms, NORMS)
        self.poolings = options.names("poolings", poolings, HEADS)
        self.max_dense = options.whole("max_dense", max_dense, 0)
        self.units = options.sizes("units", units)
        self.dropouts = options.dropouts("dropouts", dropouts)

    def param_space(self) -> dict[str, Domain]:
        """Return ``depth``, the settings of ``max_depth`` layers, and those of the head."""
        space: dict[str, Domain] = {"depth": tune.randint(self.min_depth, self.max_depth + 1)}
        for index in range(self.max_depth):
            space |= {f"layer{index}.{key}": tune.choice(values) for key, values in self._choices().items()}
        return space | {
            "head.pooling": tune.choice(self.poolings),
            "head.dense": tune.randint(0, self.max_dense + 1),
            "head.units": tune.choice(self.units),
            "head.dropout": tune.choice(self.dropouts),
        }

    def _choices(self) -> dict[str, list[Any]]:
        return {
            "op": self.ops,
            "kernel": self.kernels,
            "stride": self.strides,
            "width": self.widths,
            "activation": self.activations,
            "norm": self.norms,
            "skip": [False, True],
        }

    def active(self, config: Config) -> frozenset[str]:
        """Return the keys of the head and of the layers within ``depth``, as far as operations use them."""
        keys = {"depth", "head.pooling", "head.dense", "head.dropout"}
        for index in range(config["depth"]):
            keys.update(f"layer{index}.{key}" for key in KEYS[config[f"layer{index}.op"]])
        return frozenset(keys | {"head.units"} if config["head.dense"] else keys)

    def canonical(self, config: Config) -> dict[str, Any]:
        """Return the layers that do something, max poolings in a row as one, and the head."""
        layers = chain_layers.read(config)
        kept = layers[: len(layers) - chain_layers.idle(layers, config["head.pooling"])]
        return {"layers": chain_layers.joined(kept), "head": chain_layers.read_head(config)}

    def violations(self, config: Config, task: Task | None = None) -> list[str]:
        """Return the broken rules in words: of order always, of shapes with a ``task``."""
        if task and (unserved := self.unserved(task)):
            return [unserved]
        layers, broken = chain_layers.read(config), []
        if layers[0]["op"] in POOLINGS:
            broken.append(
                f"no pooling first: `layer0.op` must be conv or separable, but got {layers[0]['op']!r}"
            )
        if all(layer["op"] in POOLINGS for layer in layers):
            broken.append(
                "no dense layer before the first convolution: the head needs a conv or separable layer "
                f"before it, but there are only {', '.join(layer['op'] for layer in layers)}"
            )
        return broken + (chain_layers.shape_violations(layers, task) if task else [])

    def members(self) -> Mapping[str, Config]:
        """Return published networks, as far as the space offers their settings: see ``chain_members``."""
        found = {name: self._member(*network) for name, network in chain_members.PUBLISHED.items()}
        return layouts.admitted(self, found)

    def _member(self, layers: Sequence[Layer], head: Mapping[str, Any]) -> Config:
        config = layouts.layered(layers, self.max_depth, self._choices())
        return config | {f"head.{key}": value for key, value in {"units": self.units[0], **head}.items()}

    def size(self) -> int:
        """Return the number of configurations that keep the rules of order, counting the keys that matter.

        With C settings of a convolution and P of a pooling there are C (C + P)^(depth - 1) chains of a
        depth, for each of the heads. Max poolings in a row count as they stand.
        """
        windows = len(self.kernels) * len(self.strides)
        pools = windows * sum(op in POOLINGS for op in self.ops)
        details = len(self.widths) * len(self.activations) * len(self.norms) * 2
        convolutions = windows * details * sum(op not in POOLINGS for op in self.ops)
        chains: int = sum(
            convolutions * (convolutions + pools) ** (depth - 1)
            for depth in range(self.min_depth, self.max_depth + 1)
        )
        return chains * len(self.poolings) * len(self.dropouts) * (1 + self.max_dense * len(self.units))

    def features(self, config: Config) -> NDArray[np.float64]:
        """Return the canonical network as numbers: a fixed number of slots for layers, then the head.

        Sizes are relative to the largest on offer, widths by logarithm; slots without a layer are zeros.
        """
        network, choices = self.canonical(config), self._choices()
        layers, head = network["layers"], network["head"]
        row = [len(layers) / self.max_depth]
        for index in range(self.max_depth):
            row += chain_layers.encode(choices, layers[index] if index < len(layers) else None)
        row += [float(head["pooling"] == pooling) for pooling in self.poolings]
        row += [head["dense"], head.get("units", 0) / max(self.units), head["dropout"]]
        return np.asarray(row, dtype=np.float64)

    @property
    def feature_groups(self) -> tuple[int, ...]:
        """One group."""
        slots = self.max_depth * len(chain_layers.encode(self._choices(), None))
        return (1 + slots + len(self.poolings) + 3,)

    def describe(self, config: Config) -> str:
        """Draw the network as one line for each layer, from the input down."""
        lines = [chain_layers.draw(layer) for layer in chain_layers.read(config)]
        lines += chain_layers.draw_head(chain_layers.read_head(config))
        return "\n".join(["input", *(f"-> {line}" for line in lines)])

    def graphs(self, config: Config) -> Mapping[str, Sequence[Edge]]:
        """Return the layers as one path, with an edge beside a layer for its shortcut."""
        layers = chain_layers.read(config)
        steps = [
            (chain_layers.draw({**layer, "skip": False}), f"layer {index}")
            for index, layer in enumerate(layers)
        ]
        end = "; ".join(chain_layers.draw_head(chain_layers.read_head(config)))
        edges = layouts.path([*steps, (end, "output")])
        skips = [edge for edge, layer in zip(edges, layers, strict=False) if layer.get("skip")]
        return {"network": edges + [edge._replace(operation="skip") for edge in skips]}

    def build(self, config: Config, task: Task) -> nn.Module:
        """Return the network as an ``nn.Sequential`` of its layers and the head.

        Raises:
            InvalidConfig: If ``config`` breaks a rule for ``task``.
        """
        self.check_rules(config, task)
        from torch import nn

        from . import modules

        layers: list[nn.Module] = []
        channels, height, width = task.input_shape
        for layer in chain_layers.read(config):
            if layer["op"] in POOLINGS:
                layers.append(modules.pooling(layer))
            else:
                outputs = task.scaled(layer["width"])
                layers.append(modules.convolution(layer, channels, outputs))
                channels = outputs
            height, width = chain_layers.after(height, layer), chain_layers.after(width, layer)
        units = task.scaled(config["head.units"])
        head = modules.head(chain_layers.read_head(config), channels, height * width, units, task.outputs)
        return modules.initialised(nn.Sequential(*layers, head))

    def morph(
        self,
        parent: nn.Module,
        parent_config: Config,
        child: nn.Module,
        config: Config,
        inputs: Tensor,
        rng: np.random.Generator,
    ) -> None:
        """Give a wider or deeper child the function of its parent: see ``chain_morphism``.

        Raises:
            Unsupported: If the function cannot be kept.
        """
        from torch.nn import Sequential

        from . import chain_morphism

        assert isinstance(parent, Sequential)
        assert isinstance(child, Sequential)
        chain_morphism.morph(parent, parent_config, child, config, inputs, rng)
