"""The blocks of mobile networks: depthwise between pointwise convolutions; imported by ``build`` alone."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from . import modules

Activation = type[nn.ReLU] | type[nn.Hardswish]


def convolution(
    inputs: int,
    outputs: int,
    kernel: int = 1,
    *,
    stride: int = 1,
    groups: int = 1,
    activation: Activation | None = None,
    eps: float = 1e-5,
) -> nn.Sequential:
    """Return a convolution without bias, batch normalisation, and an activation if there is one."""
    layers: list[nn.Module] = [
        nn.Conv2d(inputs, outputs, kernel, stride=stride, padding=kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs, eps=eps),
    ]
    return nn.Sequential(*layers, *([activation(inplace=True)] if activation else []))


def inverted_residual(
    inputs: int,
    hidden: int,
    outputs: int,
    kernel: int,
    *,
    stride: int = 1,
    activation: Activation = nn.ReLU,
    squeeze: int = 0,
    expand: bool = True,
    eps: float = 1e-5,
) -> nn.Module:
    """Return MBConv, the block of MobileNetV2 (Sandler et al. 2018, https://arxiv.org/abs/1801.04381).

    A pointwise convolution to ``hidden`` channels, a depthwise one, and a linear pointwise one; where nothing
    changes its shape, the input is added.

    Args:
        inputs: Channels that come in.
        hidden: Channels between, which the depthwise convolution sees.
        outputs: Channels that go out.
        kernel: Odd side of the depthwise window.
        stride: Of the depthwise convolution.
        activation: After the first two convolutions.
        squeeze: Channels in the middle of squeeze-and-excitation after the depthwise convolution; 0 for none.
        expand: Whether there is a first convolution; without it ``hidden`` must be ``inputs``.
        eps: Of the batch normalisations.
    """
    body: list[nn.Module] = []
    if expand:
        body.append(convolution(inputs, hidden, activation=activation, eps=eps))
    body.append(
        convolution(hidden, hidden, kernel, stride=stride, groups=hidden, activation=activation, eps=eps)
    )
    if squeeze:
        body.append(SqueezeExcitation(hidden, squeeze))
    body.append(convolution(hidden, outputs, eps=eps))
    same = stride == 1 and inputs == outputs
    return modules.Residual(nn.Sequential(*body), nn.Identity() if same else None, nn.Identity())


class SqueezeExcitation(nn.Module):
    """Each channel times a number from 0 to 1 that is a function of all channels' means.

    Hu et al. 2018 (https://arxiv.org/abs/1709.01507), with the hard sigmoid of MobileNetV3.

    Args:
        channels: C.
        squeeze: Channels of the layer between, C / 4 in MobileNetV3.
    """

    def __init__(self, channels: int, squeeze: int) -> None:
        super().__init__()
        self.gate = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(channels, squeeze, 1),
            nn.ReLU(inplace=True),
            nn.Conv2d(squeeze, channels, 1),
            nn.Hardsigmoid(inplace=True),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, channels, height, width) to the same shape."""
        y: Tensor = x * self.gate(x)
        return y


class Resize(nn.Module):
    """Images at another resolution, bilinear and smoothed where they shrink.

    Args:
        height: Pixels that go out.
        width: Pixels that go out.
    """

    def __init__(self, height: int, width: int) -> None:
        super().__init__()
        self.size = (height, width)

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, channels, h, w) to (batch, channels, height, width)."""
        return F.interpolate(x, size=self.size, mode="bilinear", antialias=True)
