"""The path of a forward pass through a network: its depth, and what it leaves in memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn.parameter import is_lazy
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry
from torch.utils.weak import WeakIdKeyDictionary

from nas_ray.costs.counting import example, unchanged
from nas_ray.tasks import Task

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class Trace:
    """What a forward pass of one input shows.

    Args:
        depth: Convolutions, matrix products and attentions on the longest path from the input to the output;
            a recurrent layer counts with every step.
        activations: Numbers that the operations put out, views and changes in place left out.
    """

    depth: int
    activations: int


def trace(model: nn.Module, task: Task) -> Trace:
    """Follow one input through a module, wherever it is; the module is left as it was."""
    tracer, inputs = _Tracer(), example(model, task)
    with unchanged(model), torch.no_grad():
        if any(is_lazy(weight) for weight in model.parameters()):
            model(inputs)  # lazy layers make their weights, which are no part of the path
        with tracer:
            outputs = model(inputs)
    return Trace(tracer.depth_of(outputs), tracer.activations)


class _Tracer(TorchDispatchMode):  # type: ignore[no-untyped-call]
    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._depths: Any = WeakIdKeyDictionary()
        self.activations = 0

    def depth_of(self, values: Any) -> int:
        return max((self._depths.get(tensor, 0) for tensor in _tensors(values)), default=0)

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        outputs = func(*args, **kwargs)
        depth = self.depth_of((args, kwargs)) + (func.overloadpacket in flop_registry)
        shares_memory = any(part.alias_info is not None for part in func._schema.returns)
        for tensor in _tensors(outputs):
            self._depths[tensor] = depth
            self.activations += 0 if shares_memory else tensor.numel()
        return outputs


def _tensors(values: Any) -> Iterator[Tensor]:
    if isinstance(values, Tensor):
        yield values
    elif isinstance(values, (tuple, list)):
        for value in values:
            yield from _tensors(value)
    elif isinstance(values, dict):
        yield from _tensors(list(values.values()))
