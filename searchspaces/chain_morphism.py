"""Function-preserving changes of a ``chain``: wider and deeper networks that begin as their parent.

Net2WiderNet and Net2DeeperNet (Chen, Goodfellow, Shlens, ICLR 2016, https://arxiv.org/abs/1511.05641) and the
morphing of kernels (Wei et al., ICML 2016, https://arxiv.org/abs/1603.01670). See
:mod:`nas_ray.searchspaces.widening` for the widening.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from nas_ray.errors import Unsupported
from nas_ray.spaces import Config

from . import chain_layers
from .chain_layers import POOLINGS, Layer
from .modules import Residual
from .widening import Path, identity, keeps_groups, padded, picked, put, widened

SAME = ("op", "stride", "activation", "norm")
"""Settings of a convolution that a child must have in common with its parent."""

MOMENTS = ("weight", "bias", "running_mean", "running_var")
"""What a norm keeps for each channel, as far as it does."""


def morph(
    parent: nn.Sequential,
    parent_config: Config,
    child: nn.Sequential,
    config: Config,
    inputs: Tensor,
    rng: np.random.Generator,
) -> None:
    """Give ``child`` the function of ``parent``, exactly but for rounding, with both in evaluation mode.

    It can have it where layers are the parent's with at least as many channels and as large kernels,
    shortcuts that were added are convolutions, and further layers (at the end, before the head, and dense
    ones at its end) can hand on what they get: convolutions of stride 1 with relu after relu, without a group
    norm unless they have a shortcut. With group norms channels are copied in whole groups.

    Args:
        parent: The trained network.
        parent_config: Its configuration.
        child: The untrained network, changed in place; half changed where the error is raised.
        config: Its configuration.
        inputs: (batch, channels, height, width), for the moments of new batch norms.
        rng: Draws what is copied.

    Raises:
        Unsupported: If the function cannot be kept, with the first setting that stands against it.
    """
    channels = inputs.shape[1]
    path = Path(torch.arange(channels), channels, False, rng)
    old, new = chain_layers.read(parent_config), chain_layers.read(config)
    if len(new) < len(old):
        raise Unsupported(f"`depth` {len(old)} becomes {len(new)}")
    for index, layer in enumerate(new):
        name, before = f"layer{index}", old[index] if index < len(old) else None
        if layer["op"] in POOLINGS:
            _same(name, before, layer)
        elif before is None:
            _append(path, name, layer, cast("Residual", child[index]), child[:index](inputs))
        else:
            _comparable(name, before, layer)
            _grow(path, name, cast("Residual", parent[index]), cast("Residual", child[index]))
            path.positive = layer["activation"] == "relu"
    _head(path, parent_config, parent[-1], config, child[-1])


def _same(name: str, before: Layer | None, layer: Layer) -> None:
    if before != layer:
        raise Unsupported(f"`{name}` becomes {chain_layers.draw(layer)}")


def _comparable(name: str, before: Layer, layer: Layer) -> None:
    for key in SAME:
        if before.get(key) != layer[key]:
            raise Unsupported(f"`{name}.{key}` {before.get(key)} becomes {layer[key]}")
    if before["kernel"] > layer["kernel"]:
        raise Unsupported(f"`{name}.kernel` {before['kernel']} becomes {layer['kernel']}")
    if before["skip"] and not layer["skip"]:
        raise Unsupported(f"`{name}.skip` is gone")


# A layer that the parent has.


def _grow(path: Path, name: str, parent: Residual, child: Residual) -> None:
    outputs = _outputs(path, name, parent, child)
    _shortcut(path, parent.shortcut, child.shortcut, outputs)
    *depthwise, last = zip(_convolutions(parent), _convolutions(child), strict=True)
    for theirs, ours in depthwise:  # each channel by itself
        put(ours.weight, picked(padded(theirs.weight, ours), path.mapping))
    put(last[1].weight, path.spread(padded(last[0].weight, last[1]), outputs))
    _copy_values(last[0], last[1], ("bias",), outputs)
    _copy_values(_norm_of(parent), _norm_of(child), MOMENTS, outputs)
    path.mapping, path.channels = outputs, _width(parent)


def _outputs(path: Path, name: str, parent: Residual, child: Residual) -> Tensor:
    """Return the mapping of the channels that leave a layer."""
    old, new = _width(parent), _width(child)
    if isinstance(child.shortcut, nn.Identity):
        if not isinstance(parent.shortcut, nn.Identity):
            had = "no shortcut" if parent.shortcut is None else "a convolution as shortcut"
            raise Unsupported(f"`{name}` had {had} and hands on its input now")
        outputs = path.mapping  # what is added has to meet its own copies
    else:
        outputs = widened(name, old, new, _groups(parent), _groups(child), path.rng)
    if not keeps_groups(outputs, old, _groups(parent), _groups(child)):
        raise Unsupported(f"the group norm of `{name}` would join other channels")
    return outputs


def _shortcut(path: Path, theirs: nn.Module | None, ours: nn.Module | None, outputs: Tensor) -> None:
    if not isinstance(ours, nn.Conv2d):
        return
    if theirs is None:
        nn.init.zeros_(ours.weight)
    elif isinstance(theirs, nn.Conv2d):
        put(ours.weight, path.spread(theirs.weight, outputs))
    else:
        put(ours.weight, identity(path, ours, outputs))


def _copy_values(theirs: nn.Module | None, ours: nn.Module | None, names: Sequence[str], at: Tensor) -> None:
    for name in names:
        if (values := getattr(theirs, name, None)) is not None:
            put(getattr(ours, name), picked(values, at))


# A layer that the parent does not have.


def _append(path: Path, name: str, layer: Layer, child: Residual, inputs: Tensor) -> None:
    if layer["stride"] > 1:
        raise Unsupported(f"`{name}` is new and has stride {layer['stride']}")
    if not (path.positive and layer["activation"] == "relu"):
        raise Unsupported(f"`{name}` is new and no relu after a relu")
    if child.shortcut is not None:
        _hand_on(path, name, child)
    elif layer["norm"] == "group":
        raise Unsupported(f"`{name}` is new and has a group norm and no shortcut")
    else:
        _copy(path, name, child, inputs)


def _hand_on(path: Path, name: str, child: Residual) -> None:
    """Let the shortcut hand on the input, and the rest add nothing."""
    outputs = path.mapping
    if isinstance(child.shortcut, nn.Conv2d):
        outputs = widened(name, path.channels, _width(child), path.channels, _width(child), path.rng)
        put(child.shortcut.weight, identity(path, child.shortcut, outputs))
    *_, last = child.body.children()
    for values in last.parameters():
        nn.init.zeros_(values)
    path.mapping = outputs


def _copy(path: Path, name: str, child: Residual, inputs: Tensor) -> None:
    """Let the body hand on the input: kernels of a single one, and a norm that undoes itself."""
    width = _width(child)
    outputs = widened(name, path.channels, width, path.channels, width, path.rng)
    *depthwise, last = _convolutions(child)
    for convolution in depthwise:
        put(convolution.weight, padded(torch.ones_like(convolution.weight[:, :, :1, :1]), convolution))
    put(last.weight, padded(identity(path, last, outputs), last))
    if last.bias is not None:
        nn.init.zeros_(last.bias)
    if (norm := _norm_of(child)) is not None:
        _undone(norm, cast("nn.Sequential", child.body)[:-1](inputs))
    path.mapping = outputs


def _undone(norm: nn.Module, inputs: Tensor) -> None:
    """Give a batch norm the moments of ``inputs``, and factors that undo it: in training too, nearly."""
    mean, variance = inputs.mean((0, 2, 3)), inputs.var((0, 2, 3), correction=0)
    values = {"running_mean": mean, "bias": mean, "running_var": variance}
    for kind, value in {**values, "weight": (variance + norm.eps).sqrt()}.items():  # type: ignore[operator]
        put(getattr(norm, kind), value)


# The head.


def _head(path: Path, parent_config: Config, parent: nn.Module, config: Config, child: nn.Module) -> None:
    old, new = chain_layers.read_head(parent_config), chain_layers.read_head(config)
    _check_head(old, new)
    theirs = [module for module in parent.children() if isinstance(module, nn.Linear)]
    ours = [module for module in child.children() if isinstance(module, nn.Linear)]
    if new["pooling"] == "flatten":
        _flatten(path, ours[0].in_features // len(path.mapping))
    for at, linear in enumerate(ours):
        last = at == len(ours) - 1
        if at < len(theirs) - 1 or last:
            _dense(path, theirs[-1 if last else at], linear, last)
        else:
            _append_dense(path, linear)


def _check_head(old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
    if old["pooling"] != new["pooling"]:
        raise Unsupported(f"`head.pooling` {old['pooling']} becomes {new['pooling']}")
    if new["dense"] < old["dense"]:
        raise Unsupported(f"`head.dense` {old['dense']} becomes {new['dense']}")


def _flatten(path: Path, pixels: int) -> None:
    """Go on with one channel for each pixel: the head without a pooling sees them all."""
    path.mapping = (path.mapping[:, None] * pixels + torch.arange(pixels)).flatten()
    path.channels *= pixels


def _dense(path: Path, theirs: nn.Linear, ours: nn.Linear, last: bool) -> None:
    old, new = theirs.out_features, ours.out_features
    outputs = torch.arange(old) if last else widened("head.units", old, new, old, new, path.rng)
    put(ours.weight, path.spread(theirs.weight, outputs))
    put(ours.bias, picked(theirs.bias, outputs))
    path.mapping, path.channels, path.positive = outputs, old, True


def _append_dense(path: Path, linear: nn.Linear) -> None:
    if not path.positive:
        raise Unsupported("`head.dense` has a new layer that does not follow a relu")
    new = linear.out_features
    outputs = widened("head.units", path.channels, new, path.channels, new, path.rng)
    put(linear.weight, path.spread(torch.eye(path.channels).to(linear.weight), outputs))
    nn.init.zeros_(linear.bias)
    path.mapping = outputs


# What a layer is.


def _convolutions(layer: Residual) -> list[nn.Conv2d]:
    """Return the convolutions of a layer; the first of two is the depthwise one of a separable layer."""
    return [module for module in layer.body.children() if isinstance(module, nn.Conv2d)]


def _width(layer: Residual) -> int:
    return int(_convolutions(layer)[-1].out_channels)


def _norm_of(layer: Residual) -> nn.Module | None:
    *_, last = layer.body.children()
    return None if isinstance(last, nn.Conv2d) else last


def _groups(layer: Residual) -> int:
    """Return the groups of channels that a layer's norm joins; without a group norm each is by itself."""
    norm = _norm_of(layer)
    return int(norm.num_groups) if isinstance(norm, nn.GroupNorm) else _width(layer)
