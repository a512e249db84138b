"""The layers of a ``mobile`` configuration by arithmetic: channels, strides, published networks, drawing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from nas_ray.spaces import Config
from nas_ray.tasks import Task

from .layouts import divisible

Published = tuple[tuple[tuple[int, float, bool], ...], ...]
"""Kernel, expansion and squeeze-and-excitation of each block of each stage."""

LARGE: Published = (
    ((3, 4.0, False), (3, 3.0, False)),
    ((5, 3.0, True),) * 3,
    ((3, 6.0, False), (3, 2.5, False), (3, 2.3, False), (3, 2.3, False)),
    ((3, 6.0, True),) * 2,
    ((5, 6.0, True),) * 3,
)
"""MobileNetV3-Large: table 1 of Howard et al. 2019."""

SMALLEST: Published = tuple(((3, 3.0, squeeze),) * 2 for squeeze in (False, True, False, True, True))
"""The smallest network of once-for-all, Cai et al. 2020, at the full width and resolution."""

FIRST_SWISH = 3
"""Stages from this one on, counted from 1, have hard swish."""


class Block(NamedTuple):
    """One inverted residual block; stage 0 is the first block, which has no expansion."""

    stage: int
    number: int
    inputs: int
    hidden: int
    outputs: int
    kernel: int
    stride: int
    squeeze: int
    """Channels in the middle of squeeze-and-excitation, 0 for none."""

    @property
    def place(self) -> str:
        """Where in the network it is, in words."""
        return f"stage {self.stage}, block {self.number}" if self.stage else "first block"

    @property
    def swish(self) -> bool:
        """Whether the activation is hard swish, and not relu."""
        return self.stage >= FIRST_SWISH


class Plan(NamedTuple):
    """Channels of a whole network."""

    stem: int
    stride: int
    blocks: list[Block]
    last: int
    """Channels of the last convolution."""
    head: int


def plan(config: Config, channels: Sequence[int], strides: Sequence[int], head: int) -> Plan:
    """Return the network of ``config``.

    Args:
        config: A configuration of ``mobile``.
        channels: Of the first convolution and of each stage, at width 1.
        strides: Of the first convolution and of each stage.
        head: Units of the dense layer, at width 1.
    """
    stem, *widths = (divisible(each * config["width"]) for each in channels)
    blocks, inputs = [Block(0, 0, stem, stem, stem, 3, 1, 0)], stem
    for stage, outputs in enumerate(widths, 1):
        for index in range(config[f"stage{stage}.depth"]):
            prefix = f"stage{stage}.block{index}"
            hidden = divisible(inputs * config[f"{prefix}.expansion"])
            squeezes = config.get(f"{prefix}.squeeze", squeezed(stage))
            blocks.append(
                Block(
                    stage=stage,
                    number=index,
                    inputs=inputs,
                    hidden=hidden,
                    outputs=outputs,
                    kernel=config[f"{prefix}.kernel"],
                    stride=strides[stage] if index == 0 else 1,
                    squeeze=divisible(hidden // 4) if squeezes else 0,
                )
            )
            inputs = outputs
    return Plan(stem, strides[0], blocks, 6 * inputs, divisible(head * config["width"]))


def squeezed(stage: int) -> bool:
    """Whether the papers have squeeze-and-excitation in a stage, counted from 1."""
    return stage == 2 or stage >= 4


def sides(resolution: float, task: Task) -> tuple[int, int]:
    """Return height and width of the images in the network, in pixels."""
    _, height, width = task.input_shape
    return max(1, round(resolution * height)), max(1, round(resolution * width))


def encode(network: Plan, full: Plan, slots: int) -> tuple[list[float], list[float]]:
    """Return a network as numbers between 0 and 1, block by block, and summed up.

    For each of ``slots`` blocks of each stage: whether it is there, its kernel, expansion and squeeze. The
    summary is the number of blocks, their mean kernel, expansion and share of squeeze, and the channels.

    Args:
        network: The network.
        full: The largest network of the space, to which numbers are relative.
        slots: Most blocks of a stage.
    """
    kernel = max(block.kernel for block in full.blocks)
    most = max(block.hidden / block.inputs for block in full.blocks)
    by_stage: dict[int, list[list[float]]] = {block.stage: [] for block in full.blocks[1:]}
    for block in network.blocks[1:]:
        expansion = min(1.0, block.hidden / block.inputs / most)
        by_stage[block.stage].append([1.0, block.kernel / kernel, expansion, float(block.squeeze > 0)])
    rows = [row for stage in by_stage.values() for row in stage + [[0.0] * 4] * (slots - len(stage))]
    there, *sums = (sum(column) for column in zip(*rows, strict=True))
    channels = [sum(each.outputs for each in one.blocks) / len(one.blocks) for one in (network, full)]
    summary = [there / len(rows), *(each / there for each in sums), channels[0] / channels[1]]
    return [number for row in rows for number in row], summary


def draw(block: Block) -> str:
    """Return a block in words, such as ``MBConv 5x5, 72 inside, squeeze``."""
    squeeze = ", squeeze" if block.squeeze else ""
    return f"MBConv {block.kernel}x{block.kernel}, {block.hidden} inside{squeeze}"
