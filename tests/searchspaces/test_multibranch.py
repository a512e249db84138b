"""Graphs of layers: ResNet-18 and DenseNet-121 against torchvision's, and what is the same graph."""

from itertools import permutations

import numpy as np
import pytest
import torch
import torchvision
from torch import nn

from nas_ray.errors import ConfigError, InvalidConfig, UnknownName
from nas_ray.searchspaces.multibranch import MultiBranch
from nas_ray.spaces import Config, SearchSpace, canonical_json, load_space
from nas_ray.tasks import Task
from nas_ray.testing.spaces import SearchSpaceConformance

DIGITS = Task(kind="classification", input_shape=(1, 8, 8), outputs=10)
SPACE = MultiBranch()
LAYER = {"op": "conv_3x3", "order": "conv-norm-act", "width": 8, "stride": 1}


class TestMultiBranch(SearchSpaceConformance):
    def make_space(self) -> SearchSpace:
        return load_space("multibranch", layers=6, widths=[4, 6, 8])

    def make_task(self) -> Task:
        return DIGITS


def test_golden_ids() -> None:
    config = graph({}, reads(0, width=16), reads(0, 1, op="relu"), output=[1, 2], join="concat")
    assert SPACE.architecture_id(config) == "530632eb71d5bebd66e096d5341e51f2"
    assert SPACE.config_id(config) == "2c7f78de0402c50f10bbeff4ae9b737e"


def graph(*layers: dict[str, object], output: list[int], norm: bool = False, join: str = "sum") -> Config:
    """Return a configuration of ``layers``, each with a list of what it reads; others are as in LAYER."""
    plain = {key: domain.categories[0] for key, domain in SPACE.domains.items()}
    changes: Config = {"output.norm": norm, "output.join": join}
    changes |= {f"output.from.{source}": True for source in output}
    for index, layer in enumerate(layers):
        row = {**LAYER, **layer}
        changes |= {f"layer{index}.from.{source}": True for source in row.pop("reads", [])}  # type: ignore[attr-defined]
        changes |= {f"layer{index}.{key}": value for key, value in row.items()}
    return SPACE.check(plain | changes)


def reads(*sources: int, **settings: object) -> dict[str, object]:
    return {"reads": list(sources), **settings}


def network_of(config: Config, task: Task = DIGITS) -> nn.Module:
    return SPACE.build(config, task).eval()


@pytest.mark.parametrize("name", ["resnet18", "densenet121"])
@pytest.mark.parametrize("outputs", [10, 1000])
def test_published_networks_have_torchvisions_parameters(name: str, outputs: int) -> None:
    """11,689,512 and 7,978,856 parameters for 1,000 classes, as torchvision's documentation says."""
    space = MultiBranch.around(name)
    task = Task(kind="classification", input_shape=(3, 224, 224), outputs=outputs)
    with torch.device("meta"):
        ours = space.build(space.members()[name], task)
        theirs = getattr(torchvision.models, name)(num_classes=outputs)
    shapes = [tuple(weight.shape) for weight in theirs.parameters()]
    assert [tuple(weight.shape) for weight in ours.parameters()] == shapes
    if outputs == 1000:
        published = {"resnet18": 11_689_512, "densenet121": 7_978_856}
        assert sum(weight.numel() for weight in ours.parameters()) == published[name]


@pytest.mark.parametrize("name", ["resnet18", "densenet121"])
def test_published_networks_compute_what_torchvisions_do(name: str) -> None:
    space = MultiBranch.around(name)
    task = Task(kind="classification", input_shape=(3, 64, 64), outputs=7)
    ours = space.build(space.members()[name], task).eval()
    theirs = getattr(torchvision.models, name)(num_classes=7).eval()
    images = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        weights = zip(ours.state_dict().values(), theirs.state_dict().values(), strict=True)
        for mine, other in weights:
            mine.copy_(other)
        torch.testing.assert_close(ours(images), theirs(images), rtol=1e-4, atol=1e-5)


def test_small_networks_of_both_kinds_are_members_of_the_default_space() -> None:
    members = SPACE.members()
    assert members.keys() == {"small_resnet", "small_densenet"}
    assert "sum(0, 2)" in SPACE.describe(members["small_resnet"])
    assert "concat(4, 6)" in SPACE.describe(members["small_densenet"])
    assert MultiBranch(layers=3).members() == {}
    with pytest.raises(UnknownName, match="resnet18"):
        MultiBranch.around("resnet81")


@pytest.mark.parametrize(
    "space",
    [
        MultiBranch(layers=1, ops=["conv_3x3", "relu"]),
        MultiBranch(layers=3, ops=["conv_3x3", "relu"], orders=["conv-norm"], widths=[8], strides=[1]),
        MultiBranch(layers=4, ops=["conv_3x3"], orders=["conv-norm"], widths=[8], strides=[1], joins=["sum"]),
    ],
)
def test_the_size_is_the_number_of_configurations_in_keys_that_matter(space: MultiBranch) -> None:
    members = {
        canonical_json({key: config[key] for key in space.active(config)}) for config in space.enumerate()
    }
    assert space.size() == len(members)


