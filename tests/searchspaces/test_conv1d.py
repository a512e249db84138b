"""Convolutions over time against the published networks."""

import pytest
import torch

from nas_ray.costs import count
from nas_ray.errors import ConfigError, Unsupported
from nas_ray.searchspaces.conv1d import Conv1d
from nas_ray.spaces import Config, SearchSpace, load_space
from nas_ray.tasks import Task
from nas_ray.testing.space_networks import NetworkConformance
from nas_ray.testing.space_twins import TwinConformance
from nas_ray.testing.spaces import SearchSpaceConformance

SERIES = Task(kind="classification", input_shape=(3, 64), outputs=5)
AUDIO = Task(kind="classification", input_shape=(1, 32_000), outputs=10)
DAI = {"kernels": [3, 80], "widths": [64, 128, 256, 512], "strides": [1, 4], "pools": [1, 4]}
"""Options that admit the networks of Dai et al. 2017."""


class TestConv1d(SearchSpaceConformance):
    def make_space(self) -> SearchSpace:
        return load_space("conv1d", max_depth=3, widths=[8, 16])

    def make_task(self) -> Task:
        return Task(kind="classification", input_shape=(2, 24), outputs=3)


SMALL = {
    "max_depth": 2,
    "kernels": [1, 3],
    "dilations": [1, 2],
    "strides": [1],
    "widths": [8],
    "activations": ["relu"],
    "norms": ["group"],
    "dropouts": [0.0],
}
"""Few enough to be listed, with kernels that have no dilation and pools that have no effect."""


class TestSmallConv1d(NetworkConformance, TwinConformance):
    def make_space(self) -> SearchSpace:
        return load_space("conv1d", **SMALL)

    def make_task(self) -> Task:
        return Task(kind="regression", input_shape=(1, 9), outputs=2)


def test_the_size_is_the_number_of_configurations() -> None:
    space = Conv1d(**SMALL)
    assert space.size() == len({space.config_id(config) for config in space.enumerate()})


def layer(space: Conv1d, **changes: object) -> Config:
    """A configuration of one layer."""
    config = {key: domain.categories[0] for key, domain in space.domains.items() if key != "depth"}
    return {**config, "depth": 1, **{key.replace("_", "."): value for key, value in changes.items()}}


def test_the_network_of_wang_et_al_has_its_parameters() -> None:
    """FCN for series of one channel and two classes: 264,962 trainable parameters in the authors' Keras."""
    task = Task(kind="classification", input_shape=(1, 150), outputs=2)
    convolutions = (128 * 8 + 128) + (256 * 128 * 5 + 256) + (128 * 256 * 3 + 128)
    assert count(Conv1d(), Conv1d().members()["fcn"], task).params == 264_962
    assert convolutions + 2 * (128 + 256 + 128) + (128 * 2 + 2) == 264_962


@pytest.mark.parametrize(("name", "params"), [("m3", 221_194), ("m5", 559_114), ("m11", 1_786_442)])
def test_the_networks_of_dai_et_al_have_their_parameters(name: str, params: int) -> None:
    """Table 1 of the paper says 0.2M, 0.5M and 1.8M."""
    space = Conv1d(max_depth=12, **DAI)
    assert count(space, space.members()[name], AUDIO).params == params


def test_m5_shortens_its_series_as_published() -> None:
    """32,000 steps, 8,000 after the first stride, then a quarter after each pool: 2,000, 500, 125, 32."""
    space = Conv1d(max_depth=4, **DAI)
    network = space.build(space.members()["m5"], AUDIO)
    lengths, x = [], torch.zeros(2, 1, 32_000)
    for part in list(network)[:4]:
        x = part(x)
        lengths.append(x.shape[-1])
    assert lengths == [2000, 500, 125, 32]


def test_members_are_those_that_the_options_admit() -> None:
    assert set(Conv1d().members()) == {"fcn"}
    assert set(Conv1d(max_depth=4, **DAI).members()) == {"m3", "m5"}
    assert Conv1d(max_depth=2).members() == {}


