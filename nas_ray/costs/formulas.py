"""Operations of what torch's own counter leaves out on some devices, so that a count is the same on each."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

Shape = Sequence[int]


def formulas() -> dict[Any, Callable[..., int]]:
    """Return the formulas by operator, for ``FlopCounterMode(custom_mapping=...)``.

    On the meta device attention and recurrent layers are counted as the matrix products that they are made
    of; these kernels of CPU and GPU do them in one piece.
    """
    from torch import ops

    return {
        ops.aten._scaled_dot_product_flash_attention_for_cpu: attention,
        ops.aten.mkldnn_rnn_layer: recurrent_layer,
        ops.aten._cudnn_rnn: recurrent_layers,
    }


@contextmanager
def in_steps() -> Iterator[None]:
    """Make torch's own layers of transformers go step by step: their fast path is one uncounted piece."""
    from torch.backends import mha

    before = mha.get_fastpath_enabled()
    mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        mha.set_fastpath_enabled(before)


def attention(query: Shape, key: Shape, value: Shape, *rest: Any, **named: Any) -> int:
    """Return the operations of softmax(Q K^T) V.

    Args:
        query: Shape (batch, heads, queries, width).
        key: Shape (batch, heads, keys, width).
        value: Shape (batch, heads, keys, width of values).
        rest: Not read.
        named: Not read.
    """
    return 2 * math.prod(query[:3]) * key[2] * (query[3] + value[3])


def recurrent_layer(inputs: Shape, from_input: Shape, from_state: Shape, *rest: Any, **named: Any) -> int:
    """Return the operations of one direction of one layer.

    Args:
        inputs: Shape (steps, batch, features).
        from_input: Shape of the weights of the inputs, (gates x width, features).
        from_state: Shape of the weights of the state, (gates x width, width).
        rest: Not read.
        named: Not read.
    """
    return 2 * math.prod(inputs[:-1]) * (math.prod(from_input) + math.prod(from_state))


def recurrent_layers(inputs: Shape, weights: Sequence[Shape], *rest: Any, **named: Any) -> int:
    """Return the operations of all layers and directions.

    Args:
        inputs: Shape (steps, batch, features), or (steps of all, features) where sequences are packed.
        weights: Shapes of all weights and biases, of which the matrices count.
        rest: Not read.
        named: Not read.
    """
    return 2 * math.prod(inputs[:-1]) * sum(math.prod(shape) for shape in weights if len(shape) == 2)
