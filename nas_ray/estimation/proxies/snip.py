"""SNIP: how much the loss of a batch would change without each connection."""

from __future__ import annotations

from torch import Tensor, nn

from nas_ray.estimation.proxies.layers import Loss, gradients, without_chance


def snip(model: nn.Module, inputs: Tensor, targets: Tensor, loss: Loss) -> float:
    """Return the sum of connection sensitivities (Lee et al., ICLR 2019, https://arxiv.org/abs/1810.02340).

    The paper's sensitivity of a weight w_j is that of the loss L to its indicator c_j in {0, 1}, before it is
    divided by the sum over all weights; the network's score is that sum (Abdelfattah et al., ICLR 2021)::

        g_j = dL(c * w; D)/dc_j at c = 1 = w_j dL/dw_j           sum_j |g_j|

    Args:
        model: Changed; hand over a copy.
        inputs: (batch, ...), the batch D.
        targets: As ``loss`` takes them.
        loss: The mean loss of a batch.
    """
    without_chance(model)
    return sum(
        float((weight * grad).double().abs().sum())
        for weight, grad in gradients(model, inputs, targets, loss)
    )
