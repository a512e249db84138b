"""The network of a ``mobile`` configuration; imported by ``build`` alone."""

from __future__ import annotations

from torch import nn

from nas_ray.tasks import Task

from . import mobile_blocks, modules
from .mobile_layers import Block, Plan, sides

EPS = 1e-3
"""Of the batch normalisations, as the authors of MobileNetV3 have it."""
DROPOUT = 0.2


def network(plan: Plan, resolution: float, task: Task) -> nn.Module:
    """Return the layers of ``plan`` as an ``nn.Sequential``.

    Args:
        plan: The channels; they are scaled by the task's width.
        resolution: Side of the images in the network, relative to the task's.
        task: The problem.
    """
    scaled, height_width = task.scaled, sides(resolution, task)
    resize = [mobile_blocks.Resize(*height_width)] if height_width != task.input_shape[1:] else []
    stem = mobile_blocks.convolution(
        task.input_shape[0],
        scaled(plan.stem),
        3,
        stride=plan.stride,
        activation=nn.Hardswish,
        eps=EPS,
    )
    inputs, last, head = scaled(plan.blocks[-1].outputs), scaled(plan.last), scaled(plan.head)
    end: list[nn.Module] = [
        mobile_blocks.convolution(inputs, last, activation=nn.Hardswish, eps=EPS),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(last, head),
        nn.Hardswish(inplace=True),
        nn.Dropout(DROPOUT),
        nn.Linear(head, task.outputs),
    ]
    blocks = [_block(block, task) for block in plan.blocks]
    return modules.initialised(nn.Sequential(*resize, stem, *blocks, *end))


def _block(block: Block, task: Task) -> nn.Module:
    return mobile_blocks.inverted_residual(
        task.scaled(block.inputs),
        task.scaled(block.hidden),
        task.scaled(block.outputs),
        block.kernel,
        stride=block.stride,
        activation=nn.Hardswish if block.swish else nn.ReLU,
        squeeze=task.scaled(block.squeeze) if block.squeeze else 0,
        expand=block.hidden != block.inputs,
        eps=EPS,
    )
