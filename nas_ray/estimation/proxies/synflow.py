"""SynFlow: how much can flow through the network, whatever the data."""

from __future__ import annotations

import math
import sys

import torch
from torch import Tensor, nn

from nas_ray.estimation.proxies.layers import ACTIVATIONS, NORMS, weights

FLOOR, CEILING = math.log(math.ulp(0.0)), math.log(sys.float_info.max)
"""Logarithms of the smallest and the largest number of double precision, -744.4 and 709.8."""


def synflow(model: nn.Module, inputs: Tensor) -> float:
    r"""Return the logarithm of the synaptic flow (Tanaka et al., NeurIPS 2020, https://arxiv.org/abs/2006.05467).

    With every parameter replaced by its absolute value, no normalisation, and activations that hand on what
    they get (on numbers that are not negative relu does), the paper's objective for an input of ones is::

        R_SF = 1^T (prod_l |theta^[l]|) 1        S(theta) = dR_SF/dtheta * theta

    and the network's score is the sum of S over the weights of all layers (Abdelfattah et al., ICLR 2021).
    It is computed in double precision and its natural logarithm returned, which ranks alike: the score itself
    grows by a factor with every layer. A network through which nothing flows has -744.4, one beyond double
    precision 709.8.

    Args:
        model: Changed; hand over a copy.
        inputs: (1, ...), ones.
    """
    model.eval()
    if inputs.is_floating_point():
        model.double()
        inputs = inputs.double()
    for module in model.modules():
        if isinstance(module, (*NORMS, *ACTIVATIONS)):
            module.forward = _same  # type: ignore[method-assign]  # of a copy that nobody sees again
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.abs_()
    layers = weights(model)
    flow = model(inputs).sum()
    if not layers or not flow.requires_grad:
        return FLOOR
    found = torch.autograd.grad(flow, layers, allow_unused=True)
    score = sum(
        float((weight.detach() * grad).sum())
        for weight, grad in zip(layers, found, strict=True)
        if grad is not None
    )
    return CEILING if not math.isfinite(score) else math.log(score) if score > 0 else FLOOR


def _same(values: Tensor) -> Tensor:
    return values
