"""``transformer``: encoders with attention, for images, series and tokens."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ray import tune
from ray.tune.search.sample import Domain

from nas_ray.spaces import Config, Edge, SearchSpace
from nas_ray.tasks import Task

from . import layouts, options

if TYPE_CHECKING:
    from torch import nn

POSITIONS = ("learned", "sinusoidal", "none")
POOLINGS = ("cls", "mean")

PUBLISHED = {"vit_b_16": (768, 12, 12), "deit_small": (384, 12, 6), "deit_tiny": (192, 12, 3)}
"""Name -> (width, depth, heads); patches of 16x16, ratio 4, learned positions, classification token."""


class Transformer(SearchSpace):
    """The encoder of Vaswani et al. 2017 (https://arxiv.org/abs/1706.03762), for more than text.

    On images it is the vision transformer, ViT, of Dosovitskiy et al. 2021
    (https://arxiv.org/abs/2010.11929): linear maps of patches of ``patch`` x ``patch`` pixels are its tokens.
    On series a patch are ``patch`` steps of all channels, the last one filled up with zeros. Tokens go
    through an embedding, and attention sees no padding. A layer is norm, attention, norm, MLP with GELU, each
    half with a shortcut (the norm first, as in ViT). As in AutoFormer (Chen et al. 2021,
    https://arxiv.org/abs/2107.00651), the number of heads and the MLP's ratio are chosen for each layer.
    Heads divide the width, whereas AutoFormer gives each head 64 numbers.

    The outputs are a linear map of the classification token (``cls``), or of the mean of all others.

    Rules: the width of each layer is divisible by its heads; patches divide the image; there are at most
    ``max_steps`` patches or tokens, since attention compares each with each; tokens are no patches, so that
    for them ``patch`` must be the smallest on offer. The dial "width" scales what a head is wide.

    Args:
        max_depth: Most layers.
        min_depth: Fewest.
        patches: Sides of a patch.
        widths: Numbers that stand for a token.
        heads: Numbers of heads of attention.
        ratios: Width of the MLP over that of the token.
        positions: What tells where a token stands: ``learned`` vectors, ``sinusoidal`` ones, or ``none``.
        poolings: ``cls``, ``mean`` or both.
        dropouts: Dropout rates after the positions and in both halves of a layer.
        max_steps: Most patches or tokens.
        repeats: How often each layer stands in a row.

    Raises:
        ConfigError: If an option is empty or holds what cannot be.
    """

    name = "transformer"
    inputs = frozenset({"images", "sequences", "tokens"})

    def __init__(
        self,
        *,
        max_depth: int = 12,
        min_depth: int = 1,
        patches: Sequence[int] = (2, 4, 8, 16),
        widths: Sequence[int] = (48, 96, 192, 384),
        heads: Sequence[int] = (2, 3, 4, 6),
        ratios: Sequence[float] = (1.0, 2.0, 4.0),
        positions: Sequence[str] = POSITIONS,
        poolings: Sequence[str] = POOLINGS,
        dropouts: Sequence[float] = (0.0, 0.1),
        max_steps: int = 1024,
        repeats: int = 1,
    ) -> None:
        self.min_depth = options.whole("min_depth", min_depth, 1)
        self.max_depth = options.whole("max_depth", max_depth, self.min_depth)
        self.patches = options.sizes("patches", patches)
        self.widths = options.sizes("widths", widths)
        self.heads = options.sizes("heads", heads)
        self.ratios = options.factors("ratios", ratios)
        self.positions = options.names("positions", positions, POSITIONS)
        self.poolings = options.names("poolings", poolings, POOLINGS)
        self.dropouts = options.dropouts("dropouts", dropouts)
        self.max_steps = options.whole("max_steps", max_steps, 1)
        self.repeats = options.whole("repeats", repeats, 1)

    def param_space(self) -> dict[str, Domain]:
        """Return the settings of the whole, and the heads and ratio of ``max_depth`` layers."""
        space: dict[str, Domain] = {
            "depth": tune.randint(self.min_depth, self.max_depth + 1),
            "width": tune.choice(self.widths),
            "patch": tune.choice(self.patches),
            "position": tune.choice(self.positions),
            "pooling": tune.choice(self.poolings),
            "dropout": tune.choice(self.dropouts),
        }
        for index in range(self.max_depth):
            space[f"layer{index}.heads"] = tune.choice(self.heads)
            space[f"layer{index}.ratio"] = tune.choice(self.ratios)
        return space

    def active(self, config: Config) -> frozenset[str]:
        """Return the settings of the whole, and of the layers within ``depth``."""
        layers = (f"layer{index}.{key}" for index in range(config["depth"]) for key in ("heads", "ratio"))
        return frozenset({"depth", "width", "patch", "position", "pooling", "dropout", *layers})

    def violations(self, config: Config, task: Task | None = None) -> list[str]:
        """Return the broken rules in words: of heads always, of patches with a ``task``."""
        if task and (unserved := self.unserved(task)):
            return [unserved]
        broken = [
            f"width divisible by heads: `layer{index}.heads` {config[f'layer{index}.heads']} does not divide "
            f"`width` {config['width']}"
            for index in range(config["depth"])
            if config["width"] % config[f"layer{index}.heads"]
        ]
        return broken + (self._patch_violations(config["patch"], task) if task else [])

    def _patch_violations(self, patch: int, task: Task) -> list[str]:
        shape = "x".join(str(side) for side in task.input_shape[-2:])
        if task.inputs == "tokens" and patch != self.patches[0]:
            return [f"tokens are no patches: `patch` must be {self.patches[0]} for them, but is {patch}"]
        if task.is_image and any(side % patch for side in task.input_shape[1:]):
            return [f"patches divide the image: `patch` {patch} does not divide {shape} pixels"]
        if (steps := steps_of(task, patch)) > self.max_steps:
            return [
                f"attention over at most `max_steps` {self.max_steps} patches or tokens: `patch` {patch} "
                f"makes {steps} of inputs of {shape}"
            ]
        return []

    def size(self) -> int:
        """Return the number of configurations that keep the rule of heads, counting the keys that matter.

        A width that H of the heads divide has (H R)^depth networks of a depth, with R ratios, times the
        choices of the whole.
        """
        layers = [sum(width % heads == 0 for heads in self.heads) * len(self.ratios) for width in self.widths]
        depths = range(self.min_depth, self.max_depth + 1)
        whole = len(self.patches) * len(self.positions) * len(self.poolings) * len(self.dropouts)
        chains: int = sum(layer**depth for layer in layers for depth in depths)
        return whole * chains

    def members(self) -> Mapping[str, Config]:
        """Return ViT-B/16, and DeiT-Ti and DeiT-S (Touvron et al. 2021), as far as the options admit them."""
        found: dict[str, Config] = {}
        for name, (width, depth, heads) in PUBLISHED.items():
            whole = {"patch": 16, "position": "learned", "pooling": "cls", "dropout": 0.0}
            layers: Config = {}
            for index in range(max(depth, self.max_depth)):
                layers |= {f"layer{index}.heads": heads, f"layer{index}.ratio": 4.0}
            found[name] = {"depth": depth, "width": width, **whole, **layers}
        return layouts.admitted(self, found)

    def graphs(self, config: Config) -> Mapping[str, Sequence[Edge]]:
        """Return the chain of layers, and what a layer is made of."""
        edges, before = [Edge("input", "tokens", _draw_stem(config))], "tokens"
        for index in range(config["depth"]):
            edges.append(Edge(before, str(index + 1), _draw_layer(config, index)))
            before = str(index + 1)
        layer = [
            Edge("input", "sum", "norm, attention"),
            Edge("input", "sum", "skip"),
            Edge("sum", "output", "norm, MLP"),
            Edge("sum", "output", "skip"),
        ]
        return {"network": [*edges, Edge(before, "output", f"norm, {config['pooling']}")], "layer": layer}

    def describe(self, config: Config) -> str:
        """Draw the network as one line for each layer, from the input down."""
        times = f", {self.repeats} times" if self.repeats > 1 else ""
        lines = [_draw_stem(config)]
        lines += [f"{_draw_layer(config, index)}{times}" for index in range(config["depth"])]
        lines += [f"norm, {config['pooling']}", "dense to the outputs"]
        return "\n".join(["input", *(f"-> {line}" for line in lines)])

    def build(self, config: Config, task: Task) -> nn.Module:
        """Return the network: patches or embedding, the layers, a linear map to the outputs.

        Raises:
            InvalidConfig: If ``config`` breaks a rule for ``task``.
        """
        self.check_rules(config, task)
        from . import transformer_modules

        steps = steps_of(task, config["patch"])
        return transformer_modules.network(config, task, steps, self.repeats)


def steps_of(task: Task, patch: int) -> int:
    """Return the number of tokens, or of patches that an image or a series is cut into."""
    if task.inputs == "tokens":
        return task.input_shape[0]
    return math.prod(-(-side // patch) for side in task.input_shape[1:])


def _draw_stem(config: Config) -> str:
    position = "no positions" if config["position"] == "none" else f"{config['position']} positions"
    dropout = f", dropout {config['dropout']}" if config["dropout"] else ""
    return f"patches of {config['patch']} or tokens, {config['width']} wide, {position}{dropout}"


def _draw_layer(config: Config, index: int) -> str:
    heads, ratio = config[f"layer{index}.heads"], config[f"layer{index}.ratio"]
    return f"attention with {heads} heads, MLP x{ratio:g}"
