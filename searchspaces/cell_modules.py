"""The operations of cells, and what stands around them; imported by ``build`` alone."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class ReLUConvBN(nn.Sequential):
    """ReLU, convolution without bias, batch normalisation; the map is divided by the stride, rounded up."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1) -> None:
        super().__init__(
            nn.ReLU(),
            nn.Conv2d(inputs, outputs, kernel, stride=stride, padding=kernel // 2, bias=False),
            nn.BatchNorm2d(outputs),
        )


class Rectangular(nn.Sequential):
    """ReLU, 1 x k convolution, batch normalisation, then the same with k x 1."""

    def __init__(self, channels: int, kernel: int, stride: int) -> None:
        layers: list[nn.Module] = []
        for shape, strides in (((1, kernel), (1, stride)), ((kernel, 1), (stride, 1))):
            padding = (shape[0] // 2, shape[1] // 2)
            window = nn.Conv2d(channels, channels, shape, stride=strides, padding=padding, bias=False)
            layers += [nn.ReLU(), window, nn.BatchNorm2d(channels)]
        super().__init__(*layers)


class Separable(nn.Sequential):
    """ReLU, depthwise and 1x1 convolution, batch normalisation, ``times`` in a row.

    Args:
        channels: Channels in and out.
        kernel: Side of the window in pixels.
        stride: Of the first one; the map is divided by it, rounded up.
        times: 2 for the papers' separable convolutions, 1 for their dilated ones.
        dilation: Distance of the pixels that the window reads.
    """

    def __init__(self, channels: int, kernel: int, stride: int, times: int = 2, dilation: int = 1) -> None:
        layers: list[nn.Module] = []
        for step in (stride, 1)[:times]:
            around = dilation * (kernel // 2)
            deep = nn.Conv2d(
                channels, channels, kernel, step, around, dilation=dilation, groups=channels, bias=False
            )
            point = nn.Conv2d(channels, channels, 1, bias=False)
            layers += [nn.ReLU(), deep, point, nn.BatchNorm2d(channels)]
        super().__init__(*layers)


class FactorizedReduction(nn.Module):
    """ReLU, two 1x1 convolutions of stride 2 side by side, batch normalisation: half the size.

    The second sees the map moved by one pixel, with zeros at its far borders, so that odd sizes fit.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        halves = (outputs // 2, outputs - outputs // 2)
        self.paths = nn.ModuleList(
            nn.Conv2d(inputs, half, 1, stride=2, bias=False) for half in halves if half
        )
        self.norm = nn.BatchNorm2d(outputs)
        self.activation = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, inputs, h, w) to (batch, outputs, h/2, w/2), rounded up."""
        x = self.activation(x)
        views = (x, F.pad(x, (0, 1, 0, 1))[:, :, 1:, 1:])
        parts = [path(view) for path, view in zip(self.paths, views, strict=False)]
        y: Tensor = self.norm(torch.cat(parts, dim=1))
        return y


class DropPath(nn.Module):
    """Drop a whole path of a sample with some probability, in training only, and scale up what is kept.

    Larsson et al. 2017, https://arxiv.org/abs/1605.07648. Where ``scheduled``, the probability grows linearly
    over the training (ScheduledDropPath of Zoph et al. 2018): whoever trains calls :meth:`set_progress`;
    until somebody does, it is the full one.

    Args:
        probability: Of dropping; at the end of the training where it is scheduled.
        scheduled: Whether it grows.
    """

    def __init__(self, probability: float, scheduled: bool = True) -> None:
        super().__init__()
        self.probability, self.scheduled, self.progress = probability, scheduled, 1.0

    def set_progress(self, share: float) -> None:
        """Say which share of the training is done, from 0 to 1."""
        self.progress = share

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, channels, height, width) to the same shape."""
        rate = self.probability * (self.progress if self.scheduled else 1.0)
        if not self.training or rate <= 0:
            return x
        kept = x.new_empty(len(x), 1, 1, 1).bernoulli_(1 - rate)
        return x * kept / (1 - rate)

    def extra_repr(self) -> str:
        """Say the settings where the network is printed."""
        return f"{self.probability}, scheduled={self.scheduled}"


class AuxiliaryHead(nn.Module):
    """The classifier in the middle of a network, Liu et al. 2019 (after Zoph et al. 2018).

    ReLU, average pooling 5x5 with stride 3, 1x1 convolution, 2x2 convolution, linear layer. It is made for
    maps of 8x8, of which the pooling leaves 2x2; here others are pooled to 2x2 as well.

    Args:
        channels: Channels of the map.
        widths: Outputs of the two convolutions, 128 and 768 in the papers.
        outputs: Numbers that go out.
    """

    def __init__(self, channels: int, widths: tuple[int, int], outputs: int) -> None:
        super().__init__()
        narrow, wide = widths
        self.features = nn.Sequential(
            nn.Conv2d(channels, narrow, 1, bias=False),
            nn.BatchNorm2d(narrow),
            nn.ReLU(inplace=True),
            nn.Conv2d(narrow, wide, 2, bias=False),
            nn.BatchNorm2d(wide),
            nn.ReLU(inplace=True),
            nn.Flatten(),
        )
        self.classifier = nn.Linear(wide, outputs)
        self.activation = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, channels, height, width) to (batch, outputs)."""
        x = self.activation(x)
        if min(x.shape[2:]) >= 5:
            x = F.avg_pool2d(x, 5, stride=3)
        y: Tensor = self.classifier(self.features(F.adaptive_avg_pool2d(x, 2)))
        return y


def operation(name: str, channels: int, stride: int) -> nn.Module:
    """Return the operation ``name`` of the DARTS or NASNet space, with ``channels`` in and out.

    A map of ``size`` pixels leaves it with ``ceil(size / stride)``.
    """
    return _OPERATIONS[name](channels, stride)


def _skip(channels: int, stride: int) -> nn.Module:
    return nn.Identity() if stride == 1 else FactorizedReduction(channels, channels)


def _max_pool(kernel: int) -> Callable[[int, int], nn.Module]:
    return lambda channels, stride: nn.MaxPool2d(kernel, stride, kernel // 2)


def _convolution(kernel: int) -> Callable[[int, int], nn.Module]:
    return lambda channels, stride: ReLUConvBN(channels, channels, kernel, stride)


def _rectangular(kernel: int) -> Callable[[int, int], nn.Module]:
    return lambda channels, stride: Rectangular(channels, kernel, stride)


def _separable(kernel: int) -> Callable[[int, int], nn.Module]:
    return lambda channels, stride: Separable(channels, kernel, stride)


def _dilated(kernel: int) -> Callable[[int, int], nn.Module]:
    return lambda channels, stride: Separable(channels, kernel, stride, times=1, dilation=2)


_OPERATIONS: dict[str, Callable[[int, int], nn.Module]] = {
    "skip_connect": _skip,
    "avg_pool_3x3": lambda channels, stride: nn.AvgPool2d(3, stride, 1, count_include_pad=False),
    "max_pool_3x3": _max_pool(3),
    "max_pool_5x5": _max_pool(5),
    "max_pool_7x7": _max_pool(7),
    "conv_1x1": _convolution(1),
    "conv_3x3": _convolution(3),
    "conv_1x3_3x1": _rectangular(3),
    "conv_1x7_7x1": _rectangular(7),
    "sep_conv_3x3": _separable(3),
    "sep_conv_5x5": _separable(5),
    "sep_conv_7x7": _separable(7),
    "dil_conv_3x3": _dilated(3),
    "dil_conv_5x5": _dilated(5),
}
