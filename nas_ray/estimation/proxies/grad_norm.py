"""Gradient norm: how strongly the loss of a batch pulls at the weights."""

from __future__ import annotations

from torch import Tensor, nn

from nas_ray.estimation.proxies.layers import Loss, gradients, without_chance


def grad_norm(model: nn.Module, inputs: Tensor, targets: Tensor, loss: Loss) -> float:
    """Return the sum over layers of the Euclidean norm of a gradient.

    With the loss L of a batch and the weights theta_l of layer l::

        sum_l || dL/dtheta_l ||_2

    (Abdelfattah et al., ICLR 2021, https://arxiv.org/abs/2101.08134, section 3.2).

    Args:
        model: Changed; hand over a copy.
        inputs: (batch, ...).
        targets: As ``loss`` takes them.
        loss: The mean loss of a batch.
    """
    without_chance(model)
    return sum(float(grad.double().norm()) for _, grad in gradients(model, inputs, targets, loss))
