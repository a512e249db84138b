"""Counts are the same on every device, whichever kernel does the work there."""

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from nas_ray.costs import measure
from nas_ray.costs.formulas import formulas
from nas_ray.tasks import Task

SERIES = Task(kind="regression", input_shape=(11, 8), outputs=2)
"""11 steps of 8 features, as batch_first takes them."""
LSTM = 2 * 11 * 4 * 7 * (8 + 7)
"""Operations of an LSTM of 7 units: four gates, each a product with the inputs and one with the state."""


class First(nn.Module):
    """The first output of a recurrent layer."""

    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def forward(self, x):
        return self.layer(x)[0]


class Attention(nn.Module):
    """Two heads of 4 numbers each."""

    def forward(self, x):
        heads = x.unflatten(-1, (2, 4)).transpose(1, 2)
        return nn.functional.scaled_dot_product_attention(heads, heads, heads)


CASES = {
    "lstm": (lambda: First(nn.LSTM(8, 7, batch_first=True)), LSTM),
    "steps first": (lambda: First(nn.LSTM(8, 7)), LSTM),
    "both directions": (lambda: First(nn.LSTM(8, 7, batch_first=True, bidirectional=True)), 2 * LSTM),
    "two layers": (
        lambda: First(nn.LSTM(8, 7, 2, batch_first=True)),
        LSTM + 2 * 11 * 4 * 7 * (7 + 7),
    ),
    "gru": (lambda: First(nn.GRU(8, 7, batch_first=True)), LSTM * 3 // 4),
    "elman": (lambda: First(nn.RNN(8, 7, batch_first=True)), LSTM // 4),
    "attention": (Attention, 2 * 2 * (2 * 11 * 11 * 4)),
    "layer of a transformer": (
        lambda: nn.TransformerEncoderLayer(8, 2, 16, batch_first=True),
        2 * 11 * (4 * 8 * 8 + 2 * 8 * 16) + 2 * 2 * (2 * 11 * 11 * 4),
    ),
}


@pytest.mark.parametrize(("make", "flops"), CASES.values(), ids=CASES.keys())
def test_known_layers(make, flops):
    with torch.device("meta"):
        nowhere = make()
    assert measure(make(), SERIES).flops == flops
    assert measure(nowhere, SERIES).flops == flops


@pytest.mark.parametrize("features", [(11, 1, 8), (11, 8)], ids=["padded", "packed"])
def test_the_kernel_of_gpus_is_counted(features):
    sizes = [1] * 11 if len(features) == 2 else []
    weights = [torch.empty(shape, device="meta") for shape in ((28, 8), (28, 7), (28,), (28,))]
    state = torch.empty(1, 1, 7, device="meta")
    with FlopCounterMode(display=False, custom_mapping=formulas()) as counter:
        inputs = torch.empty(features, device="meta")
        torch.ops.aten._cudnn_rnn(
            inputs, weights, 4, None, state, state, 2, 7, 0, 1, False, 0.0, False, False, sizes, None
        )
    assert counter.get_total_flops() == LSTM


def test_torchs_fast_path_is_left_as_it_was():
    before = torch.backends.mha.get_fastpath_enabled()
    measure(nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), SERIES)
    assert torch.backends.mha.get_fastpath_enabled() == before


def test_tokens_are_counted_with_integers():
    text = Task(kind="classification", input_shape=(11,), outputs=2, vocabulary=20)
    network = nn.Sequential(nn.Embedding(20, 8), nn.Linear(8, 2))
    assert measure(network, text).flops == 2 * 11 * 8 * 2
