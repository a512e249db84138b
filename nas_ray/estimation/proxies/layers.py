"""What proxies look at in a network: the weights of its layers, and their gradients on a batch."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase

Loss = Callable[[Tensor, Tensor], Tensor]
"""``loss(outputs, targets)`` returns the mean loss of a batch."""

NORMS = (_NormBase, nn.GroupNorm, nn.LayerNorm, nn.LocalResponseNorm, nn.RMSNorm)
DROPOUTS = (nn.modules.dropout._DropoutNd,)
ACTIVATIONS = (
    nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.PReLU, nn.RReLU, nn.ELU, nn.SELU, nn.CELU, nn.GELU, nn.SiLU, nn.Mish,
    nn.Softplus, nn.Hardswish, nn.Hardtanh, nn.Tanh, nn.Sigmoid, nn.Hardsigmoid, nn.Softsign,
)  # fmt: skip
"""Modules that apply one function to every number of their input."""


def weights(model: nn.Module) -> list[nn.Parameter]:
    """Return the weights of layers: trainable tensors of two and more axes, so neither biases nor norms."""
    return [weight for weight in model.parameters() if weight.requires_grad and weight.ndim > 1]


def without_chance(model: nn.Module) -> None:
    """Put a network in training mode, its batch normalisation taking the batch's moments, without dropout."""
    model.train()
    for module in model.modules():
        if isinstance(module, DROPOUTS):
            module.eval()


def gradients(model: nn.Module, inputs: Tensor, targets: Tensor, loss: Loss) -> list[tuple[Tensor, Tensor]]:
    """Return the weight and the gradient of the mean loss in it, for each layer that the loss depends on.

    Args:
        model: In training mode.
        inputs: (batch, ...).
        targets: As ``loss`` takes them.
        loss: The mean loss of a batch.
    """
    layers = weights(model)
    if not layers:
        return []
    found = torch.autograd.grad(loss(model(inputs), targets), layers, allow_unused=True)
    return [(weight.detach(), grad) for weight, grad in zip(layers, found, strict=True) if grad is not None]
