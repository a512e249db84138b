import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
import torchvision
from torch import nn

from nas_ray.costs.counting import count
from nas_ray.errors import InvalidConfig, SpaceError, Unsupported
from nas_ray.searchspaces import chain_members, layouts, modules, options
from nas_ray.searchspaces.chain import Chain
from nas_ray.spaces import Config
from nas_ray.tasks import Task

DIGITS = Task(kind="classification", input_shape=(1, 8, 8), outputs=10)
IMAGENET = Task(kind="classification", input_shape=(3, 224, 224), outputs=1000)
SPACE = Chain()
LAYER = {
    "op": "conv",
    "kernel": 3,
    "stride": 1,
    "width": 16,
    "activation": "relu",
    "norm": "none",
    "skip": False,
}


def chain(*layers: dict[str, object], **head: object) -> Config:
    """Return a configuration of these layers; what is not said is as in LAYER, with a plain head."""
    rows = [{**LAYER, **layer} for layer in layers] + [LAYER] * (6 - len(layers))
    config: Config = {"depth": len(layers)}
    for index, row in enumerate(rows):
        config |= {f"layer{index}.{key}": value for key, value in row.items()}
    plain = {"pooling": "avg", "dense": 0, "units": 32, "dropout": 0.0}
    return SPACE.check(config | {f"head.{key}": value for key, value in (plain | head).items()})


CONV: dict[str, object] = {}
HALVING = {"stride": 2}
MAX = {"op": "max_pool"}
AVG = {"op": "avg_pool"}


def test_golden_ids() -> None:
    config = chain({"skip": True, "norm": "batch"}, MAX, {"op": "separable", "width": 32}, dense=1)
    assert SPACE.architecture_id(config) == "bd0decd1452e13a090577ce78743bafe"
    assert SPACE.config_id(config) == "321ea29c491f06e8e469455abb9ee0e4"


def test_known_sizes() -> None:
    # Convolutions: 2 operations, 2 kernels, 2 strides, 4 widths, 3 activations, 3 norms, skip or not.
    # Poolings: 2 operations, 2 kernels, 2 strides. Heads: 3 poolings, 3 rates, 1 + 2 * 3 dense parts.
    convolutions, poolings, heads = 8 * 4 * 3 * 3 * 2, 8, 3 * 3 * 7
    chains = sum(convolutions * (convolutions + poolings) ** more for more in range(6))
    assert SPACE.size() == chains * heads == 2469286947682376640
    assert Chain(max_depth=1, ops=["conv"], kernels=[3], widths=[8], max_dense=0).size() == 36 * 9


VGG_SETTINGS: dict[str, Any] = {
    "max_depth": 18,
    "widths": [64, 128, 256, 512],
    "units": [4096],
    "dropouts": [0.5],
}


@pytest.mark.parametrize(("name", "count"), [("vgg11", 132_863_336), ("vgg16", 138_357_544)])
def test_vgg_has_torchvisions_parameters(name: str, count: int) -> None:
    """Simonyan and Zisserman 2015, table 2: 133 and 138 million."""
    space = Chain(**VGG_SETTINGS)
    with torch.device("meta"):
        ours = space.build(space.members()[name], IMAGENET)
        theirs = getattr(torchvision.models, name)()
    assert [weight.shape for weight in ours.parameters()] == [weight.shape for weight in theirs.parameters()]
    assert sum(weight.numel() for weight in ours.parameters()) == count


