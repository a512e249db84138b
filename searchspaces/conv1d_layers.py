"""The layers of a ``conv1d`` configuration by arithmetic: reading, lengths, published networks, drawing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nas_ray.spaces import Config

Layer = dict[str, Any]

KEYS = ("kernel", "dilation", "stride", "pool", "width", "activation", "norm", "skip")
PLAIN: Layer = {"dilation": 1, "stride": 1, "pool": 1, "activation": "relu", "norm": "batch", "skip": False}


def _audio(*widths: int, pooled: Sequence[int]) -> list[Layer]:
    """A network of Dai et al. 2017, table 1; ``pooled`` are the layers at the ends of its groups."""
    layers = [{**PLAIN, "kernel": 3, "width": width} for width in widths]
    layers[0] |= {"kernel": 80, "stride": 4}
    for index in pooled:
        layers[index]["pool"] = 4
    return layers


PUBLISHED: Mapping[str, list[Layer]] = {
    "fcn": [{**PLAIN, "kernel": kernel, "width": width} for kernel, width in ((8, 128), (5, 256), (3, 128))],
    "m3": _audio(256, 256, pooled=(0, 1)),
    "m5": _audio(128, 128, 256, 512, pooled=(0, 1, 2, 3)),
    "m11": _audio(64, 64, 64, 128, 128, 256, 256, 256, 512, 512, pooled=(0, 2, 4, 7)),
}
"""FCN is of Wang et al. 2017, the others are of Dai et al. 2017."""


def read(config: Config) -> list[Layer]:
    """Return the layers within ``depth``, each with the settings that have an effect."""
    layers = [{key: config[f"layer{index}.{key}"] for key in KEYS} for index in range(config["depth"])]
    for layer in layers:
        if layer["kernel"] == 1:
            del layer["dilation"]
    if config["head.pooling"] == "max":
        del layers[-1]["pool"]
    return layers


def repeated(layer: Layer, times: int) -> list[Layer]:
    """Return ``layer`` as a row of layers that strides and pools once."""
    row = [{**layer, "stride": 1, "pool": 1} for _ in range(times)]
    row[0]["stride"], row[-1]["pool"] = layer["stride"], layer.get("pool", 1)
    return row


def padding(layer: Layer) -> tuple[int, int]:
    """Return the zeros before and after a series; an even window leans towards what comes."""
    total = layer.get("dilation", 1) * (layer["kernel"] - 1)
    return total // 2, total - total // 2


def shape_violations(layers: Sequence[Layer], repeats: int, steps: int) -> list[str]:
    """Return the first layer that a series of ``steps`` is too short for, in words, or nothing."""
    left = steps
    for index, layer in enumerate(layers):
        for part in repeated(layer, repeats):
            if padding(part)[1] >= left:
                return [
                    f"no part of a kernel reads padding alone: `layer{index}.kernel` {part['kernel']} with "
                    f"dilation {part.get('dilation', 1)} meets {left} steps (series of {steps})"
                ]
            for key in ("stride", "pool"):
                if left < part[key]:
                    return [
                        f"series never below one step: `layer{index}.{key}` {part[key]} meets {left} steps "
                        f"(series of {steps})"
                    ]
                left = -(-left // part[key])
    return []


def published(slots: int) -> dict[str, Config]:
    """Return the published networks, with keys for at least ``slots`` layers each."""
    found: dict[str, Config] = {}
    for name, layers in PUBLISHED.items():
        # Layers beyond the depth do not count, whatever they are.
        depth = max(len(layers), slots)
        padded = [layers[min(index, len(layers) - 1)] for index in range(depth)]
        config = {f"layer{index}.{key}": layer[key] for index, layer in enumerate(padded) for key in KEYS}
        config |= {"depth": len(layers), "head.pooling": "avg", "head.dropout": 0.0}
        found[name] = config
    return found


def draw(layer: Layer) -> str:
    """Return ``layer`` in words, such as ``conv 8, 128 channels, stride 2, batch norm, relu, max pool 4``."""
    words = [f"conv {layer['kernel']}", f"{layer['width']} channels"]
    words += [f"{key} {layer[key]}" for key in ("dilation", "stride") if layer.get(key, 1) > 1]
    words += [] if layer["norm"] == "none" else [f"{layer['norm']} norm"]
    words += [*(["skip"] if layer["skip"] else []), layer["activation"]]
    words += [f"max pool {layer['pool']}"] if layer.get("pool", 1) > 1 else []
    return ", ".join(words)