def test_graphs_are_as_many_as_there_are_up_to_renumbering() -> None:
    """With l inner layers there are 1, 2, 10, 122 (OEIS A005321) numbered graphs; classes by brute force."""
    space = MultiBranch(
        layers=4, ops=["conv_3x3"], orders=["conv-norm"], widths=[8], strides=[1], joins=["sum"]
    )
    configs = [config for config in space.enumerate() if not config["output.norm"]]
    alive = {edges for config in configs if (edges := edges_of(space, config))}
    for inner, numbered in enumerate((1, 2, 10, 122)):
        graphs = {edges for edges in alive if len({source for source, _ in edges}) == inner + 1}
        full = {edges for edges in graphs if max(source for source, _ in edges) == inner}
        assert len(full) == numbered
    classes = {renumbered(edges) for edges in alive}
    assert len({canonical_json(space.canonical(config)) for config in configs}) == len(classes)


def edges_of(space: MultiBranch, config: Config) -> frozenset[tuple[int, int]]:
    """Return the edges between layers that matter; 9 is the output."""
    ends = [("output", 9), *((f"layer{index}", index) for index in range(space.layers))]
    edges = {
        (source, end)
        for name, end in ends
        for source in range(min(end, space.layers))
        if config[f"{name}.from.{source}"]
    }
    while True:
        readers, reached = {source for source, _ in edges} | {9}, {end for _, end in edges} | {0}
        kept = {(source, end) for source, end in edges if source in reached and end in readers}
        if kept == edges:
            return frozenset(edges)
        edges = kept


