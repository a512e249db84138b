"""The network of a ``multibranch`` graph; imported by ``build`` alone."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import torch
from torch import Tensor, nn

from nas_ray.tasks import Task

from . import modules
from .multibranch_graph import Layer, Shape, joined, shapes


class Join(nn.Module):
    """Several maps as one: their sum or concatenation, after what differs in shape has been matched.

    Args:
        join: ``sum`` or ``concat``.
        inputs: Shapes of the maps that come in, channels scaled.
        target: Shape that goes out.
    """

    def __init__(self, join: str, inputs: Sequence[Shape], target: Shape) -> None:
        super().__init__()
        self.join = join
        match = _pooled if join == "concat" else _projected
        self.matches = nn.ModuleList(match(shape, target) for shape in inputs)

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        """Map tensors of (batch, channels, height, width) to one."""
        matched = [match(each) for match, each in zip(self.matches, maps, strict=True)]
        return torch.cat(matched, dim=1) if self.join == "concat" else reduce(torch.add, matched)


def _projected(shape: Shape, target: Shape) -> nn.Module:
    """Return He et al.'s projection, a strided 1x1 convolution with norm, where the shape differs."""
    if shape == target:
        return nn.Identity()
    stride = 2 ** (target.halvings - shape.halvings)
    return nn.Sequential(
        nn.Conv2d(shape.channels, target.channels, 1, stride=stride, bias=False),
        nn.BatchNorm2d(target.channels),
    )


def _pooled(shape: Shape, target: Shape) -> nn.Module:
    side = 2 ** (target.halvings - shape.halvings)
    return nn.AvgPool2d(side, ceil_mode=True) if side > 1 else nn.Identity()


class Node(nn.Module):
    """A layer: joins its inputs, then does its work."""

    def __init__(self, layer: Layer, inputs: Sequence[Shape], outputs: int) -> None:
        super().__init__()
        inside = joined(layer, inputs)
        self.join = Join(layer.get("join", "sum"), inputs, inside)
        self.work = _work(layer, inside.channels, outputs)

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        """Map tensors of (batch, channels, height, width) to one."""
        y: Tensor = self.work(self.join(maps))
        return y


class Graph(nn.Module):
    """Layers that read the maps of earlier ones; the last one is the output.

    Args:
        layers: The canonical graph.
        task: The problem.
    """

    def __init__(self, layers: Sequence[Layer], task: Task) -> None:
        super().__init__()
        plan = shapes(dict(enumerate(layers)), task.input_shape[0], task.scaled)
        self.inputs: list[list[int]] = [layer["inputs"] for layer in layers]
        self.nodes = nn.ModuleList()
        for layer, (_, inputs, outside) in zip(layers, plan, strict=True):
            self.nodes.append(Node(layer, inputs, outside.channels))
            self.channels = outside.channels

    def forward(self, x: Tensor) -> Tensor:
        """Map images, (batch, channels, height, width), to the map of the output."""
        maps: list[Tensor] = []
        for inputs, node in zip(self.inputs, self.nodes, strict=True):
            maps.append(node([maps[source] for source in inputs] or [x]))
        return maps[-1]


def _work(layer: Layer, inputs: int, outputs: int) -> nn.Module:
    """Return what a layer does to its joined inputs."""
    op, stride = layer["op"], layer.get("stride", 1)
    if op == "relu":
        return nn.ReLU()  # not in place: others may read the map that comes in
    if op == "output":
        return nn.Sequential(*([nn.BatchNorm2d(inputs), nn.ReLU(inplace=True)] if layer["norm"] else []))
    if op == "max_pool":
        return nn.MaxPool2d(3, stride, padding=1)
    if op == "avg_pool" and stride == 1:
        return nn.AvgPool2d(3, 1, padding=1, count_include_pad=False)
    if op == "avg_pool":
        return nn.AvgPool2d(2, 2, ceil_mode=True, count_include_pad=False)
    steps: dict[str, list[nn.Module]] = {
        "conv": _convolution(op, inputs, outputs, stride),
        "norm": [nn.BatchNorm2d(inputs if layer["order"].startswith("norm") else outputs)],
        "act": [nn.ReLU(inplace=True)],
    }
    return nn.Sequential(*(module for step in layer["order"].split("-") for module in steps[step]))


def _convolution(op: str, inputs: int, outputs: int, stride: int) -> list[nn.Module]:
    """Return a convolution, or for ``separable`` a depthwise one and a pointwise one."""
    kind, side = op.split("_")
    kernel = int(side[0])
    if kind == "conv":
        return [nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, bias=False)]
    return [
        nn.Conv2d(inputs, inputs, kernel, stride, padding=kernel // 2, groups=inputs, bias=False),
        nn.Conv2d(inputs, outputs, 1, bias=False),
    ]


def network(layers: Sequence[Layer], task: Task) -> nn.Module:
    """Return the graph, global average pooling and a linear layer."""
    graph = Graph(layers, task)
    head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(graph.channels, task.outputs)]
    return modules.initialised(nn.Sequential(graph, *head))
