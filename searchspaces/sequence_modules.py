"""How tokens and series enter a network, and how it sums up its steps; imported by ``build`` alone."""

from __future__ import annotations

import torch
from torch import Tensor, nn

Steps = tuple[Tensor, Tensor | None]
"""(batch, steps, width), and (batch, steps) that is true where a step is no padding; None where none is."""


class Embedding(nn.Module):
    """Makes a vector of each token, and moves the padding, id 0, to the end of its row.

    So it does not matter where the padding stood. Of a row of nothing else, the first step counts.

    Args:
        vocabulary: Number of ids.
        width: Numbers in a vector.
        spread: Standard deviation of the numbers at the start.
        dropout: Rate of dropout.
    """

    def __init__(self, vocabulary: int, width: int, spread: float = 1.0, dropout: float = 0.0) -> None:
        super().__init__()
        self.table = nn.Embedding(vocabulary, width, padding_idx=0)
        with torch.no_grad():
            self.table.weight *= spread
        self.dropout = nn.Dropout(dropout)

    def forward(self, tokens: Tensor) -> Steps:
        """Map (batch, length) of ids to the steps."""
        order = (tokens == 0).to(torch.uint8).argsort(dim=1, stable=True)
        tokens = tokens.gather(1, order)
        is_token = tokens != 0
        is_token[:, 0] = True
        return self.dropout(self.table(tokens)), is_token


class Series(nn.Module):
    """Makes a vector of the channels of each step."""

    def forward(self, series: Tensor) -> Steps:
        """Map (batch, channels, steps) to the steps."""
        return series.transpose(1, 2), None


def mean(x: Tensor, is_token: Tensor | None) -> Tensor:
    """Return the mean of all steps but the padding, (batch, width)."""
    if is_token is None:
        return x.mean(1)
    weights = is_token.to(x.dtype).unsqueeze(-1)
    return (x * weights).sum(1) / weights.sum(1)


def maximum(x: Tensor, is_token: Tensor | None) -> Tensor:
    """Return the maximum of all steps but the padding, (batch, width)."""
    return (x if is_token is None else x.masked_fill(~is_token.unsqueeze(-1), -torch.inf)).amax(1)


def last(x: Tensor, is_token: Tensor | None) -> Tensor:
    """Return the last step that is no padding, (batch, width); padding stands at the end."""
    if is_token is None:
        return x[:, -1]
    steps = is_token.sum(1) - 1
    return x.take_along_dim(steps[:, None, None], 1).squeeze(1)


def turned(x: Tensor, is_token: Tensor | None) -> Tensor:
    """Return the steps in reverse order, the padding still at the end; twice changes nothing."""
    if is_token is None:
        return x.flip(1)
    steps, count = torch.arange(x.shape[1], device=x.device), is_token.sum(1, keepdim=True)
    order = torch.where(steps < count, count - 1 - steps, steps)
    return x.take_along_dim(order.unsqueeze(-1), 1)
