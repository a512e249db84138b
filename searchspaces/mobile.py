"""``mobile``: stages of mobile blocks, as in MobileNetV3 and once-for-all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from ray import tune
from ray.tune.search.sample import Domain

from nas_ray.errors import ConfigError
from nas_ray.spaces import Config, Edge, SearchSpace
from nas_ray.tasks import Task

from . import layouts, mobile_layers, options

if TYPE_CHECKING:
    from torch import nn

SQUEEZE = ("searched", "published")


class Mobile(SearchSpace):
    """Mobile networks for images: stages of inverted residual blocks, with the dials of once-for-all.

    MobileNetV3 (Howard et al. 2019, https://arxiv.org/abs/1905.02244) is a 3x3 convolution, a block without
    expansion, five stages of inverted residual blocks, a 1x1 convolution to six times the channels, global
    average pooling, a dense layer of ``head`` units with dropout 0.2, and the outputs. The first block of a
    stage has the stage's stride; the first two stages have relu, what follows them has hard swish.
    Once-for-all (Cai et al. 2020, https://arxiv.org/abs/1908.09791) varies the ``depth`` of each stage, the
    ``kernel`` and ``expansion`` of each block, the ``width`` of all (a multiplier; channels are rounded to
    multiples of 8), and the ``resolution``: the side of the images in the network, relative to the data's.

    There are (9² + 9³ + 9⁴)⁵ ≈ 2·10¹⁹ networks, as Cai et al. say in section 3.1, with expansions 3, 4, 6,
    one width, one resolution, and ``squeeze="published"``: squeeze-and-excitation in stages 2, 4 and 5. Here
    it is searched for each block, and expansions 2.3 and 2.5 make MobileNetV3-Large a member. The paper's 25
    resolutions are ``resolutions=[side / 224 for side in range(128, 225, 4)]``.

    Where we differ: running means move by 0.1 at each step in place of 0.01, since short trainings have few
    steps; once-for-all has no bias in the dense layer, and trains all networks as one.

    Settings that round to the same channels are the same network. The fidelity dial ``width`` scales all
    channels without rounding to multiples of 8. Images must be large enough to be halved by each stride: for
    small ones choose ``strides`` such as ``[1, 1, 2, 2, 1, 2]``.

    Args:
        channels: Channels of the first convolution, then of each stage.
        strides: Their strides, 1 or 2.
        min_depth: Fewest blocks in a stage.
        max_depth: Most.
        kernels: Odd sides of the depthwise windows, at least 3.
        expansions: Channels inside a block relative to those that come in.
        squeeze: Squeeze-and-excitation: ``searched``, block by block, or ``published``.
        widths: Width multipliers on offer.
        resolutions: Sides on offer, relative to the images'.
        head: Units of the dense layer.

    Raises:
        ConfigError: If an option is empty or holds what cannot be.
    """

    name = "mobile"
    inputs = frozenset({"images"})

    def __init__(
        self,
        *,
        channels: Sequence[int] = (16, 24, 40, 80, 112, 160),
        strides: Sequence[int] = (2, 2, 2, 2, 1, 2),
        min_depth: int = 2,
        max_depth: int = 4,
        kernels: Sequence[int] = (3, 5, 7),
        expansions: Sequence[float] = (2.3, 2.5, 3.0, 4.0, 6.0),
        squeeze: str = "searched",
        widths: Sequence[float] = (0.5, 0.75, 1.0),
        resolutions: Sequence[float] = (0.5, 0.75, 1.0),
        head: int = 1280,
    ) -> None:
        self.channels = layouts.checked("channels", channels)
        self.strides = layouts.checked("strides", strides, "strides, 1 or 2", lambda stride: stride in (1, 2))
        if not 2 <= len(self.channels) == len(self.strides):
            raise ConfigError(
                "`channels` and `strides` must have one number for the first convolution and one for each "
                f"stage, but got {self.channels} and {self.strides}"
            )
        self.min_depth = options.whole("min_depth", min_depth, 1)
        self.max_depth = options.whole("max_depth", max_depth, self.min_depth)
        self.kernels = options.sides("kernels", kernels)
        self.expansions = options.factors("expansions", expansions, 1)
        self.squeeze = options.names("squeeze", [squeeze], SQUEEZE)[0]
        self.widths = options.factors("widths", widths)
        self.resolutions = options.factors("resolutions", resolutions)
        self.head = options.whole("head", head, 1)

    def param_space(self) -> dict[str, Domain]:
        """Return ``width``, ``resolution``, and for each stage ``depth`` and the settings of its blocks."""
        space: dict[str, Domain] = {
            "width": tune.choice(self.widths),
            "resolution": tune.choice(self.resolutions),
        }
        for stage in self._stages:
            space[f"stage{stage}.depth"] = tune.randint(self.min_depth, self.max_depth + 1)
            for block in range(self.max_depth):
                prefix = f"stage{stage}.block{block}"
                space |= {f"{prefix}.{key}": tune.choice(each) for key, each in self._choices().items()}
        return space

    @property
    def _stages(self) -> range:
        return range(1, len(self.channels))

    def _choices(self) -> dict[str, list[Any]]:
        searched = {"squeeze": [False, True]} if self.squeeze == "searched" else {}
        return {"kernel": self.kernels, "expansion": self.expansions, **searched}

    def active(self, config: Config) -> frozenset[str]:
        """Return ``width``, ``resolution``, the depths, and the settings of the blocks within them."""
        keys = {"width", "resolution"}
        for stage in self._stages:
            keys.add(f"stage{stage}.depth")
            for block in range(config[f"stage{stage}.depth"]):
                keys.update(f"stage{stage}.block{block}.{key}" for key in self._choices())
        return frozenset(keys)

    def canonical(self, config: Config) -> dict[str, Any]:
        """Return the resolution and the layers, with their channels after rounding."""
        return {"resolution": config["resolution"], "layers": self._plan(config)}

    def features(self, config: Config) -> NDArray[np.float64]:
        """Return what the network has after rounding: block by block, in slots, and summed up."""
        slots, summary = mobile_layers.encode(self._plan(config), self._full, self.max_depth)
        return np.asarray([config["resolution"] / self.resolutions[-1], *slots, *summary])

    @property
    def feature_groups(self) -> tuple[int, ...]:
        """Resolution and blocks, and their summary."""
        slots, summary = mobile_layers.encode(self._full, self._full, self.max_depth)
        return (1 + len(slots), len(summary))

    @cached_property
    def _full(self) -> mobile_layers.Plan:
        """The largest network on offer."""
        config: Config = {"width": self.widths[-1], "resolution": 1.0}
        for stage in self._stages:
            config[f"stage{stage}.depth"] = self.max_depth
            for block in range(self.max_depth):
                prefix = f"stage{stage}.block{block}"
                config |= {f"{prefix}.{key}": each[-1] for key, each in self._choices().items()}
        return self._plan(config)

    def size(self) -> int:
        """Return the number of configurations, counting the keys that matter.

        With B settings of a block these are (Σ B^depth)^stages, for each width and resolution.
        """
        settings = len(self.kernels) * len(self.expansions) * (2 if self.squeeze == "searched" else 1)
        stage: int = sum(settings**depth for depth in range(self.min_depth, self.max_depth + 1))
        networks: int = stage ** len(self._stages)
        return networks * len(self.widths) * len(self.resolutions)

    def members(self) -> Mapping[str, Config]:
        """Return ``mobilenetv3_large``, and ``once_for_all_smallest`` with the least of every dial.

        As far as the space offers their settings; with the default channels and strides they are what was
        published.
        """
        networks = {
            "mobilenetv3_large": mobile_layers.LARGE,
            "once_for_all_smallest": mobile_layers.SMALLEST,
        }
        return layouts.admitted(self, {name: self._member(blocks) for name, blocks in networks.items()})

    def _member(self, network: mobile_layers.Published) -> Config:
        filler = {key: values[0] for key, values in self._choices().items()}
        config: Config = {"width": 1.0, "resolution": 1.0}
        for stage, blocks in enumerate(network, 1):
            config[f"stage{stage}.depth"] = len(blocks)
            rows = [dict(zip(("kernel", "expansion", "squeeze"), block, strict=True)) for block in blocks]
            for block, row in enumerate(rows + [filler] * (self.max_depth - len(rows))):
                config |= {f"stage{stage}.block{block}.{key}": row[key] for key in filler}
        return config

    def violations(self, config: Config, task: Task | None = None) -> list[str]:
        """Return the first stride that meets a map below 2x2, if any; what is rounded up stays above 1x1."""
        if not task:
            return []
        if unserved := self.unserved(task):
            return [unserved]
        places = ["the first convolution", *(f"stage {stage}" for stage in self._stages)]
        strides = dict(zip(places, self.strides, strict=True))
        return layouts.shape_violations(strides, *mobile_layers.sides(config["resolution"], task))

    def describe(self, config: Config) -> str:
        """Draw the network as one line for each stage."""
        plan = self._plan(config)
        lines = [
            f"width {config['width']}, resolution {config['resolution']}",
            f"conv 3x3, {plan.stem} channels, stride {self.strides[0]}",
        ]
        for stage in self._stages:
            blocks = [mobile_layers.draw(block) for block in plan.blocks if block.stage == stage]
            channels = next(block.outputs for block in plan.blocks if block.stage == stage)
            lines.append(
                f"-> stage {stage}, {channels} channels, stride {self.strides[stage]}: {'; '.join(blocks)}"
            )
        return "\n".join([*lines, f"-> conv 1x1, {plan.last} channels, pooling, dense {plan.head}, outputs"])

    def graphs(self, config: Config) -> Mapping[str, Sequence[Edge]]:
        """Return the blocks as one path."""
        plan = self._plan(config)
        steps = [("conv 3x3", "stem")]
        steps += [(mobile_layers.draw(block), block.place) for block in plan.blocks]
        return {"network": layouts.path([*steps, ("conv 1x1, pooling, dense", "output")])}

    def build(self, config: Config, task: Task) -> nn.Module:
        """Return the network as an ``nn.Sequential``.

        Raises:
            InvalidConfig: If the images of ``task`` are too small for the strides.
        """
        self.check_rules(config, task)
        from . import mobile_network

        return mobile_network.network(self._plan(config), config["resolution"], task)

    def _plan(self, config: Config) -> mobile_layers.Plan:
        return mobile_layers.plan(config, self.channels, self.strides, self.head)
