"""The networks of ``transformer``; imported by ``build`` alone, so that no driver loads torch."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nas_ray.spaces import Config
from nas_ray.tasks import Task

from .sequence_modules import Embedding, Steps, mean

EPSILON = 1e-6
"""Of layer normalisation, as in ViT."""
SPREAD = 0.02
"""Standard deviation of learned positions at the start, as in ViT."""


class Patches(nn.Module):
    """Linear maps of the patches of images, or of series, as a convolution whose windows do not overlap.

    Args:
        inputs: Channels that come in.
        width: Numbers that stand for a patch.
        patch: Side of a patch.
        axes: 2 for images, 1 for series, whose last patch is filled up with zeros.
    """

    def __init__(self, inputs: int, width: int, patch: int, axes: int) -> None:
        super().__init__()
        convolution = {1: nn.Conv1d, 2: nn.Conv2d}[axes]
        self.patch, self.axes = patch, axes
        self.map = convolution(inputs, width, patch, stride=patch)
        nn.init.trunc_normal_(self.map.weight, std=math.sqrt(1 / (inputs * patch**axes)))

    def forward(self, x: Tensor) -> Steps:
        """Map (batch, inputs, height, width) or (batch, inputs, steps) to the patches."""
        if self.axes == 1:
            x = F.pad(x, (0, -x.shape[-1] % self.patch))
        patches: Tensor = self.map(x)
        return patches.flatten(2).transpose(1, 2), None


class Attention(nn.Module):
    """Self-attention with several heads: softmax(Q K^T / sqrt(d)) V of each, side by side, then a linear map.

    Args:
        width: Numbers that stand for a token.
        heads: Number of heads, a divisor of it.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.queries_keys_values, self.map = nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, x: Tensor, is_token: Tensor | None) -> Tensor:
        """Map (batch, steps, width) to the same shape; what is no token is not looked at."""
        parts = self.queries_keys_values(x).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        queries, keys, values = parts.unbind()
        mask = None if is_token is None else is_token[:, None, None]
        heads = F.scaled_dot_product_attention(queries, keys, values, mask)
        mapped: Tensor = self.map(heads.transpose(1, 2).flatten(2))
        return mapped


class Layer(nn.Module):
    """``x + attention(norm(x))``, then the same with an MLP.

    Args:
        width: Numbers that stand for a token.
        heads: Number of heads.
        hidden: Width of the MLP.
        dropout: Rate of dropout.
    """

    def __init__(self, width: int, heads: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.norm_1, self.attention = nn.LayerNorm(width, EPSILON), Attention(width, heads)
        self.norm_2, self.dropout = nn.LayerNorm(width, EPSILON), nn.Dropout(dropout)
        self.mlp = nn.Sequential(
            nn.Linear(width, hidden), nn.GELU(), nn.Dropout(dropout), nn.Linear(hidden, width)
        )

    def forward(self, x: Tensor, is_token: Tensor | None) -> Tensor:
        """Map (batch, steps, width) to the same shape."""
        x = x + self.dropout(self.attention(self.norm_1(x), is_token))
        y: Tensor = x + self.dropout(self.mlp(self.norm_2(x)))
        return y


class Encoder(nn.Module):
    """Tokens or patches, their positions, the layers, and a linear map of their sum.

    Args:
        stem: Makes steps of the inputs.
        layers: The layers.
        steps: Number of steps.
        width: Numbers that stand for a step.
        position: ``learned``, ``sinusoidal`` or ``none``.
        pooling: ``cls`` for a token of its own that sums up the others, or ``mean``.
        dropout: Rate of dropout after the positions.
        outputs: Numbers that go out.
    """

    def __init__(
        self,
        stem: nn.Module,
        layers: list[Layer],
        *,
        steps: int,
        width: int,
        position: str,
        pooling: str,
        dropout: float,
        outputs: int,
    ) -> None:
        super().__init__()
        self.stem, self.layers, self.dropout = stem, nn.ModuleList(layers), nn.Dropout(dropout)
        self.cls = nn.Parameter(torch.zeros(1, 1, width)) if pooling == "cls" else None
        self.positions: Tensor | None = None
        steps += pooling == "cls"
        if position == "learned":
            self.positions = nn.Parameter(SPREAD * torch.randn(1, steps, width))
        elif position == "sinusoidal":
            del self.positions
            self.register_buffer("positions", sinusoids(steps, width), persistent=False)
        self.norm, self.head = nn.LayerNorm(width, EPSILON), nn.Linear(width, outputs)

    def forward(self, inputs: Tensor) -> Tensor:
        """Map inputs as the stem takes them to (batch, outputs)."""
        x, is_token = self.stem(inputs)
        if self.cls is not None:
            x = torch.cat([self.cls.expand(len(x), -1, -1), x], 1)
            is_token = None if is_token is None else F.pad(is_token, (1, 0), value=True)
        x = self.dropout(x if self.positions is None else x + self.positions)
        for layer in self.layers:
            x = layer(x, is_token)
        x = self.norm(x)
        outputs: Tensor = self.head(mean(x, is_token) if self.cls is None else x[:, 0])
        return outputs


def sinusoids(steps: int, width: int) -> Tensor:
    """Return the positions of Vaswani et al. 2017, section 3.5, as (1, steps, width)."""
    rates = torch.exp(torch.arange(0, width, 2) * (-math.log(10_000) / width))
    angles = torch.arange(steps)[:, None] * rates
    return torch.stack([angles.sin(), angles.cos()], -1).flatten(1)[None, :, :width]


def network(config: Config, task: Task, steps: int, repeats: int) -> nn.Module:
    """Return the network of a configuration of ``transformer``.

    Args:
        config: The configuration.
        task: The problem.
        steps: Patches or tokens of an input.
        repeats: How often each layer stands in a row.
    """
    layers: list[Layer] = []
    # A multiple of the heads stays one: the dial of width works on what a head is wide.
    heads = [config[f"layer{index}.heads"] for index in range(config["depth"])]
    common = math.lcm(*heads)
    width = common * task.scaled(config["width"] // common)
    for index, count in enumerate(heads):
        hidden = max(1, round(config[f"layer{index}.ratio"] * width))
        layers += [Layer(width, count, hidden, config["dropout"]) for _ in range(repeats)]
    for layer in layers:
        _initialise(layer)
    # Fixed positions are as large as vectors of spread 1; learned ones start small.
    if task.vocabulary is not None:
        spread = 1.0 if config["position"] == "sinusoidal" else SPREAD
        stem: nn.Module = Embedding(task.vocabulary, width, spread)
    else:
        stem = Patches(task.input_shape[0], width, config["patch"], len(task.input_shape) - 1)
    settings = {key: config[key] for key in ("position", "pooling", "dropout")}
    return Encoder(stem, layers, steps=steps, width=width, outputs=task.outputs, **settings)


def _initialise(layer: nn.Module) -> None:
    """Glorot's weights and biases of zero, as in ViT."""
    for part in layer.modules():
        if isinstance(part, nn.Linear):
            nn.init.xavier_uniform_(part.weight)
            nn.init.zeros_(part.bias)
