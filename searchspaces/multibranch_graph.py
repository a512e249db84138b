"""The graph of a ``multibranch`` configuration by arithmetic: what is alive, its order, its shapes.

A graph is a list of layers, each a dict with ``op``, the settings that its operation uses, the numbers of
its ``inputs``, and ``join`` where there are several; the output is one more such dict at the end.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from nas_ray.spaces import Config

Layer = dict[str, Any]

CONVOLUTIONS = ("conv_1x1", "conv_3x3", "conv_5x5", "conv_7x7", "separable_3x3", "separable_5x5")
SETTINGS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(CONVOLUTIONS, ("order", "width", "stride")),
    "max_pool": ("stride",),
    "avg_pool": ("stride",),
    "relu": (),
    "output": ("norm",),
}
"""Operation -> the settings that it uses."""

ORDERS = ("conv-norm-act", "norm-act-conv", "conv-norm")
JOINS = ("sum", "concat")


def place(index: int) -> str:
    """Return the prefix of the keys of a layer."""
    return f"layer{index}"


def sources(config: Config, name: str, before: int) -> list[int]:
    """Return the layers that ``name`` says it reads, of those ``before`` it."""
    return [source for source in range(before) if config[f"{name}.from.{source}"]]


class Wiring(NamedTuple):
    """Which layers matter.

    Args:
        wanted: Layers that the output reads, directly or through others, whether or not a path from layer 0
            leads to them.
        inputs: For each of these that a path leads to, and for the output (-1), the layers of them it reads.
    """

    wanted: set[int]
    inputs: dict[int, list[int]]


def wiring(config: Config, layers: int) -> Wiring:
    """Return which of ``layers`` layers matter in ``config``."""
    read = {-1: sources(config, "output", layers)}
    wanted = {0, *read[-1]}
    for index in range(layers - 1, 0, -1):
        if index in wanted:
            read[index] = sources(config, place(index), index)
            wanted.update(read[index])
    inputs: dict[int, list[int]] = {0: []}
    for index in [*sorted(wanted - {0}), -1]:
        reached = [source for source in read[index] if source in inputs]
        if reached or index == -1:
            inputs[index] = reached
    return Wiring(wanted, inputs)


def read(config: Config, layers: int) -> dict[int, Layer]:
    """Return the layers that matter and the output (-1), by their number in ``config``.

    A ``relu`` of one layer that ends with a relu is that layer, and left out.
    """
    wires, graph, same = wiring(config, layers), dict[int, Layer](), dict[int, int]()
    for index, inputs in wires.inputs.items():
        name = "output" if index == -1 else place(index)
        op = "output" if index == -1 else config[f"{name}.op"]
        layer = {"op": op, **{key: config[f"{name}.{key}"] for key in SETTINGS[op]}}
        layer["inputs"] = [same.get(source, source) for source in inputs]
        if len(inputs) > 1:
            layer["join"] = config[f"{name}.join"]
        if op == "relu" and len(inputs) == 1 and _ends_with_relu(graph[layer["inputs"][0]]):
            same[index] = layer["inputs"][0]
        else:
            graph[index] = layer
    return graph


def _ends_with_relu(layer: Layer) -> bool:
    return layer["op"] == "relu" or layer.get("order") == "conv-norm-act"


def ordered(graph: dict[int, Layer]) -> list[Layer]:
    """Return ``graph`` as a list that does not depend on how its layers were numbered.

    Layers are sorted by their depth (the longest path from layer 0), then by a text of all that leads to
    them, then by one of all that they lead to. Layers that agree in all three keep their order: they are
    nearly always interchangeable, and where they are not, one network may have two canonical forms.
    """
    own, depth, before, after = dict[int, str](), dict[int, int](), dict[int, str](), dict[int, str]()
    readers: dict[int, list[int]] = {index: [] for index in graph}
    for index, layer in graph.items():
        inputs = layer["inputs"]
        depth[index] = 1 + max((depth[source] for source in inputs), default=0)
        own[index] = "".join(f"{key}={value};" for key, value in layer.items() if key != "inputs")
        before[index] = _digest(own[index], sorted(before[source] for source in inputs))
        for source in inputs:
            readers[source].append(index)
    for index in reversed(graph):
        after[index] = _digest(own[index], sorted(after[reader] for reader in readers[index]))
    inner = sorted((i for i in graph if i >= 0), key=lambda i: (depth[i], before[i], after[i], i))
    numbers = {old: new for new, old in enumerate(inner)}
    return [
        {**graph[old], "inputs": sorted(numbers[source] for source in graph[old]["inputs"])}
        for old in [*inner, -1]
    ]


def _digest(own: str, around: list[str]) -> str:
    """Return a short text for a layer and those next to it, the same in every process."""
    return hashlib.sha256(f"{own}{around}".encode()).hexdigest()[:16]


def count(layers: int, settings: int, joins: int) -> int:
    """Return the number of configurations of ``from`` keys, joins and settings, of those that matter.

    Layer by layer, for each number of wanted layers so far that are reached (r) or not (u). A wanted layer is
    read by a later one: those that none reads are taken off again (inclusion and exclusion). One that is
    reached reads some of the r, and of the u whatever it likes; one that is not reads any of the u alone, and
    its settings do not matter.

    Args:
        layers: Layers with layer 0, whose settings are not counted; the output is one more.
        settings: Operations of a layer with their settings.
        joins: Ways to join several inputs.
    """

    def subsets(sources: int) -> int:
        several: int = 2**sources - 1 - sources
        return sources + joins * several

    counts = {(1, 0): 1}
    for _ in range(1, layers):
        after = dict(counts)  # the layer is not wanted
        for (r, u), number in counts.items():
            reached, not_reached = number * settings * subsets(r) * 2**u, number * 2**u
            for state, more in (((r + 1, u), reached), ((r, u + 1), not_reached)):
                after[state] = after.get(state, 0) + more
            after[r, u] -= reached + not_reached  # nothing reads it
        counts = after
    return sum(number * subsets(r) * 2**u for (r, u), number in counts.items())


class Shape(NamedTuple):
    """Channels of a map, and how many times its sides were halved."""

    channels: int
    halvings: int


def joined(layer: Layer, shapes: Sequence[Shape]) -> Shape:
    """Return the shape that the inputs of ``layer`` are joined to.

    It has the size of the smallest map, and for a sum the channels of the widest.

    Args:
        layer: A layer.
        shapes: The shapes of its inputs.
    """
    channels = [shape.channels for shape in shapes]
    together = sum(channels) if layer.get("join") == "concat" else max(channels)
    return Shape(together, max(shape.halvings for shape in shapes))


def shapes(
    graph: dict[int, Layer], image: int = 1, scaled: Callable[[int], int] = int
) -> Iterator[tuple[int, list[Shape], Shape]]:
    """Yield for each layer its number, the shapes of its inputs, and that of its output.

    Args:
        graph: Layers by number, inputs before their readers; layer 0 reads the image.
        image: Channels of the image.
        scaled: What becomes of a width.
    """
    found: dict[int, Shape] = {}
    for index, layer in graph.items():
        inputs = [found[source] for source in layer["inputs"]] or [Shape(image, 0)]
        inside = joined(layer, inputs)
        channels = scaled(layer["width"]) if "width" in layer else inside.channels
        found[index] = Shape(channels, inside.halvings + int(layer.get("stride") == 2))
        yield index, inputs, found[index]


def draw(layer: Layer) -> str:
    """Return a layer in words, such as ``conv_3x3, 16 channels, stride 2, norm-act-conv``."""
    words = [layer["op"]]
    words += [f"{layer['width']} channels"] if "width" in layer else []
    words += [f"stride {layer['stride']}"] if layer.get("stride", 1) > 1 else []
    words += [layer["order"]] if layer.get("order", "conv-norm-act") != "conv-norm-act" else []
    return ", ".join(words + ["after norm and relu"] * layer.get("norm", False))
