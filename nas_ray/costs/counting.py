"""Parameters and floating point operations of a network, counted without training it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nas_ray.costs.formulas import formulas, in_steps
from nas_ray.spaces import Config, SearchSpace
from nas_ray.tasks import Task

if TYPE_CHECKING:
    from torch import Tensor, nn


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
    """Count a module, wherever it is; the module is left as it was, but for lazy layers, which get shapes.

    Operations are convolutions, matrix products, attention and recurrent layers; biases, activations,
    normalisation, pooling and embeddings are not counted.
    """
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    counter = FlopCounterMode(display=False, custom_mapping=formulas())
    with unchanged(model), torch.no_grad(), in_steps(), counter:
        model(example(model, task))
    params = sum(weight.numel() for weight in model.parameters() if weight.requires_grad)
    return Costs(params, counter.get_total_flops())


def example(model: nn.Module, task: Task) -> Tensor:
    r"""Return one input of ones, (1, \*task.input_shape), on the device of ``model``."""
    import torch

    tensors = itertools.chain(model.parameters(), model.buffers())
    device = next((tensor.device for tensor in tensors), torch.get_default_device())
    kind = torch.get_default_dtype() if task.vocabulary is None else torch.long
    return torch.ones((1, *task.input_shape), device=device, dtype=kind)


@contextmanager
def unchanged(model: nn.Module) -> Iterator[None]:
    """Hold a module in evaluation mode: batch normalisation takes a single input in no other."""
    before = {module: module.training for module in model.modules()}
    model.eval()
    try:
        yield
    finally:
        for module, training in before.items():
            module.training = training
