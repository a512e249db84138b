"""The order in memory of images and convolution weights: the quick one, for networks that can take it."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from nas_ray.estimation.failures import is_out_of_memory, spoils_process


def lay_out(model: nn.Module, shape: Sequence[int], layout: torch.memory_format) -> torch.memory_format:
    """Give a network the layout that is quick on its device, if it can take it; return the one it has.

    Many networks cannot: ``x.view(len(x), -1)`` before the classifier needs the usual layout. So a copy is
    tried first, in training and evaluation.

    Args:
        model: On its device, with all weights.
        shape: Of one input.
        layout: The quick one.
    """
    convolves = any(weight.ndim == 4 for weight in model.parameters())
    if layout is torch.contiguous_format or not convolves or not _takes(model, shape, layout):
        return torch.contiguous_format
    model.to(memory_format=layout)
    return layout


def keep_order(optimizer: torch.optim.Optimizer, args: Any, kwargs: Any) -> None:
    """Give gradients the order in memory of their weights; called before each step of an optimizer.

    The fused ones go through both alike. Those of ``backward()`` have it; a recipe may set others.
    """
    for group in optimizer.param_groups:
        for weight in group["params"]:
            if weight.grad is not None and weight.grad.layout is torch.strided:
                weight.grad = _ordered(weight.grad, weight)


def order_state(optimizer: torch.optim.Optimizer) -> None:
    """Do likewise with the state of an optimizer, which a checkpoint may hold in another order."""
    for weight, state in optimizer.state.items():
        for name, value in state.items():
            if isinstance(value, Tensor) and value.shape == weight.shape:
                state[name] = _ordered(value, weight)


def _takes(model: nn.Module, shape: Sequence[int], layout: torch.memory_format) -> bool:
    try:
        tried: nn.Module = copy.deepcopy(model).to(memory_format=layout)
        device = next(tried.parameters()).device
        inputs = torch.zeros((2, *shape), device=device).contiguous(memory_format=layout)
        outputs = tried.train()(inputs)
        if isinstance(outputs, Tensor):
            outputs.sum().backward()  # type: ignore[no-untyped-call]
        with torch.no_grad():
            tried.eval()(inputs)
    except Exception as error:  # a space is somebody's own code; what else is wrong its training will tell
        if is_out_of_memory(error) or spoils_process(error):
            raise
        return False
    return True


def _ordered(value: Tensor, weight: Tensor) -> Tensor:
    if value.stride() == weight.stride():
        return value
    return torch.empty_like(weight, dtype=value.dtype).copy_(value)
