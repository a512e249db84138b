"""The networks of ``conv1d``; imported by ``build`` alone, so that no driver loads torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import nn

from .conv1d_layers import Layer, padding
from .modules import ACTIVATIONS, NORMS_2D, Residual, dropout, initialised

NORMS = NORMS_2D | {"batch": nn.BatchNorm1d}


def layer_of(layer: Layer, inputs: int) -> nn.Module:
    """Return convolution, norm, shortcut, activation and pooling of one layer.

    Args:
        layer: Its settings.
        inputs: Channels that come in.
    """
    outputs, stride, before_after = layer["width"], layer["stride"], padding(layer)
    body: list[nn.Module] = [nn.ConstantPad1d(before_after, 0.0)] if any(before_after) else []
    window = {"stride": stride, "dilation": layer.get("dilation", 1)}
    body.append(nn.Conv1d(inputs, outputs, layer["kernel"], **window))
    body += [] if layer["norm"] == "none" else [NORMS[layer["norm"]](outputs)]
    shortcut: nn.Module | None = None
    if layer["skip"]:
        same = inputs == outputs and stride == 1
        shortcut = nn.Identity() if same else nn.Conv1d(inputs, outputs, 1, stride=stride, bias=False)
    block = Residual(nn.Sequential(*body), shortcut, ACTIVATIONS[layer["activation"]]())
    pool = layer.get("pool", 1)
    return nn.Sequential(block, nn.MaxPool1d(pool, ceil_mode=True)) if pool > 1 else block


def network(layers: Sequence[Layer], head: Mapping[str, Any], inputs: int, outputs: int) -> nn.Module:
    """Return the layers, one after the other, and the head.

    Args:
        layers: Settings of each layer.
        head: ``pooling`` and ``dropout``.
        inputs: Channels of a series.
        outputs: Numbers that go out.
    """
    body: list[nn.Module] = []
    for layer in layers:
        body.append(layer_of(layer, inputs))
        inputs = layer["width"]
    pool: nn.Module = {"avg": nn.AdaptiveAvgPool1d, "max": nn.AdaptiveMaxPool1d}[head["pooling"]](1)
    end: list[nn.Module] = [pool, nn.Flatten(), *dropout(head["dropout"]), nn.Linear(inputs, outputs)]
    return initialised(nn.Sequential(*body, *end))