def test_a_network_of_naap440_is_a_member_of_the_default_space(shared_data: Path) -> None:
    """And so are all its networks of 3x3 convolutions without residual connections, with their widths."""
    cifar10 = Task(kind="classification", input_shape=(3, 32, 32), outputs=10)
    table = pd.read_parquet(shared_data / "naap440_archs.parquet").set_index("model_id")
    assert SPACE.members().keys() == {"naap440_429"}
    assert count(SPACE, SPACE.members()["naap440_429"], cifar10).params == table.loc[429, "params"] == 20_554
    space, checked = Chain(max_depth=4, widths=[12, 16, 24, 32, 40]), 0
    (_, head) = chain_members.PUBLISHED["naap440_429"]
    for scheme, params in zip(table["scheme"].map(json.loads), table["params"], strict=True):
        if any(layer["residual"] or layer["kernel_size"] != 3 for layer in scheme):
            continue
        layers = [chain_members.convolution(layer["width"], "batch", layer["stride"]) for layer in scheme]
        config = space.check(
            layouts.layered(layers, 4, space._choices())
            | {"head.units": 32, **{f"head.{key}": value for key, value in head.items()}}
        )
        assert count(space, config, cifar10).params == params
        checked += 1
    assert checked == 96


def test_a_network_is_scaled_to_more_channels_and_other_data() -> None:
    larger = SPACE.scale(SPACE.members()["naap440_429"], widths=[16, 24, 32, 64])
    task = Task(kind="classification", input_shape=(3, 64, 64), outputs=100, width=2)
    network = larger.build(task)
    assert network(torch.zeros(1, 3, 64, 64)).shape == (1, 100)
    assert network[-1][-1].in_features == 64
    with pytest.raises(InvalidConfig, match=r"layer1\.width"):
        SPACE.scale(SPACE.members()["naap440_429"], widths=[16, 32])


def test_no_pooling_first() -> None:
    assert SPACE.violations(chain(AVG, CONV)) == [
        "no pooling first: `layer0.op` must be conv or separable, but got 'avg_pool'"
    ]


def test_no_dense_layer_before_the_first_convolution() -> None:
    assert SPACE.violations(chain(MAX, AVG, dense=1))[1] == (
        "no dense layer before the first convolution: the head needs a conv or separable layer before it, "
        "but there are only max_pool, avg_pool"
    )


def test_the_map_never_gets_below_1x1() -> None:
    config = chain(HALVING, {**MAX, **HALVING}, HALVING, CONV, HALVING)
    assert SPACE.violations(config) == []
    assert SPACE.violations(config, DIGITS) == [
        "feature map never below 1x1: `layer4.stride` 2 meets a map of 1x1 (images of 8x8)"
    ]
    assert SPACE.violations(config, DIGITS.at(resolution=9)) == []
    assert SPACE.violations(chain(HALVING, HALVING, HALVING), DIGITS.at(resolution=4)) != []


def test_a_map_of_1x1_is_still_a_map() -> None:
    network = SPACE.build(chain(HALVING, HALVING, HALVING, {"kernel": 5}), DIGITS)
    assert network[:-1](torch.zeros(2, 1, 8, 8)).shape == (2, 16, 1, 1)


def test_tables_are_refused_in_words() -> None:
    table = Task(kind="regression", input_shape=(7,), outputs=1)
    for config in (chain(CONV), chain(AVG)):
        (broken,) = SPACE.violations(config, table)
        assert broken == "space 'chain' takes images, but got tables of shape (7,)"
    with pytest.raises(SpaceError, match="takes images"):
        SPACE.sample(np.random.default_rng(0), table)
    with pytest.raises(Unsupported, match="takes images"):
        SPACE.check_task(table)


