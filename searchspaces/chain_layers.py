"""The layers of a ``chain`` configuration by arithmetic: reading, merging, map sizes, numbers, drawing."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from nas_ray.spaces import Config
from nas_ray.tasks import Task

Layer = dict[str, Any]

POOLING_KEYS = ("op", "kernel", "stride")
CONVOLUTION_KEYS = (*POOLING_KEYS, "width", "activation", "norm", "skip")
KEYS = {
    "conv": CONVOLUTION_KEYS,
    "separable": CONVOLUTION_KEYS,
    "max_pool": POOLING_KEYS,
    "avg_pool": POOLING_KEYS,
}
"""The settings that matter for each operation; a pooling keeps the channels of the layer before it."""

POOLINGS = ("max_pool", "avg_pool")


def read(config: Config) -> list[Layer]:
    """Return the layers within ``depth``, each with the settings that its operation uses."""
    return [
        {key: config[f"layer{index}.{key}"] for key in KEYS[config[f"layer{index}.op"]]}
        for index in range(config["depth"])
    ]


def read_head(config: Config) -> dict[str, Any]:
    """Return the settings of the head that matter."""
    keys = ("pooling", "dense", "dropout", *(("units",) if config["head.dense"] else ()))
    return {key: config[f"head.{key}"] for key in keys}


def idle(layers: Sequence[Layer], pooling: str) -> int:
    """Return how many layers at the end change nothing.

    These are max poolings before a global maximum: their windows cover every pixel, for a stride of at
    most 2 and a kernel of at least 3.
    """
    if pooling != "max":
        return 0
    return next(
        (count for count, layer in enumerate(reversed(layers)) if layer["op"] != "max_pool"), len(layers)
    )


def joined(layers: Sequence[Layer]) -> list[Layer]:
    """Return ``layers`` with max poolings in a row as one.

    A window k2 with stride s2 over maxima of windows k1 taken every s1 pixels is the maximum of a window
    ``k1 + s1 (k2 - 1)`` with stride ``s1 s2``. Padding never wins a maximum, so this is exact at borders too.
    """
    kept: list[Layer] = []
    for layer in layers:
        before = kept[-1] if kept else layer
        if kept and before["op"] == layer["op"] == "max_pool":
            kernel = before["kernel"] + before["stride"] * (layer["kernel"] - 1)
            kept[-1] = {"op": "max_pool", "kernel": kernel, "stride": before["stride"] * layer["stride"]}
        else:
            kept.append(layer)
    return kept


def after(size: int, layer: Layer) -> int:
    """Return the side of the map that leaves ``layer``, for the side that enters it, both in pixels."""
    stride: int = layer["stride"]
    return -(-size // stride)


def shape_violations(layers: Sequence[Layer], task: Task) -> list[str]:
    """Return the first layer whose stride brings the map of an image task below 1x1, in words, or nothing."""
    _, height, width = task.input_shape
    for index, layer in enumerate(layers):
        if min(height, width) < layer["stride"]:
            return [
                f"feature map never below 1x1: `layer{index}.stride` {layer['stride']} meets a map of "
                f"{height}x{width} (images of {task.input_shape[1]}x{task.input_shape[2]})"
            ]
        height, width = after(height, layer), after(width, layer)
    return []


def encode(choices: Mapping[str, Sequence[Any]], layer: Layer | None) -> list[float]:
    """Return a layer as numbers: names one-hot, sizes relative to the largest on offer, widths by logarithm.

    Args:
        choices: What a layer is chosen from.
        layer: A canonical layer, with a window that may be wider than any on offer; None is an empty slot.
    """
    row: list[float] = []
    layer = layer or {}
    for key, offered in choices.items():
        if isinstance(offered[0], str):
            row += [float(layer.get(key) == name) for name in offered]
        elif key == "width":
            row.append(math.log2(1 + layer.get(key, 0)) / math.log2(1 + max(offered)))
        else:
            row.append(layer.get(key, 0) / max(offered))
    return row


def draw(layer: Layer) -> str:
    """Return ``layer`` in words, such as ``conv 3x3, 16 channels, stride 2, batch norm, relu, skip``."""
    words = [f"{layer['op']} {layer['kernel']}x{layer['kernel']}"]
    if layer["op"] not in POOLINGS:
        words.append(f"{layer['width']} channels")
    if layer["stride"] > 1:
        words.append(f"stride {layer['stride']}")
    if layer["op"] not in POOLINGS:
        words += [] if layer["norm"] == "none" else [f"{layer['norm']} norm"]
        words += [layer["activation"], *(["skip"] if layer["skip"] else [])]
    return ", ".join(words)


def draw_head(head: Mapping[str, Any]) -> list[str]:
    """Return the head in words, a line for the pooling and one for each linear layer."""
    dropout = f"dropout {head['dropout']}, " if head["dropout"] else ""
    pooling = "flatten" if head["pooling"] == "flatten" else f"global {head['pooling']} pooling"
    dense = [f"{dropout}dense {head.get('units')}, relu"] * head["dense"]
    return [pooling, *dense, f"{dropout}dense to the outputs"]
