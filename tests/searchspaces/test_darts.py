"""The DARTS cells against the authors' genotypes and numbers."""

import itertools

import numpy as np
import pytest
import torch

from nas_ray.costs import count
from nas_ray.errors import ConfigError
from nas_ray.searchspaces.darts import DARTS, OPERATIONS
from nas_ray.spaces import Config, SearchSpace, load_space
from nas_ray.tasks import Task
from nas_ray.testing.space_networks import NetworkConformance
from nas_ray.testing.spaces import SearchSpaceConformance

CIFAR10 = Task(kind="classification", input_shape=(3, 32, 32), outputs=10)
DIGITS = Task(kind="classification", input_shape=(1, 8, 8), outputs=10)
SMALLEST = {"channels": 2, "cells": 3}


class TestDARTS(SearchSpaceConformance):
    def make_space(self) -> SearchSpace:
        return load_space("darts", **SMALLEST)

    def make_task(self) -> Task:
        return DIGITS


class TestRegularisedDARTS(NetworkConformance):
    """With drop-path and the auxiliary classifier."""

    samples, many = 5, 50

    def make_space(self) -> SearchSpace:
        return load_space("darts", channels=3, cells=4, drop_path=0.3, auxiliary=0.4)

    def make_task(self) -> Task:
        return Task(kind="regression", input_shape=(3, 7, 9), outputs=2, width=0.5)


def test_there_are_as_many_cells_as_the_paper_says() -> None:
    """∏ k(k + 1)/2 · 7² over k = 1 to 4: 10⁹ of a kind, 10¹⁸ with both."""
    cells = 1 * 3 * 6 * 10 * 7**8
    assert cells == 1_037_664_180
    assert DARTS().size() == cells**2


@pytest.mark.parametrize(
    ("name", "parameters"), [("darts-v1", 3_169_414), ("darts-v2", 3_349_342), ("pc-darts", 3_634_678)]
)
def test_parameters_are_those_of_the_authors_networks(name: str, parameters: int) -> None:
    """36 channels, 20 cells, without the auxiliary classifier.

    Published: 3.349 million for the second-order cell (README of quark0/darts), 3.6 for PC-DARTS. The first
    order, 3.3 in the paper, counts as its genotype and the same code give it.
    """
    space = DARTS(channels=36, cells=20)
    assert count(space, space.members()[name], CIFAR10).params == parameters


def test_the_reductions_stand_at_a_third_and_two_thirds() -> None:
    assert [at for at, stride in enumerate(DARTS(cells=20).strides()) if stride == 2] == [6, 13]
    assert DARTS(cells=8).strides() == [1, 1, 2, 1, 1, 2, 1, 1]
    with pytest.raises(ConfigError, match="`cells` must be an integer of at least 3"):
        DARTS(cells=2)


def test_the_auxiliary_classifier_adds_its_own_parameters_in_training_only() -> None:
    space = DARTS(channels=36, cells=20, auxiliary=0.4)
    config = space.members()["darts-v2"]
    channels = 36 * 4 * 4
    head = channels * 128 + 2 * 128 + 128 * 768 * 4 + 2 * 768 + 768 * 10 + 10
    assert count(space, config, CIFAR10).params == 3_349_342 + head
    network = load_space("darts", **SMALLEST, auxiliary=0.4).build(config, DIGITS)
    outputs = network(torch.zeros(2, 1, 8, 8))
    assert network.auxiliary_outputs.shape == outputs.shape == (2, 10)
    network.eval()(torch.zeros(2, 1, 8, 8))
    assert network.auxiliary_outputs is None


def test_an_operation_belongs_to_its_input() -> None:
    space, config = DARTS(), DARTS().members()["darts-v1"]
    one = {**config, "normal.node2.op1": "max_pool_3x3", "normal.node2.op2": "sep_conv_3x3"}
    other = {**config, "normal.node2.op1": "sep_conv_3x3", "normal.node2.op2": "max_pool_3x3"}
    assert space.config_id(one) != space.config_id(other)