def test_a_broken_rule_is_not_built() -> None:
    with pytest.raises(InvalidConfig, match="no pooling first"):
        SPACE.build(chain(MAX, CONV), DIGITS)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (chain(CONV, {**MAX, "width": 48, "skip": True}, CONV), chain(CONV, MAX, CONV)),
        (chain(CONV, units=128), chain(CONV)),
        (chain(CONV, MAX, MAX, CONV), chain(CONV, {**MAX, "kernel": 5}, CONV)),
        (chain(CONV, {**MAX, **HALVING}, MAX, pooling="max"), chain(CONV, pooling="max")),
    ],
)
def test_equal_networks_coincide(one: Config, other: Config) -> None:
    assert SPACE.architecture_id(one) == SPACE.architecture_id(other)
    assert SPACE.features(one).tolist() == SPACE.features(other).tolist()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (chain(CONV, MAX, MAX), chain(CONV, MAX, AVG)),
        (chain(CONV, AVG, AVG), chain(CONV, {**AVG, "kernel": 5})),
        (chain(CONV, {**MAX, **HALVING}, MAX), chain(CONV, MAX, {**MAX, **HALVING})),
        (chain(CONV, MAX, pooling="avg"), chain(CONV, pooling="avg")),
    ],
)
def test_other_networks_do_not(one: Config, other: Config) -> None:
    assert SPACE.architecture_id(one) != SPACE.architecture_id(other)


@pytest.mark.parametrize("side", [1, 2, 3, 4, 5, 7, 8, 11, 28])
@pytest.mark.parametrize("first", [(3, 1), (5, 1), (3, 2), (5, 2)])
@pytest.mark.parametrize("second", [(3, 1), (5, 2)])
def test_joined_max_poolings_compute_the_same(
    side: int, first: tuple[int, int], second: tuple[int, int]
) -> None:
    rows = [{**MAX, "kernel": kernel, "stride": stride} for kernel, stride in (first, second)]
    (joined,) = SPACE.canonical(chain(CONV, *rows))["layers"][1:]
    maps = torch.randn(3, 2, side, side, generator=torch.Generator().manual_seed(0))
    apart = modules.pooling(rows[1])(modules.pooling(rows[0])(maps))
    assert torch.equal(modules.pooling(joined)(maps), apart)
    assert torch.equal(apart.amax((2, 3)), maps.amax((2, 3)))


@pytest.mark.parametrize(
    "change",
    [
        {"layer0.op": "separable"},
        {"layer0.kernel": 5},
        {"layer0.stride": 2},
        {"layer0.width": 32},
        {"layer0.activation": "silu"},
        {"layer0.norm": "batch"},
        {"layer0.skip": True},
        {"layer1.kernel": 5},
        {"head.pooling": "flatten"},
        {"head.dense": 2},
        {"head.units": 64},
        {"head.dropout": 0.3},
        {"depth": 1},
    ],
)
def test_every_setting_makes_another_network(change: Config) -> None:
    config = chain(CONV, AVG, dense=1)
    assert SPACE.architecture_id(config) != SPACE.architecture_id(config | change)
    assert SPACE.features(config).tolist() != SPACE.features(config | change).tolist()


@pytest.mark.parametrize(
    ("layer", "kind"),
    [
        ({"norm": "batch"}, nn.BatchNorm2d),
        ({"norm": "group"}, nn.GroupNorm),
        ({"activation": "relu"}, nn.ReLU),
        ({"activation": "gelu"}, nn.GELU),
        ({"activation": "silu"}, nn.SiLU),
        ({"activation": "elu"}, nn.ELU),
        ({"activation": "tanh"}, nn.Tanh),
        ({"op": "max_pool"}, nn.MaxPool2d),
        ({"op": "avg_pool"}, nn.AvgPool2d),
    ],
)
def test_options_occur_in_the_network(layer: dict[str, object], kind: type[nn.Module]) -> None:
    space = Chain(activations=options.ACTIVATIONS)
    config = chain(CONV, CONV) | {f"layer1.{key}": value for key, value in layer.items()}
    assert any(isinstance(module, kind) for module in space.build(config, DIGITS).modules())


def test_separable_layers_are_depthwise_then_pointwise() -> None:
    network = SPACE.build(chain({"width": 32}, {"op": "separable", "kernel": 5, "norm": "batch"}), DIGITS)
    depthwise, pointwise, norm = network[1].body
    assert (depthwise.groups, depthwise.kernel_size, depthwise.bias) == (32, (5, 5), None)
    assert (pointwise.kernel_size, pointwise.out_channels, pointwise.bias) == ((1, 1), 16, None)
    assert isinstance(norm, nn.BatchNorm2d)


