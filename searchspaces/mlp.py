"""``mlp``: multilayer perceptrons for tables, and for images taken as rows of pixels."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ray import tune
from ray.tune.search.sample import Domain

from nas_ray.spaces import Config, Edge, SearchSpace
from nas_ray.tasks import Task

from . import layouts, options

if TYPE_CHECKING:
    from torch import nn

NORMS = ("batch", "layer", "none")


class MLP(SearchSpace):
    """Fully connected layers, each with its own width, activation, norm, dropout and shortcut.

    A layer is linear, norm, ``skip``, activation, dropout. ``skip`` adds the layer's input before the
    activation, through a linear map where the widths differ. A linear layer to the outputs ends the network.
    Inputs of any shape are flattened. There are no rules: every configuration is valid.

    Args:
        max_depth: Most hidden layers.
        min_depth: Fewest.
        units: Widths on offer.
        activations: Names from ``nas_ray.searchspaces.options.ACTIVATIONS``.
        norms: From ``batch``, ``layer``, ``none``.
        dropouts: Dropout rates on offer.

    Raises:
        ConfigError: If an option is empty or holds what cannot be.
    """

    name = "mlp"
    inputs = frozenset({"images", "sequences", "tables"})

    def __init__(
        self,
        *,
        max_depth: int = 4,
        min_depth: int = 1,
        units: Sequence[int] = (16, 32, 64, 128, 256),
        activations: Sequence[str] = ("relu", "gelu", "silu", "tanh"),
        norms: Sequence[str] = NORMS,
        dropouts: Sequence[float] = (0.0, 0.1, 0.2, 0.4),
    ) -> None:
        self.min_depth = options.whole("min_depth", min_depth, 1)
        self.max_depth = options.whole("max_depth", max_depth, self.min_depth)
        self.units = options.sizes("units", units)
        self.activations = options.names("activations", activations, options.ACTIVATIONS)
        self.norms = options.names("norms", norms, NORMS)
        self.dropouts = options.dropouts("dropouts", dropouts)
        self._choices: dict[str, list[Any]] = {
            "units": self.units,
            "activation": self.activations,
            "norm": self.norms,
            "dropout": self.dropouts,
            "skip": [False, True],
        }

    def param_space(self) -> dict[str, Domain]:
        """Return ``depth`` and the settings of ``max_depth`` layers."""
        space: dict[str, Domain] = {"depth": tune.randint(self.min_depth, self.max_depth + 1)}
        for index in range(self.max_depth):
            space |= {f"layer{index}.{key}": tune.choice(values) for key, values in self._choices.items()}
        return space

    def active(self, config: Config) -> frozenset[str]:
        """Return ``depth`` and the keys of the layers within it."""
        layers = range(config["depth"])
        return frozenset({"depth", *(f"layer{index}.{key}" for index in layers for key in self._choices)})

    def members(self) -> Mapping[str, Config]:
        """Return published networks, as far as the space offers their settings.

        ``lenet_300_100`` (LeCun et al. 1998, http://yann.lecun.com/exdb/publis/pdf/lecun-98.pdf) for
        handwritten digits, which needs units of 100 and 300, and ``ppo_policy`` (Schulman et al. 2017,
        https://arxiv.org/abs/1707.06347, section 6.1), two layers of 64 units; both have tanh.
        """
        plain = {"activation": "tanh", "norm": "none", "dropout": 0.0, "skip": False}
        published = {"lenet_300_100": (300, 100), "ppo_policy": (64, 64)}
        found = {
            name: layouts.layered([{**plain, "units": each} for each in units], self.max_depth, self._choices)
            for name, units in published.items()
        }
        return layouts.admitted(self, found)

    def size(self) -> int:
        """Return the number of configurations, counting the keys that matter: the sum of L^depth over depths.

        L is the number of settings of a layer.
        """
        settings = math.prod(len(values) for values in self._choices.values())
        return sum(settings**depth for depth in range(self.min_depth, self.max_depth + 1))

    def describe(self, config: Config) -> str:
        """Draw the network as one line for each layer, from the input down."""
        lines = [_draw(layer) for layer in self._layers(config)]
        return "\n".join(["input", *(f"-> {line}" for line in lines), "-> dense to the outputs"])

    def graphs(self, config: Config) -> Mapping[str, Sequence[Edge]]:
        """Return the layers as one path, with an edge beside a layer for its shortcut."""
        layers = self._layers(config)
        steps = [(_draw({**layer, "skip": False}), f"layer {index}") for index, layer in enumerate(layers)]
        edges = layouts.path([*steps, ("dense", "output")])
        skips = [edge for edge, layer in zip(edges, layers, strict=False) if layer["skip"]]
        return {"network": edges + [edge._replace(operation="skip") for edge in skips]}

    def build(self, config: Config, task: Task) -> nn.Module:
        """Return the network as an ``nn.Sequential`` of its layers."""
        from torch import nn

        from . import modules

        layers: list[nn.Module] = [nn.Flatten()]
        inputs = math.prod(task.input_shape)
        for layer in self._layers(config):
            outputs = task.scaled(layer["units"])
            layers.append(modules.dense(layer, inputs, outputs))
            inputs = outputs
        return modules.initialised(nn.Sequential(*layers, nn.Linear(inputs, task.outputs)))

    def _layers(self, config: Config) -> list[dict[str, Any]]:
        return [
            {key: config[f"layer{index}.{key}"] for key in self._choices} for index in range(config["depth"])
        ]


def _draw(layer: dict[str, Any]) -> str:
    words = [f"dense {layer['units']}"]
    words += [] if layer["norm"] == "none" else [f"{layer['norm']} norm"]
    words += [layer["activation"], *(["skip"] if layer["skip"] else [])]
    words += [f"dropout {layer['dropout']}"] if layer["dropout"] else []
    return ", ".join(words)
