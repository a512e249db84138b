"""The graph of a ``multibranch`` network as numbers for models of performance."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from .multibranch_graph import Layer


def encode(
    layers: Sequence[Layer], choices: Mapping[str, Sequence[Any]], slots: int
) -> tuple[list[float], list[float]]:
    """Return a canonical graph as numbers from 0 to 1: its layers in slots, and a summary.

    A slot holds operation, order, join, width, stride, and which layers are read; the last one is the output.
    The summary is the share of each operation, the number of layers, the mean number of inputs, the length of
    the longest and of the shortest path, the share of concatenations, and the widths and halvings together.

    Args:
        layers: The canonical graph.
        choices: What a layer is chosen from.
        slots: Most layers.
    """
    empty = [[0.0] * len(_slot({"op": "", "inputs": []}, choices, slots))]
    rows = [_slot(layer, choices, slots) for layer in layers]
    rows = rows[:-1] + empty * (slots + 1 - len(rows)) + rows[-1:]
    norm = float(layers[-1]["norm"])
    return [*(number for row in rows for number in row), norm], _summary(layers, choices, slots)


def _slot(layer: Layer, choices: Mapping[str, Sequence[Any]], slots: int) -> list[float]:
    names = [float(layer.get(key) == name) for key in ("op", "order", "join") for name in choices[key]]
    reads = [min(1.0, layer["inputs"].count(source) / 2) for source in range(slots)]
    return [*names, _width(layer, choices), float(layer.get("stride") == 2), *reads]


def _width(layer: Layer, choices: Mapping[str, Sequence[Any]]) -> float:
    return math.log2(1 + layer.get("width", 0)) / math.log2(1 + max(choices["width"]))


def _summary(layers: Sequence[Layer], choices: Mapping[str, Sequence[Any]], slots: int) -> list[float]:
    inner, longest, shortest = layers[:-1], list[int](), list[int]()
    for layer in layers:
        longest.append(1 + max((longest[source] for source in layer["inputs"]), default=0))
        shortest.append(1 + min((shortest[source] for source in layer["inputs"]), default=0))
    ops = [layer["op"] for layer in inner]
    shares = [ops.count(op) / slots for op in choices["op"]]
    reads = sum(len(layer["inputs"]) for layer in layers) / len(layers) / slots
    paths = [longest[-1] / (slots + 1), shortest[-1] / (slots + 1)]
    concats = sum(layer.get("join") == "concat" for layer in layers) / len(layers)
    widths = sum(_width(layer, choices) for layer in inner) / slots
    halvings = sum(layer.get("stride") == 2 for layer in inner) / slots
    return [*shares, len(inner) / slots, reads, *paths, concats, widths, halvings]