def test_skips_add_the_input_or_its_projection() -> None:
    network = SPACE.build(chain({"skip": True}, {"skip": True}, {"skip": True, "stride": 2}), DIGITS)
    assert network[0].shortcut.weight.shape == (16, 1, 1, 1)
    assert isinstance(network[1].shortcut, nn.Identity)
    assert network[2].shortcut.stride == (2, 2)
    maps = torch.randn(2, 16, 8, 8)
    expected = torch.relu(network[1].body(maps) + maps)
    assert torch.allclose(network[1](maps), expected)
    assert not torch.allclose(network[1].body(maps).relu(), expected)


def test_heads_have_the_layers_asked_for() -> None:
    flat = SPACE.build(chain(HALVING, pooling="flatten", dense=2, units=64, dropout=0.3), DIGITS)[-1]
    widths = [(layer.in_features, layer.out_features) for layer in flat if isinstance(layer, nn.Linear)]
    assert widths == [(16 * 4 * 4, 64), (64, 64), (64, 10)]
    assert [layer.p for layer in flat if isinstance(layer, nn.Dropout)] == [0.3] * 3
    assert isinstance(SPACE.build(chain(CONV, pooling="max"), DIGITS)[-1][0], nn.AdaptiveMaxPool2d)


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 28, 20), (4, 5, 9)])
@pytest.mark.parametrize("pooling", ["avg", "max", "flatten"])
def test_forward_shapes(shape: tuple[int, int, int], pooling: str) -> None:
    task = Task(kind="regression", input_shape=shape, outputs=3)
    network = SPACE.build(chain(CONV, {**MAX, **HALVING}, HALVING, AVG, pooling=pooling), task)
    assert network(torch.zeros(2, *shape)).shape == (2, 3)


def test_channels_last_gives_the_same_numbers() -> None:
    config = chain(
        {"norm": "batch", "skip": True}, {**MAX, **HALVING}, {"op": "separable"}, pooling="flatten"
    )
    network, images = SPACE.build(config, DIGITS).eval(), torch.randn(2, 1, 8, 8)
    expected = network(images)
    last = network.to(memory_format=torch.channels_last)(images.to(memory_format=torch.channels_last))
    assert torch.allclose(expected, last, atol=1e-5)


def test_groups_never_hold_a_single_channel_of_many() -> None:
    groups = {channels: modules.group_norm(channels).num_groups for channels in (1, 6, 8, 16, 48, 64, 96)}
    assert groups == {1: 1, 6: 1, 8: 2, 16: 4, 48: 6, 64: 8, 96: 8}


def test_the_drawing() -> None:
    config = chain(
        {"norm": "batch", "stride": 2, "skip": True},
        AVG,
        {"op": "separable"},
        pooling="max",
        dense=1,
        dropout=0.1,
    )
    assert SPACE.describe(config).splitlines() == [
        "input",
        "-> conv 3x3, 16 channels, stride 2, batch norm, relu, skip",
        "-> avg_pool 3x3",
        "-> separable 3x3, 16 channels, relu",
        "-> global max pooling",
        "-> dropout 0.1, dense 32, relu",
        "-> dropout 0.1, dense to the outputs",
    ]
    assert SPACE.graphs(config)["network"] == [
        ("input", "layer 0", "conv 3x3, 16 channels, stride 2, batch norm, relu"),
        ("layer 0", "layer 1", "avg_pool 3x3"),
        ("layer 1", "layer 2", "separable 3x3, 16 channels, relu"),
        (
            "layer 2",
            "output",
            "global max pooling; dropout 0.1, dense 32, relu; dropout 0.1, dense to the outputs",
        ),
        ("input", "layer 0", "skip"),
    ]