def test_a_cell_with_its_nodes_renumbered_is_the_same_network() -> None:
    """Nodes 2 and 3, where neither takes the other, exchanged wherever they stand."""
    space, rng, pairs = DARTS(**SMALLEST), np.random.default_rng(0), []
    for config in (space.sample(rng) for _ in range(150)):
        if (other := _exchanged(config)) is not None:
            pairs.append((config, other))
            assert space.config_id(other) == space.config_id(config)
            assert np.array_equal(space.features(other), space.features(config))
    assert len(pairs) > 20
    networks = [space.build(config, DIGITS).eval() for config in pairs[0]]
    networks[1].load_state_dict(networks[0].state_dict())
    images = torch.rand(2, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    assert torch.equal(networks[0](images), networks[1](images))


def _exchanged(config: Config) -> Config | None:
    """Return the normal cell with states 2 and 3 exchanged, if node 3 takes both inputs, as node 2 does."""
    if config["normal.node3.inputs"] != "0+1":
        return None
    other = dict(config)
    for one, two in (("node2", "node3"), ("node3", "node2")):
        for side in ("op1", "op2"):
            other[f"normal.{one}.{side}"] = config[f"normal.{two}.{side}"]
    for node in ("node4", "node5"):
        key = f"normal.{node}"
        names = {2: 3, 3: 2}
        states = [int(state) for state in config[f"{key}.inputs"].split("+")]
        edges = sorted(
            (names.get(state, state), config[f"{key}.op{side}"]) for side, state in enumerate(states, 1)
        )
        other[f"{key}.inputs"] = "+".join(str(state) for state, _ in edges)
        other[f"{key}.op1"], other[f"{key}.op2"] = (name for _, name in edges)
    return other


def test_what_digits_found_is_rebuilt_larger_for_other_data() -> None:
    """Channels, cells, inputs and outputs change, the cells stay."""
    small = load_space("darts", **SMALLEST)
    config = small.members()["darts-v2"]
    assert small.build(config, DIGITS)(torch.zeros(2, 1, 8, 8)).shape == (2, 10)
    larger = small.scale(config, channels=36, cells=20)
    cifar100 = Task(kind="classification", input_shape=(3, 32, 32), outputs=100)
    with torch.device("meta"):
        network = larger.build(cifar100)
        assert network(torch.zeros(2, 3, 32, 32)).shape == (2, 100)
    parameters = sum(weight.numel() for weight in network.parameters())
    assert parameters == 3_349_342 + 90 * (36 * 4 * 4 + 1)  # 90 classes more
    assert larger.describe().endswith("20 cells, 36 channels in the first, reductions: 6, 13")


def test_the_width_dial_is_a_number_of_channels() -> None:
    config = DARTS().members()["pc-darts"]
    half = count(DARTS(channels=16, cells=5), config, CIFAR10.at(width=0.5))
    assert half == count(DARTS(channels=8, cells=5), config, CIFAR10)


def test_both_cells_are_drawn_from_the_cells_before() -> None:
    graphs = DARTS().graphs(DARTS().members()["darts-v2"])
    assert list(graphs) == ["normal cell", "reduce cell"]
    for edges in graphs.values():
        assert {edge.source for edge in edges if edge.source.startswith("c[")} == {"c[k-2]", "c[k-1]"}
        assert [edge.source for edge in edges if edge.target == "output"] == ["2", "3", "4", "5"]
        assert {edge.operation for edge in edges if edge.target != "output"} <= set(OPERATIONS)


@pytest.mark.parametrize(
    ("wrong", "rule"),
    [
        ({"channels": 0}, "`channels` must be an integer of at least 1"),
        ({"auxiliary": -0.4}, "`auxiliary` must be a number of at least 0, but got -0.4"),
        ({"auxiliary": True}, "`auxiliary` must be a number"),
        ({"drop_path": 1}, "`drop_path` must be a probability from 0 to below 1"),
        ({"scheduled": "no"}, "`scheduled` must be true or false"),
    ],
)
def test_options_that_cannot_be_are_refused(wrong: dict[str, object], rule: str) -> None:
    with pytest.raises(ConfigError, match=rule):
        DARTS(**wrong)  # type: ignore[arg-type]


def test_every_pair_of_inputs_is_offered_once() -> None:
    domains = DARTS().domains
    for state in (3, 4, 5):
        offered = domains[f"reduce.node{state}.inputs"].categories
        assert offered == [f"{one}+{other}" for one, other in itertools.combinations(range(state), 2)]
    assert "normal.node2.inputs" not in domains
