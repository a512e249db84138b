"""The layers that the spaces build from; imported by ``build`` alone, so that no driver loads torch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn

ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    # In place where the derivative is a function of the output: one tensor less to write and to keep.
    "relu": lambda: nn.ReLU(inplace=True),
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "elu": lambda: nn.ELU(inplace=True),
    "tanh": nn.Tanh,
}

POOLINGS: dict[str, Callable[..., nn.Module]] = {
    "max_pool": nn.MaxPool2d,
    # Averages over the pixels inside the map only: a constant map stays constant at its borders.
    "avg_pool": lambda **window: nn.AvgPool2d(**window, count_include_pad=False),
}


def group_norm(channels: int) -> nn.Module:
    """Return a group normalisation with at most 8 groups of at least 4 channels each.

    A group of one channel would turn a map of 1x1 into zeros.
    """
    groups = next(count for count in range(8, 0, -1) if count == 1 or channels % (4 * count) == 0)
    return nn.GroupNorm(groups, channels)


NORMS_2D: dict[str, Callable[[int], nn.Module]] = {"batch": nn.BatchNorm2d, "group": group_norm}
NORMS_1D: dict[str, Callable[[int], nn.Module]] = {"batch": nn.BatchNorm1d, "layer": nn.LayerNorm}


class Residual(nn.Module):
    """``activation(body(x) + shortcut(x))``, or without a shortcut ``activation(body(x))``."""

    def __init__(self, body: nn.Module, shortcut: nn.Module | None, activation: nn.Module) -> None:
        super().__init__()
        self.body, self.shortcut, self.activation = body, shortcut, activation

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, inputs, ...) to (batch, outputs, ...)."""
        y: Tensor = self.body(x)
        if self.shortcut is not None:
            # In place is safe: neither a convolution, a linear layer nor a norm keeps its output.
            y += self.shortcut(x)
        activated: Tensor = self.activation(y)
        return activated


def convolution(layer: dict[str, Any], inputs: int, outputs: int) -> nn.Module:
    """Return a ``conv`` or ``separable`` layer; its map is the input's divided by the stride, rounded up.

    Args:
        layer: The settings ``op``, ``kernel``, ``stride``, ``activation``, ``norm``, ``skip``.
        inputs: Channels that come in.
        outputs: Channels that go out.
    """
    kernel, stride, norm = layer["kernel"], layer["stride"], layer["norm"]
    window: dict[str, Any] = {"kernel_size": kernel, "stride": stride, "padding": kernel // 2}
    bias = norm == "none"  # a norm would subtract it again
    if layer["op"] == "separable":
        body: list[nn.Module] = [
            nn.Conv2d(inputs, inputs, groups=inputs, bias=False, **window),
            nn.Conv2d(inputs, outputs, 1, bias=bias),
        ]
    else:
        body = [nn.Conv2d(inputs, outputs, bias=bias, **window)]
    shortcut: nn.Module | None = None
    if layer["skip"]:
        same = inputs == outputs and stride == 1
        shortcut = nn.Identity() if same else nn.Conv2d(inputs, outputs, 1, stride=stride, bias=False)
    return Residual(_normed(body, NORMS_2D, norm, outputs), shortcut, ACTIVATIONS[layer["activation"]]())


def pooling(layer: dict[str, Any]) -> nn.Module:
    """Return a ``max_pool`` or ``avg_pool`` layer, padded like a convolution."""
    kernel = layer["kernel"]
    return POOLINGS[layer["op"]](kernel_size=kernel, stride=layer["stride"], padding=kernel // 2)


def dense(layer: dict[str, Any], inputs: int, outputs: int) -> nn.Module:
    """Return a linear layer with the settings ``activation``, ``norm``, ``dropout`` and ``skip``."""
    body = _normed(
        [nn.Linear(inputs, outputs, bias=layer["norm"] == "none")], NORMS_1D, layer["norm"], outputs
    )
    shortcut: nn.Module | None = None
    if layer["skip"]:
        shortcut = nn.Identity() if inputs == outputs else nn.Linear(inputs, outputs, bias=False)
    block = Residual(body, shortcut, ACTIVATIONS[layer["activation"]]())
    return nn.Sequential(block, *dropout(layer["dropout"]))


def dropout(rate: float) -> list[nn.Module]:
    """Return the dropout of ``rate`` in a list, empty where there is nothing to drop."""
    return [nn.Dropout(rate)] if rate else []


def head(settings: dict[str, Any], channels: int, pixels: int, units: int, outputs: int) -> nn.Module:
    """Return pooling, dense layers and the last linear layer, with dropout before each linear layer.

    Args:
        settings: ``pooling``, ``dense`` and ``dropout``.
        channels: Channels of the feature map.
        pixels: Height times width of the feature map.
        units: Width of each dense layer.
        outputs: Numbers that go out.
    """
    pool = {"avg": nn.AdaptiveAvgPool2d, "max": nn.AdaptiveMaxPool2d}.get(settings["pooling"])
    layers: list[nn.Module] = [pool(1)] if pool else []
    layers.append(nn.Flatten())
    inputs = channels if pool else channels * pixels
    for _ in range(settings["dense"]):
        layers += [*dropout(settings["dropout"]), nn.Linear(inputs, units), nn.ReLU(inplace=True)]
        inputs = units
    return nn.Sequential(*layers, *dropout(settings["dropout"]), nn.Linear(inputs, outputs))


def _normed(
    body: list[nn.Module], norms: dict[str, Callable[[int], nn.Module]], norm: str, outputs: int
) -> nn.Sequential:
    return nn.Sequential(*body, *([norms[norm](outputs)] if norm != "none" else []))


def initialised(network: nn.Module) -> nn.Module:
    """Return ``network`` with the weights of He et al. 2015 (https://arxiv.org/abs/1502.01852), biases zero.

    PyTorch's own default shrinks the signal at each layer, so that chains without norms learn nothing in
    the few epochs that a search gives them. The last linear layer keeps it: small outputs are a good start.
    """
    kinds = (nn.Conv1d, nn.Conv2d, nn.Linear)
    layers = [module for module in network.modules() if isinstance(module, kinds)]
    for layer in layers[:-1]:
        if layer.weight.is_meta:
            continue  # without memory there is nothing to fill, but torch would take a hundred times as long
        depthwise = not isinstance(layer, nn.Linear) and layer.groups > 1  # no activation follows it
        nn.init.kaiming_normal_(layer.weight, nonlinearity="linear" if depthwise else "relu")
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)
    return network