@pytest.mark.parametrize("kernel", [1, 2, 3, 8])
@pytest.mark.parametrize("dilation", [1, 3])
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("steps", [25, 26, 27])
def test_a_layer_leaves_steps_over_stride_rounded_up(
    kernel: int, dilation: int, stride: int, steps: int
) -> None:
    space = Conv1d(
        max_depth=1, kernels=[kernel], dilations=[dilation], strides=[stride], widths=[8], pools=[2]
    )
    task = Task(kind="classification", input_shape=(1, steps), outputs=2)
    config = layer(space, layer0_skip=True)
    assert space.violations(config, task) == []
    network = space.build(config, task)
    out = network[0](torch.zeros(2, 1, steps))
    strided = -(-steps // stride)
    assert out.shape == (2, 8, -(-strided // 2))


@pytest.mark.parametrize(
    ("changes", "steps", "rule"),
    [
        (
            {"layer0_kernel": 8, "layer0_dilation": 4},
            14,
            r"no part of a kernel reads padding alone: `layer0.kernel` 8 with dilation 4 meets 14 steps",
        ),
        ({"layer0_stride": 2}, 2, r"series never below one step: `layer0.pool` 2 meets 1 steps"),
    ],
)
def test_rules_are_told_in_words(changes: dict[str, object], steps: int, rule: str) -> None:
    space = Conv1d(max_depth=1)
    base = layer(space, layer0_kernel=3, layer0_dilation=1, layer0_pool=2, head_pooling="avg")
    config = {**base, **layer(space, **changes), "layer0.pool": 2, "head.pooling": "avg"}
    if "layer0_kernel" not in changes:
        config["layer0.kernel"] = 3
    task = Task(kind="classification", input_shape=(1, steps), outputs=2)
    assert [broken.startswith(rule) for broken in space.violations(config, task)] == [True]
    longer = Task(kind="classification", input_shape=(1, steps + 2), outputs=2)
    assert space.violations(config, longer) == []


def test_the_last_pool_changes_nothing_before_a_global_maximum() -> None:
    space = Conv1d(max_depth=1)
    for pooling, same in (("max", True), ("avg", False)):
        ids = {space.config_id(layer(space, layer0_pool=pool, head_pooling=pooling)) for pool in (1, 2)}
        assert (len(ids) == 1) == same


def test_a_cell_found_small_is_built_larger() -> None:
    space = Conv1d(max_depth=2, widths=[8, 16])
    config = layer(space, layer0_skip=True, layer0_pool=2, head_pooling="avg")
    larger = space.scale(config, repeats=3)
    wide = Task(kind="classification", input_shape=(3, 64), outputs=5, width=4.0)
    convolutions = [part for part in larger.build(wide).modules() if isinstance(part, torch.nn.Conv1d)]
    assert [part.out_channels for part in convolutions] == [32] * 4  # three, and the shortcut of the first
    assert larger.build(wide)(torch.zeros(2, 3, 64)).shape == (2, 5)
    assert ", 3 times" in larger.describe()


def test_the_graph_is_the_chain_with_its_shortcuts() -> None:
    config = layer(Conv1d(), layer0_skip=True, head_pooling="avg")
    edges = [(edge.source, edge.target) for edge in Conv1d().graphs(config)["network"]]
    assert edges == [("input", "1"), ("input", "1"), ("1", "output")]


def test_images_are_refused() -> None:
    with pytest.raises(Unsupported, match="'conv1d' takes sequences, but got images"):
        Conv1d().check_task(Task(kind="classification", input_shape=(1, 8, 8), outputs=2))


@pytest.mark.parametrize("options", [{"kernels": []}, {"pools": [0]}, {"repeats": 0}, {"norms": ["layer"]}])
def test_bad_options_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(ConfigError):
        Conv1d(**options)  # type: ignore[arg-type]
