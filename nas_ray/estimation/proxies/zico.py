"""ZiCo: large gradients that hardly differ from batch to batch."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from nas_ray.estimation.proxies.layers import Loss, gradients, without_chance


def zico(model: nn.Module, batches: Sequence[tuple[Tensor, Tensor]], loss: Loss) -> float:
    """Return the score of Li et al., ICLR 2023, https://arxiv.org/abs/2301.11300.

    With the loss L on batches (X_i, y_i), i = 1 ... N, and the weights theta_l of layer l = 1 ... D::

        ZiCo = sum_l log( sum_(w in theta_l) E[|dL(X_i, y_i)/dw|] / sqrt(Var(|dL(X_i, y_i)/dw|)) )

    with mean and (population) variance over the N batches. Weights whose gradient is of the same size in all
    batches have no ratio and are left out, and so are layers of only such weights. The formula is the
    paper's; the authors' program takes the variance of the gradients themselves, signs included.

    Args:
        model: Changed; hand over a copy.
        batches: At least two of (inputs, targets).
        loss: The mean loss of a batch.
    """
    without_chance(model)
    sizes = [
        [grad.double().abs() for _, grad in gradients(model, inputs, targets, loss)]
        for inputs, targets in batches
    ]
    return sum(_of_layer(torch.stack(layer)) for layer in zip(*sizes, strict=True))


def _of_layer(sizes: Tensor) -> float:
    """Return the term of one layer from the absolute gradients, (batches, ...)."""
    mean, spread = sizes.mean(0), sizes.std(0, correction=0)
    total = float((mean[spread > 0] / spread[spread > 0]).sum())
    return math.log(total) if total > 0 else 0.0