def renumbered(edges: frozenset[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """Return the least list of edges over all ways to number the inner layers."""
    inner = sorted({source for source, _ in edges} - {0})
    return min(
        tuple(sorted((names[source], names[end]) for source, end in edges))
        for order in permutations(range(1, len(inner) + 1))
        for names in [{0: 0, 9: 9, **dict(zip(inner, order, strict=True))}]
    )


def test_the_default_space_is_large() -> None:
    assert f"{SPACE.size():.1e}" == "1.3e+22"


SWAPPED = [
    graph({}, reads(0), reads(0, op="conv_1x1"), reads(1, 2, op="relu", join="concat"), output=[3]),
    graph({}, reads(0, op="conv_1x1"), reads(0), reads(1, 2, op="relu", join="concat"), output=[3]),
    graph({}, {}, reads(0), {}, reads(0, op="conv_1x1"), reads(2, 4, op="relu", join="concat"), output=[5]),
    graph({}, reads(0), reads(0, op="conv_1x1"), reads(1), reads(1, 2, op="relu", join="concat"), output=[4]),
]


@pytest.mark.parametrize("other", SWAPPED[1:])
def test_layers_may_be_numbered_in_any_order_and_dead_ones_do_not_count(other: Config) -> None:
    one, images = SWAPPED[0], torch.rand(2, 1, 8, 8)
    assert SPACE.config_id(one) == SPACE.config_id(other)
    assert (SPACE.features(one) == SPACE.features(other)).all()
    first, second = network_of(one), network_of(other)
    second.load_state_dict(first.state_dict())
    assert torch.equal(first(images), second(images))


def test_a_relu_of_a_relu_is_no_layer() -> None:
    plain = graph({}, reads(0), output=[1])
    doubled = graph({}, reads(0), reads(1, op="relu"), reads(2, op="relu"), output=[3])
    linear = graph({}, reads(0, order="conv-norm"), reads(1, op="relu"), output=[2])
    assert SPACE.canonical(doubled) == SPACE.canonical(plain) != SPACE.canonical(linear)
    both = graph({}, reads(0), reads(1, op="relu"), output=[1, 2])
    images = torch.rand(2, 1, 8, 8)
    twice = network_of(both)
    assert torch.allclose(twice[0](images), 2 * twice[0].nodes[1]([twice[0].nodes[0]([images])]))


@pytest.mark.parametrize(
    "change",
    [
        {"layer1.op": "conv_1x1"},
        {"layer1.order": "norm-act-conv"},
        {"layer1.width": 16},
        {"layer1.stride": 2},
        {"layer2.join": "concat"},
        {"layer2.from.0": False},
        {"output.norm": True},
        {"output.from.1": True},
    ],
)
def test_every_setting_makes_another_network(change: Config) -> None:
    config = graph({}, reads(0), reads(0, 1, op="relu"), output=[2])
    assert SPACE.config_id(config) != SPACE.config_id(config | change)
    assert (SPACE.features(config) != SPACE.features(config | change)).any()


def test_the_output_must_be_reached() -> None:
    lost = graph({}, {}, reads(1), output=[2])
    assert SPACE.violations(lost) == [
        "the output must be reached: the `from` keys lead to it from no layer that reads layer 0"
    ]
    with pytest.raises(InvalidConfig, match="must be reached"):
        SPACE.build(lost, DIGITS)
    assert SPACE.violations(graph({}, {}, reads(0, 1), output=[2])) == [], "layer 1 reads nothing: not there"


def test_the_map_never_gets_below_1x1() -> None:
    half = {"stride": 2}
    config = graph(half, reads(0, **half), reads(1, **half), reads(2, op="max_pool", **half), output=[0, 3])
    assert SPACE.violations(config) == SPACE.violations(config, DIGITS.at(resolution=9)) == []
    assert SPACE.violations(config, DIGITS) == [
        "feature map never below 1x1: `layer3.stride` 2 meets a map of 1x1 (images of 8x8)"
    ]
    assert SPACE.build(config, DIGITS.at(resolution=9))(torch.rand(2, 1, 9, 9)).shape == (2, 10)


@pytest.mark.parametrize("side", [8, 9, 15])
def test_sums_project_what_differs_in_shape(side: int) -> None:
    config = graph(
        {}, reads(0, width=32, stride=2), reads(1, stride=2), reads(0, 1, 2, op="relu"), output=[3]
    )
    network = network_of(config)[0]
    matches = network.nodes[3].join.matches
    assert [tuple(match[0].weight.shape[:2]) for match in matches] == [(32, 8), (32, 32), (32, 8)]
    assert [match[0].stride[0] for match in matches] == [4, 2, 1]
    assert network(torch.rand(1, 1, side, side)).shape == (1, 32, -(-side // 4), -(-side // 4))


@pytest.mark.parametrize("side", [8, 9, 15])
def test_concatenations_average_larger_maps(side: int) -> None:
    config = graph(
        {}, reads(0, stride=2), reads(1, stride=2), reads(0, 2, op="relu", join="concat"), output=[3]
    )
    network = network_of(config)[0]
    maps = [torch.rand(1, 8, side, side), torch.rand(1, 8, -(-side // 4), -(-side // 4))]
    joined = network.nodes[3].join(maps)
    assert joined.shape[1] == 16
    assert torch.equal(joined[:, 8:], maps[1])
    assert torch.allclose(joined[0, 0, 0, 0], maps[0][0, 0, :4, :4].mean())


@pytest.mark.parametrize(
    ("order", "kinds"),
    [
        ("conv-norm-act", ["Conv2d", "BatchNorm2d", "ReLU"]),
        ("norm-act-conv", ["BatchNorm2d", "ReLU", "Conv2d"]),
        ("conv-norm", ["Conv2d", "BatchNorm2d"]),
    ],
)
def test_orders_are_built_as_they_are_named(order: str, kinds: list[str]) -> None:
    node = network_of(graph({}, reads(0, order=order), output=[1]))[0].nodes[1]
    assert [type(module).__name__ for module in node.work] == kinds


def test_random_graphs_of_neat_start_small_and_grow() -> None:
    from nas_ray.strategies import load_strategy
    from nas_ray.testing.driving import drive

    neat = load_strategy("neat", space=SPACE, metric="score", mode="max", seed=0, population_size=6)
    configs = drive(neat, 40)
    reads = [sum(value for key, value in each.items() if ".from." in key) for each in configs]
    assert np.mean(reads[:6]) < 12, "half of 28"
    assert all(SPACE.violations(config) == [] for config in configs)


def test_a_network_is_scaled_to_more_channels_and_other_data() -> None:
    config = SPACE.members()["small_resnet"]
    larger = SPACE.scale(config, widths=[8, 16, 32, 64, 128])
    task = Task(kind="classification", input_shape=(3, 32, 32), outputs=100, width=4)
    network = larger.build(task)
    assert network(torch.zeros(2, 3, 32, 32)).shape == (2, 100)
    assert network[-1].in_features == 4 * 32
    with pytest.raises(InvalidConfig, match="missing"):
        SPACE.scale(config, layers=9)


def test_options_are_checked() -> None:
    with pytest.raises(ConfigError, match="must hold a convolution"):
        MultiBranch(ops=["relu", "max_pool"])
    with pytest.raises(ConfigError, match="must hold a convolution"):
        MultiBranch(orders=["norm-act-conv"])
    with pytest.raises(ConfigError, match="conv_3x3"):
        MultiBranch(ops=["conv3x3"])


def test_the_drawing() -> None:
    config = graph({}, reads(0, stride=2, order="conv-norm"), reads(0, 1, op="relu"), output=[2], norm=True)
    assert SPACE.describe(config).splitlines() == [
        "0: conv_3x3, 8 channels of the image",
        "1: conv_3x3, 8 channels, stride 2, conv-norm of 0",
        "2: relu of sum(0, 1)",
        "output of 2, norm, relu",
        "-> global avg pooling, dense",
    ]
    assert SPACE.graphs(config)["network"] == [
        ("input", "0: conv_3x3, 8 channels", ""),
        ("0: conv_3x3, 8 channels", "1: conv_3x3, 8 channels, stride 2, conv-norm", ""),
        ("0: conv_3x3, 8 channels", "2: relu", "sum"),
        ("1: conv_3x3, 8 channels, stride 2, conv-norm", "2: relu", "sum"),
        ("2: relu", "output", ""),
    ]
