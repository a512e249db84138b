"""Parameters and floating point operations of a network, counted without training it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nas_ray.spaces import Config, SearchSpace
from nas_ray.tasks import Task

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class Costs:
    """What a network costs.

    Args:
        params: Trainable parameters.
        flops: Floating point operations of one forward pass of one input; a multiply-add counts as two.
    """

    params: int
    flops: int


def count(space: SearchSpace, config: Config, task: Task) -> Costs:
    """Count the network of ``config`` on the meta device: nothing is allocated or computed."""
    import torch

    with torch.device("meta"):
        return measure(space.build(config, task), task)


def measure(model: nn.Module, task: Task) -> Costs:
    """Count a module, wherever it is; the module is left as it was.

    Operations are those torch knows a formula for (convolutions, matrix products, attention);
    activations, normalisation and pooling are not counted.
    """
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    weights = [weight for weight in model.parameters() if weight.requires_grad]
    device = weights[0].device if weights else torch.device("cpu")
    training = model.training
    model.eval()  # batch normalisation takes a single input in this mode only
    counter = FlopCounterMode(display=False)
    with torch.no_grad(), counter:
        model(torch.zeros((1, *task.input_shape), device=device))
    model.train(training)
    return Costs(sum(weight.numel() for weight in weights), counter.get_total_flops())
