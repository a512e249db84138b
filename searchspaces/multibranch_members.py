"""Published networks as graphs of ``multibranch``: residual and densely connected ones."""

from __future__ import annotations

from collections.abc import Sequence

from nas_ray.spaces import Config

from .multibranch_graph import SETTINGS, Layer, place

Layers = list[Layer]


def resnet(stem: Layers, widths: Sequence[int], blocks: Sequence[int]) -> Layers:
    """Return a residual network of basic blocks (He et al. 2016, https://arxiv.org/abs/1512.03385).

    A block is a 3x3 convolution, a second one without relu, and the relu of its sum with the block's input.
    Where that input has another shape, the sum projects it (the paper's option B).

    Args:
        stem: The first layers.
        widths: Channels of each stage; every stage but the first begins with stride 2.
        blocks: Blocks of each stage.
    """
    layers = list(stem)
    for stage, (width, count) in enumerate(zip(widths, blocks, strict=True)):
        for block in range(count):
            start, stride = len(layers) - 1, 2 if stage and not block else 1
            layers += [
                _conv("conv_3x3", width, [start], stride=stride),
                _conv("conv_3x3", width, [start + 1], order="conv-norm"),
                {"op": "relu", "inputs": [start, start + 2], "join": "sum"},
            ]
    return [*layers, {"op": "output", "inputs": [len(layers) - 1], "norm": False}]


def densenet(stem: Layers, growth: int, blocks: Sequence[int]) -> Layers:
    """Return a DenseNet-BC (Huang et al. 2017, https://arxiv.org/abs/1608.06993).

    A dense layer concatenates all maps of its block and is a 1x1 convolution to 4 times ``growth`` channels
    and a 3x3 one to ``growth``, both after norm and relu. A transition halves channels and sides.

    Args:
        stem: The first layers.
        growth: The paper's k.
        blocks: Dense layers of each block.
    """
    layers, channels = list(stem), stem[0]["width"]
    for block, count in enumerate(blocks):
        maps = [len(layers) - 1]
        for _ in range(count):
            layers.append(_conv("conv_1x1", 4 * growth, maps, order="norm-act-conv"))
            layers.append(_conv("conv_3x3", growth, [len(layers) - 1], order="norm-act-conv"))
            maps = [*maps, len(layers) - 1]
        channels += count * growth
        if block < len(blocks) - 1:
            channels //= 2
            layers.append(_conv("conv_1x1", channels, maps, order="norm-act-conv"))
            layers.append({"op": "avg_pool", "inputs": [len(layers) - 1], "stride": 2})
    return [*layers, _joined({"op": "output", "inputs": maps, "norm": True})]


def _conv(op: str, width: int, inputs: list[int], *, order: str = "conv-norm-act", stride: int = 1) -> Layer:
    return _joined({"op": op, "order": order, "width": width, "stride": stride, "inputs": inputs})


def _joined(layer: Layer) -> Layer:
    return layer | ({"join": "concat"} if len(layer["inputs"]) > 1 else {})


def _imagenet(width: int) -> Layers:
    """Return a stem that makes maps of a quarter of the image's sides."""
    return [_conv("conv_7x7", width, [], stride=2), {"op": "max_pool", "inputs": [0], "stride": 2}]


def config_of(network: Sequence[Layer]) -> Config:
    """Return the keys of a configuration that say what ``network`` is."""
    config: Config = {}
    for index, layer in enumerate(network):
        name = "output" if layer["op"] == "output" else place(index)
        said = [key for key in ("op", "join", *SETTINGS[layer["op"]]) if key in layer]
        config |= {f"{name}.{key}": layer[key] for key in said if layer[key] != "output"}
        config |= {f"{name}.from.{source}": True for source in layer["inputs"]}
    return config


PUBLISHED: dict[str, Layers] = {
    "resnet18": resnet(_imagenet(64), (64, 128, 256, 512), (2, 2, 2, 2)),
    "densenet121": densenet(_imagenet(64), 32, (6, 12, 24, 16)),
    "small_resnet": resnet([_conv("conv_3x3", 16, [])], (16, 32), (1, 1)),
    "small_densenet": densenet([_conv("conv_3x3", 16, [])], 16, (1, 1)),
}
"""Name -> layers and output; the small ones are of the same kind, for small images."""
