"""``macro``: the space of NAS-Bench-Macro, a chain of layers that are each one of three blocks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from ray import tune
from ray.tune.search.sample import Domain

from nas_ray.spaces import Config, Edge, SearchSpace
from nas_ray.tasks import Task

from . import layouts, options

if TYPE_CHECKING:
    from torch import nn

IDENTITY = "identity"
BLOCKS = {IDENTITY: (0, 0), "mb3_k3": (3, 3), "mb6_k5": (6, 5)}
"""Name of a block -> expansion and kernel of its MBConv."""


class Macro(SearchSpace):
    """The macro space of Su et al., CVPR 2021, https://arxiv.org/abs/2103.11922: 3^8 = 6,561 encodings.

    The network is a 3x3 convolution with C channels, stages of 2, 3 and 3 layers, a 1x1 convolution to
    ``head`` channels, global average pooling and a linear layer. Each layer is ``identity``, ``mb3_k3`` or
    ``mb6_k5``: an inverted residual block with expansion 3 and kernel 3, or 6 and 5. The first layer of a
    stage halves the map and doubles the channels; ``identity`` is there a 1x1 convolution with batch norm.

    It does not matter where in a stage the other identities stand, which leaves 9 · 21 · 21 = 3,969 networks.
    At the default settings, parameters equal those of the benchmark's table for all 6,561 encodings, and its
    FLOPs are the multiply-adds of convolutions and of the linear layer: half of what
    :func:`nas_ray.costs.count` counts, where a multiply-add is two operations.

    The dials of fidelity: ``width`` scales C and ``head``; images must be large enough to be halved by every
    stage, from 5x5 on at the default settings.

    Args:
        channels: C, channels of the first convolution.
        stages: Layers of each stage.
        head: Channels of the last convolution.

    Raises:
        ConfigError: If a number is below 1.
    """

    name = "macro"
    inputs = frozenset({"images"})

    def __init__(self, *, channels: int = 32, stages: Sequence[int] = (2, 3, 3), head: int = 1280) -> None:
        self.channels = options.whole("channels", channels, 1)
        self.stages = layouts.checked("stages", stages)
        self.head = options.whole("head", head, 1)
        self._layers = sum(self.stages)

    def param_space(self) -> dict[str, Domain]:
        """Return one choice of block for each layer, ``layer_<index>``."""
        return {f"layer_{index}": tune.choice(list(BLOCKS)) for index in range(self._layers)}

    def size(self) -> int:
        """Return the number of encodings, 3 to the number of layers."""
        encodings: int = len(BLOCKS) ** self._layers
        return encodings

    def members(self) -> Mapping[str, Config]:
        """Return the benchmark's best network by mean accuracy on CIFAR-10, and all layers ``mb6_k5``.

        Empty for other stages than 2, 3, 3.
        """
        if self.stages != [2, 3, 3]:
            return {}
        return {"best_on_cifar10": self._config("22212220"), "largest": self._config("2" * self._layers)}

    def _config(self, code: str) -> Config:
        """Return the configuration of a code of the benchmark, a digit for each layer."""
        return {f"layer_{index}": list(BLOCKS)[int(digit)] for index, digit in enumerate(code)}

    def canonical(self, config: Config) -> list[list[str]]:
        """Return the blocks of each stage: the first layer's, then those of the others that do something."""
        return [
            [first, *(block for block in others if block != IDENTITY)]
            for first, *others in self._by_stage(config)
        ]

    def features(self, config: Config) -> NDArray[np.float64]:
        """Return the blocks of the layers one-hot, with identities right after the first layer of a stage."""
        blocks: list[str] = []
        for count, (first, *others) in zip(self.stages, self.canonical(config), strict=True):
            blocks += [first, *[IDENTITY] * (count - 1 - len(others)), *others]
        return super().features({f"layer_{index}": block for index, block in enumerate(blocks)})

    def violations(self, config: Config, task: Task | None = None) -> list[str]:
        """Return that there are more stages than the images of ``task`` can be halved, if so."""
        if not task:
            return []
        if unserved := self.unserved(task):
            return [unserved]
        strides = {f"stage {stage}": 2 for stage in range(len(self.stages))}
        return layouts.shape_violations(strides, *task.input_shape[1:])

    def describe(self, config: Config) -> str:
        """Draw the network as one line for each stage."""
        lines = [f"conv 3x3, {self.channels} channels"]
        for stage, blocks in enumerate(self._by_stage(config)):
            lines.append(
                f"-> {self.channels * 2 ** (stage + 1)} channels, half the size: {', '.join(blocks)}"
            )
        return "\n".join([*lines, f"-> conv 1x1, {self.head} channels", "-> global avg pooling, dense"])

    def graphs(self, config: Config) -> Mapping[str, Sequence[Edge]]:
        """Return the layers as one path, without the identities inside of stages."""
        steps = [("conv 3x3", "stem")]
        for stage, blocks in enumerate(self.canonical(config)):
            steps += [(block, f"stage {stage}, {place}") for place, block in enumerate(blocks)]
        return {"network": layouts.path([*steps, ("conv 1x1, pooling, dense", "output")])}

    def build(self, config: Config, task: Task) -> nn.Module:
        """Return the network as an ``nn.Sequential``."""
        from torch import nn

        from . import mobile_blocks as blocks
        from . import modules

        channels = task.scaled(self.channels)
        layers: list[nn.Module] = [blocks.convolution(task.input_shape[0], channels, 3, activation=nn.ReLU)]
        for names in self.canonical(config):
            for place, name in enumerate(names):
                layers.append(_layer(name, channels, first=place == 0))
                channels *= 2 if place == 0 else 1
        head = task.scaled(self.head)
        layers.append(blocks.convolution(channels, head, activation=nn.ReLU))
        layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(head, task.outputs)]
        return modules.initialised(nn.Sequential(*layers))

    def _by_stage(self, config: Config) -> list[list[str]]:
        blocks = iter(config[f"layer_{index}"] for index in range(self._layers))
        return [[next(blocks) for _ in range(count)] for count in self.stages]


def _layer(name: str, channels: int, *, first: bool) -> nn.Module:
    """Return a block; the first of a stage has stride 2 and twice as many outputs as inputs."""
    from . import mobile_blocks as blocks

    outputs, stride = (2 * channels, 2) if first else (channels, 1)
    if name == IDENTITY:
        return blocks.convolution(channels, outputs, stride=stride)
    expansion, kernel = BLOCKS[name]
    return blocks.inverted_residual(channels, expansion * channels, outputs, kernel, stride=stride)
