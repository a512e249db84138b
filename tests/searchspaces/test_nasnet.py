"""The NASNet cells against the published numbers."""

import numpy as np
import pytest
import torch

from nas_ray.costs import count
from nas_ray.searchspaces.cell_graphs import Graph
from nas_ray.searchspaces.cell_network import CellNetwork
from nas_ray.searchspaces.nasnet import OPERATIONS, NASNet
from nas_ray.spaces import Config, SearchSpace, load_space
from nas_ray.tasks import Task
from nas_ray.testing.space_networks import NetworkConformance
from nas_ray.testing.spaces import SearchSpaceConformance

CIFAR10 = Task(kind="classification", input_shape=(3, 32, 32), outputs=10)
DIGITS = Task(kind="classification", input_shape=(1, 8, 8), outputs=10)
SMALLEST = {"channels": 2, "cells": 1}


class TestNASNet(SearchSpaceConformance):
    def make_space(self) -> SearchSpace:
        return load_space("nasnet", **SMALLEST)

    def make_task(self) -> Task:
        return DIGITS


class TestRegularisedNASNet(NetworkConformance):
    """With drop-path of a fixed rate and the auxiliary classifier."""

    samples, many = 5, 50

    def make_space(self) -> SearchSpace:
        return load_space("nasnet", **SMALLEST, drop_path=0.4, scheduled=False, auxiliary=0.4)

    def make_task(self) -> Task:
        return Task(kind="regression", input_shape=(3, 7, 9), outputs=2)


def test_the_number_of_configurations() -> None:
    """Two of b + 1 states and of 13 operations in block b = 1 to 5; less the cells that ignore state 1."""
    every, ignoring = (2 * 3 * 4 * 5 * 6) ** 2, (1 * 2 * 3 * 4 * 5) ** 2
    assert len(OPERATIONS) == 13
    assert NASNet().size() == ((every - ignoring) * 13**10) ** 2
    assert f"{NASNet().size():.1e}" == "4.8e+33"


def test_a_cell_that_ignores_the_one_before_it_is_told() -> None:
    space, config = NASNet(), NASNet().members()["nasnet-a"]
    ignoring = {
        key: "0" if value == "1" and key.startswith("reduce") else value for key, value in config.items()
    }
    assert space.violations(config) == []
    assert space.violations(ignoring) == [
        "a cell takes the cell before it: one block of the reduce cell must have the input '1'"
    ]
    assert (
        "takes images, but got tables"
        in space.violations(config, Task(kind="regression", input_shape=(3,), outputs=1))[0]
    )


def test_the_output_is_made_of_the_blocks_that_no_other_takes() -> None:
    """As the figures of both papers have it."""
    space = NASNet()
    nasnet, amoebanet = space.members()["nasnet-a"], space.members()["amoebanet-a"]
    assert [space.cell(nasnet, kind).outputs for kind in ("normal", "reduce")] == [(2, 3, 4, 5, 6), (4, 5, 6)]
    assert [space.cell(amoebanet, kind).outputs for kind in ("normal", "reduce")] == [(3, 4, 6), (3, 5, 6)]


@pytest.mark.parametrize(
    ("name", "channels", "parameters"),
    [("nasnet-a", 32, 3_061_738), ("amoebanet-a", 32, 2_510_058), ("amoebanet-a", 36, 3_145_510)],
)
def test_parameters_of_the_published_cells(name: str, channels: int, parameters: int) -> None:
    """N = 6; Real et al. 2019, table 1, have 2.6 and 3.2 million for AmoebaNet-A, of code not published."""
    space = NASNet(channels=channels, cells=6)
    assert count(space, space.members()[name], CIFAR10).params == parameters


def test_nasnet_a_as_its_authors_build_it_has_its_3_3_million_parameters() -> None:
    """Their cells concatenate states that blocks take: the input 0 in one, block 3 in the other."""
    space = NASNet(channels=32, cells=6)
    config = space.members()["nasnet-a"]
    normal, reduction = (space.cell(config, kind) for kind in ("normal", "reduce"))
    normal, reduction = _with_output(normal, 0), _with_output(reduction, 3)
    with torch.device("meta"):
        network = CellNetwork(
            [(reduction if stride == 2 else normal, stride) for stride in space.strides()],
            inputs=3,
            channels=32,
            outputs=10,
        )
    assert network.classifier.in_features == 768  # of "NASNet-A (6 @ 768)"
    assert sum(weight.numel() for weight in network.parameters()) == 3_328_234


def _with_output(graph: Graph, state: int) -> Graph:
    return graph._replace(outputs=tuple(sorted({*graph.outputs, state})))


def test_sides_and_blocks_in_another_order_are_the_same_network() -> None:
    space, rng = NASNet(**SMALLEST), np.random.default_rng(0)
    for config in (space.sample(rng) for _ in range(20)):
        other = _mirrored(config)
        assert space.config_id(other) == space.config_id(config)
        assert np.array_equal(space.features(other), space.features(config))
    config = space.members()["amoebanet-a"]
    other = _exchanged(config)
    assert space.config_id(other) == space.config_id(config)
    networks = [space.build(each, DIGITS).eval() for each in (config, other)]
    networks[1].load_state_dict(networks[0].state_dict())
    images = torch.rand(2, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    assert torch.equal(networks[0](images), networks[1](images))


def _mirrored(config: Config) -> Config:
    sides = {"left": "right", "right": "left"}
    return {
        f"{block}.{sides[side]}.{what}": value
        for (block, side, what), value in ((key.rsplit(".", 2), value) for key, value in config.items())
    }


def _exchanged(config: Config) -> Config:
    """Return the cells with their first two blocks exchanged, where the second does not take the first."""
    names = {"block2": "block3", "block3": "block2", "2": "3", "3": "2"}
    other = {}
    for key, value in config.items():
        kind, block, side, what = key.split(".")
        if kind == "normal":
            block, value = names.get(block, block), names.get(value, value)
        other[f"{kind}.{block}.{side}.{what}"] = value
    return other


def test_what_digits_found_is_rebuilt_larger_for_other_data() -> None:
    small = load_space("nasnet", **SMALLEST)
    config = small.sample(np.random.default_rng(1))
    larger = small.scale(config, channels=8, cells=2)
    cifar100 = Task(kind="classification", input_shape=(3, 32, 32), outputs=100)
    network = larger.build(cifar100)
    assert network(torch.zeros(2, 3, 32, 32)).shape == (2, 100)
    assert len(network.cells) == 3 * 2 + 2
    assert (
        sum(weight.numel() for weight in network.parameters())
        == count(NASNet(channels=16, cells=2), config, cifar100.at(width=0.5)).params
    )
