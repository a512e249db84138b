"""The networks of NAS-Bench-Macro against the benchmark's own table."""

from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch

from nas_ray.costs.counting import count
from nas_ray.errors import ConfigError, InvalidConfig
from nas_ray.searchspaces.macro import BLOCKS, Macro
from nas_ray.spaces import Config, SearchSpace, canonical_json, load_space
from nas_ray.tables import load_table
from nas_ray.tasks import Task
from nas_ray.testing.spaces import SearchSpaceConformance

CIFAR10 = Task(kind="classification", input_shape=(3, 32, 32), outputs=10)
SPACE = Macro()


class TestMacro(SearchSpaceConformance):
    def make_space(self) -> SearchSpace:
        return load_space("macro", channels=2, head=16)

    def make_task(self) -> Task:
        return Task(kind="classification", input_shape=(1, 8, 8), outputs=10)


def config_of(code: str) -> Config:
    return {f"layer_{index}": list(BLOCKS)[int(digit)] for index, digit in enumerate(code)}


@pytest.fixture(scope="module")
def published(shared_data: Path) -> Any:
    return pd.read_parquet(shared_data / "nasbench_macro.parquet").set_index("arch")


def block_costs(code: str) -> Iterator[tuple[int, int]]:
    """Parameters and multiply-adds of each layer, by arithmetic of their own."""
    channels, side = 32, 32
    yield 3 * 9 * 32 + 64, 3 * 9 * 32 * 32**2
    for place, digit in enumerate(code):
        first = place in (0, 2, 5)
        outputs, after = (2 * channels, side // 2) if first else (channels, side)
        expansion, kernel = ((0, 0), (3, 3), (6, 5))[int(digit)]
        hidden = expansion * channels
        if hidden:
            depthwise = hidden * kernel**2
            yield (
                channels * hidden + depthwise + hidden * outputs + 4 * hidden + 2 * outputs,
                channels * hidden * side**2 + (depthwise + hidden * outputs) * after**2,
            )
        elif first:
            yield channels * outputs + 2 * outputs, channels * outputs * after**2
        channels, side = outputs, after
    yield 256 * 1280 + 2 * 1280 + 1280 * 10 + 10, 256 * 1280 * 4**2 + 1280 * 10


def test_there_are_6561_encodings_and_3969_networks() -> None:
    """Su et al. 2021, section 4.2: 3^8 networks."""
    assert SPACE.size() == 6561
    assert len({canonical_json(SPACE.canonical(config)) for config in SPACE.enumerate()}) == 3969


def test_encodings_of_one_network_are_those_with_equal_figures(published: Any) -> None:
    figures = published[["params", "flops", "test_acc_run0", "test_acc_run1", "test_acc_run2"]]
    groups: dict[str, set[tuple[float, ...]]] = {}
    for code, row in zip(figures.index, figures.itertuples(index=False), strict=True):
        groups.setdefault(SPACE.config_id(config_of(code)), set()).add(tuple(row))
    assert all(len(rows) == 1 for rows in groups.values())
    assert len(groups) == len(set().union(*groups.values())) == 3969


def test_arithmetic_gives_all_published_parameters_and_flops(published: Any) -> None:
    table = dict(zip(published.index, zip(published["params"], published["flops"], strict=True), strict=True))
    codes = ["".join(digits) for digits in product("012", repeat=8)]
    computed = {code: tuple(map(sum, zip(*block_costs(code), strict=True))) for code in codes}
    assert computed == table


def test_some_built_networks_have_the_published_size(published: Any) -> None:
    """Every 253rd: together they have every block at every place, and every pair of them side by side."""
    sample = published.iloc[::253]
    pairs = [set(zip(sample[f"layer_{at}"], sample[f"layer_{at + 1}"], strict=True)) for at in range(7)]
    assert [len(each) for each in pairs] == [9] * 7
    _compare_built(sample)


@pytest.mark.benchmark
@pytest.mark.timeout(1800)
def test_all_built_networks_have_the_published_size(published: Any) -> None:
    networks = {SPACE.config_id(config_of(code)): code for code in published.index}
    assert len(networks) == 3969
    _compare_built(published.loc[list(networks.values())])


def _compare_built(table: Any) -> None:
    """The published FLOPs are multiply-adds, half of what we count."""
    for code, row in table.iterrows():
        costs = count(SPACE, config_of(code), CIFAR10)
        assert (costs.params, costs.flops) == (row["params"], 2 * row["flops"]), code


def test_stages_are_an_option() -> None:
    space, task = Macro(channels=4, head=8, stages=[1, 4]), CIFAR10.at(resolution=5)
    network = space.build(dict.fromkeys(space.domains, "mb3_k3"), task)
    assert space.size() == 3**5
    assert network(torch.zeros(2, 3, 5, 5)).shape == (2, 10)


def test_members_are_the_benchmarks(published: Any) -> None:
    members = SPACE.members()
    best = published["mean_acc"].idxmax()
    assert SPACE.config_id(members["best_on_cifar10"]) == SPACE.config_id(config_of(best))
    assert count(SPACE, members["best_on_cifar10"], CIFAR10).params == 1_985_514
    assert count(SPACE, members["largest"], CIFAR10).params == 2_932_586
    assert Macro(stages=[2, 2]).members() == {}


def test_the_table_is_searched_on_this_space(shared_data: Path) -> None:
    table = load_table("nasbench_macro")
    assert isinstance(table.space, Macro)
    entry = table.find(SPACE.members()["largest"])
    assert entry is not None
    assert entry.facts == {"params": 2_932_586, "flops": 105_660_928}


def test_golden_ids() -> None:
    assert SPACE.architecture_id(config_of("12102000")) == "e74c7d77964b6e9a859b80c9158586f7"
    assert SPACE.config_id(config_of("12102000")) == "eeef0a7b73d2d77fb9915800f57876aa"


def test_identities_inside_of_a_stage_may_stand_anywhere() -> None:
    one, same, other = (config_of(code) for code in ("12102000", "12120000", "12012000"))
    assert SPACE.config_id(one) == SPACE.config_id(same)
    assert (SPACE.features(one) == SPACE.features(same)).all()
    assert SPACE.config_id(one) != SPACE.config_id(other)


def test_a_network_is_scaled_to_other_data() -> None:
    small = Macro(channels=4, head=16)
    larger = small.scale(config_of("12102000"), channels=40, head=1536)
    task = Task(kind="classification", input_shape=(3, 64, 64), outputs=100)
    network = larger.build(task)
    assert network[0][0].out_channels == 40
    assert network[-1].in_features == 1536
    assert network[-1].out_features == 100
    with pytest.raises(InvalidConfig, match="missing"):
        small.scale(config_of("12102000"), stages=[3, 3, 3])


def test_images_that_are_too_small_are_told() -> None:
    tiny = CIFAR10.at(resolution=4)
    assert SPACE.violations(config_of("00000000"), CIFAR10.at(resolution=5)) == []
    assert SPACE.violations(config_of("00000000"), tiny) == [
        "feature map never below 1x1: stage 2 has stride 2 and meets a map of 1x1 (images of 4x4)"
    ]
    with pytest.raises(ConfigError, match="`stages` must be a list of positive integers"):
        Macro(stages=[2, 0])


def test_the_drawing() -> None:
    config = config_of("12102000")
    assert SPACE.describe(config).splitlines() == [
        "conv 3x3, 32 channels",
        "-> 64 channels, half the size: mb3_k3, mb6_k5",
        "-> 128 channels, half the size: mb3_k3, identity, mb6_k5",
        "-> 256 channels, half the size: identity, identity, identity",
        "-> conv 1x1, 1280 channels",
        "-> global avg pooling, dense",
    ]
    edges = SPACE.graphs(config)["network"]
    assert [edge.target for edge in edges] == [
        "stem",
        *("stage 0, 0", "stage 0, 1", "stage 1, 0", "stage 1, 1", "stage 2, 0"),
        "output",
    ]
    assert edges[0].source == "input"
    assert edges[4] == ("stage 1, 0", "stage 1, 1", "mb6_k5")
