"""NASWOT: how differently a network's activations respond to the inputs of a batch."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from nas_ray.estimation.proxies.layers import ACTIVATIONS, without_chance


def naswot(model: nn.Module, inputs: Tensor) -> float:
    """Return the score of Mellor et al., ICML 2021, https://arxiv.org/abs/2006.04647.

    An input x_i has the binary code c_i: which of the N_A rectified units it makes positive. With d_H the
    Hamming distance, the kernel of a batch of N inputs and the score are::

        (K_H)_ij = N_A - d_H(c_i, c_j)           s = log |det K_H|

    Units are those of every activation module, also of smooth ones such as gelu, by the sign of what comes
    in; those of activations that are called as functions are not seen. Batch normalisation takes the moments
    of the batch. K_H holds integers, so that a determinant which is not 0 is at least 1 and s at least 0.

    Args:
        model: Changed; hand over a copy.
        inputs: (N, ...).

    Returns:
        s; 0 where two inputs have the same code and the determinant is 0; NaN where the network has no
        activation module.
    """
    without_chance(model)
    batch = len(inputs)
    kernel = torch.zeros(batch, batch, dtype=torch.float64, device=inputs.device)
    units = 0

    def see(module: nn.Module, arguments: tuple[Tensor, ...]) -> None:
        nonlocal units
        # Before the module runs: it may change its input in place.
        code = (arguments[0].detach().reshape(batch, -1) > 0).to(torch.float32)
        units += code.shape[1]
        for same in (code, 1 - code):
            kernel.add_(same @ same.T)

    for module in model.modules():
        if isinstance(module, ACTIVATIONS):
            module.register_forward_pre_hook(see)
    with torch.no_grad():
        model(inputs)
    if not units:
        return math.nan
    if bool((kernel == units).sum() > batch):  # beside the diagonal too
        return 0.0
    return max(0.0, float(torch.linalg.slogdet(kernel).logabsdet))
