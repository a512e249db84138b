"""One activation function for a whole network; imported by ``build`` alone."""

from __future__ import annotations

from torch import nn

from .modules import ACTIVATIONS

EXCHANGED = (nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.ELU, nn.GELU, nn.SiLU, nn.Hardswish)
"""Layers that are exchanged; gates, such as sigmoids, are none of them."""


def exchanged(network: nn.Module, activation: str) -> nn.Module:
    """Return ``network`` with every activation layer exchanged; its weights stay as they are.

    Args:
        network: The network.
        activation: A name from :data:`nas_ray.searchspaces.options.ACTIVATIONS`.
    """
    places = [
        (module, name)
        for module in network.modules()
        for name, layer in module.named_children()
        if isinstance(layer, EXCHANGED)
    ]
    for module, name in places:
        setattr(module, name, _instead_of(getattr(module, name), activation))
    return network


def _instead_of(layer: nn.Module, activation: str) -> nn.Module:
    new = ACTIVATIONS[activation]()
    if not getattr(layer, "inplace", False):
        new.inplace = False  # type: ignore[assignment]  # others may read the input
    return new
