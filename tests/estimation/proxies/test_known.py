"""Proxies against numbers worked out by hand, on networks of a few weights."""

import math

import pytest
import torch
from torch import nn

from nas_ray.estimation.proxies.grad_norm import grad_norm
from nas_ray.estimation.proxies.naswot import naswot
from nas_ray.estimation.proxies.snip import snip
from nas_ray.estimation.proxies.synflow import FLOOR, synflow
from nas_ray.estimation.proxies.zico import zico


def dense(*matrices, between=nn.ReLU):
    """Linear layers without biases, with an activation between them."""
    layers = []
    for rows in matrices:
        weight = torch.tensor(rows, dtype=torch.float32)
        layer = nn.Linear(weight.shape[1], weight.shape[0], bias=False)
        layer.weight = nn.Parameter(weight)
        layers += [layer, between()]
    return nn.Sequential(*layers[:-1])


def squared(outputs, targets):
    return (outputs - targets).square().mean()


TWO = ([[1.0, -2.0], [3.0, 4.0]], [[1.0, -1.0]])
"""y = relu(a - 2b) - relu(3a + 4b)."""


def test_synflow_counts_each_weight_with_what_flows_through_it():
    # |W1| 1 = (3, 7), R = |W2| (3, 7) = 10; the flow through either layer is all of it: 10 + 10.
    assert synflow(dense(*TWO), torch.ones(1, 2)) == pytest.approx(math.log(20))


@pytest.mark.parametrize("between", [nn.GELU, nn.Tanh, lambda: nn.Sequential(nn.BatchNorm1d(2), nn.ReLU())])
def test_synflow_knows_neither_norms_nor_curved_activations(between):
    assert synflow(dense(*TWO, between=between), torch.ones(1, 2)) == pytest.approx(math.log(20))


def test_synflow_is_finite_at_any_depth_and_without_a_path():
    deep = dense(*[[[1e3, 1e3], [1e3, 1e3]]] * 60)
    assert synflow(deep, torch.ones(1, 2)) == pytest.approx(math.log(60 * 4e3 * 2e3**59))
    assert synflow(dense([[0.0]], [[1.0]]), torch.ones(1, 1)) == FLOOR
    assert synflow(dense(*[[[1e30]]] * 20), torch.ones(1, 1)) == pytest.approx(709.78, abs=0.01)


def test_naswot_is_the_determinant_of_agreeing_units():
    # Codes of (1, 0) and (-1, 1): relu units are (1, 3) -> 11 and (-3, 1) -> 01, so K = [[2, 1], [1, 2]].
    assert naswot(dense(*TWO), torch.tensor([[1.0, 0.0], [-1.0, 1.0]])) == pytest.approx(math.log(3))


def test_naswot_of_inputs_that_look_alike_is_the_least_there_is():
    assert naswot(dense(*TWO), torch.tensor([[1.0, 0.0], [2.0, 0.0], [-1.0, 1.0]])) == 0
    assert math.isnan(naswot(nn.Linear(2, 1), torch.ones(2, 2)))


# Gradients for the input (1, 0) and the target 0: units (1, 3), output -2, dL/dy = -4.
# dL/dW2 = -4 (1, 3); dL/dW1 = -4 (1, -1)^T (1, 0) = [[-4, 0], [4, 0]].
ONE, NOTHING = torch.tensor([[1.0, 0.0]]), torch.zeros(1, 1)


def test_grad_norm_is_the_sum_of_the_norms_of_layers():
    expected = math.sqrt(4**2 + 4**2) + math.sqrt(4**2 + 12**2)
    assert grad_norm(dense(*TWO), ONE, NOTHING, squared) == pytest.approx(expected)


def test_snip_is_the_sum_of_weight_times_gradient():
    expected = (4 * 1 + 4 * 3) + (4 * 1 + 12 * 1)
    assert snip(dense(*TWO), ONE, NOTHING, squared) == pytest.approx(expected)


def test_zico_is_the_ratio_of_mean_and_deviation_over_batches():
    # Twice the input: units (2, 6), output -4, dL/dy = -8: dL/dW2 = -8 (2, 6), dL/dW1 = [[-16, 0], [16, 0]].
    # |dL/dW1| is 4 and 16 in two weights (mean 10, deviation 6) and 0 in two, which are left out;
    # |dL/dW2| is 4, 16 (ratio 10/6) and 12, 48 (30/18).
    batches = [(ONE, NOTHING), (2 * ONE, NOTHING)]
    assert zico(dense(*TWO), batches, squared) == pytest.approx(2 * math.log(2 * 10 / 6))


def test_zico_leaves_out_what_does_not_vary():
    assert zico(dense(*TWO), [(ONE, NOTHING)] * 2, squared) == 0
