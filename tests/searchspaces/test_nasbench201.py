"""The cells of NAS-Bench-201 against the benchmark's own numbers."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from nas_ray.searchspaces.nasbench201 import EDGES, OPERATIONS, RESNET, NASBench201
from nas_ray.spaces import Config, Edge, canonical_json
from nas_ray.tasks import Task

CIFAR10 = Task(kind="classification", input_shape=(3, 32, 32), outputs=10)
SPACE = NASBench201()
BEST: Config = dict(
    zip(
        EDGES,
        ("nor_conv_3x3", "nor_conv_3x3", "nor_conv_3x3", "skip_connect", "nor_conv_1x1", "nor_conv_3x3"),
        strict=True,
    )
)
"""The best cell on CIFAR-10, index 13714 of the benchmark."""


def cell(**changes: str) -> Config:
    return {**dict.fromkeys(EDGES, "none"), **changes}


ONE = cell(op_1_0="skip_connect", op_2_0="nor_conv_3x3", op_3_2="skip_connect")
SAME = cell(op_1_0="skip_connect", op_2_1="nor_conv_3x3", op_3_2="skip_connect")
"""Node 1 is the input, so that node 2 is the same whichever of them it comes from."""


def parameters(config: Config) -> int:
    return sum(each.numel() for each in SPACE.build(config, CIFAR10).parameters())


@pytest.fixture(scope="module")
def published(shared_data: Path) -> pd.DataFrame:
    """The benchmark's cells with their class of isomorphism and their parameters on CIFAR-10."""
    columns = [*EDGES, "iso_group", "cifar10_params"]
    return pd.read_parquet(shared_data / "nasbench201.parquet", columns=columns)


def test_there_are_15625_cells_and_6466_networks() -> None:
    """Dong and Yang 2020, appendix: isomorphic cells by the output node's text."""
    assert SPACE.size() == 5**6
    assert len({canonical_json(SPACE.canonical(config)) for config in SPACE.enumerate()}) == 6466


def test_isomorphic_cells_are_the_benchmarks_own_groups(published: pd.DataFrame) -> None:
    """Each canonical form belongs to one group, and each group to one form."""
    forms = [canonical_json(SPACE.canonical(config)) for config in cells_of(published)]
    pairs = set(zip(forms, published["iso_group"], strict=True))
    assert len(pairs) == len(set(forms)) == published["iso_group"].nunique() == 6466


def cells_of(published: pd.DataFrame) -> list[dict[str, Any]]:
    return published[list(EDGES)].to_dict("records")


CONVOLUTIONS = {"nor_conv_1x1": 1, "nor_conv_3x3": 9}
EMPTY = 73_306
"""Parameters of the network around empty cells: 16 channels, images of 3, 10 classes."""


def edge_parameters(operation: str) -> int:
    """Return the parameters of an edge: of 5 cells in each of three stages, with normalisation."""
    taps = CONVOLUTIONS.get(operation, 0)
    return sum(5 * (taps * channels**2 + 2 * channels) for channels in (16, 32, 64)) if taps else 0


def literal_parameters(config: Config) -> int:
    """Return the parameters of the network with every edge of its cells, by arithmetic."""
    return EMPTY + sum(edge_parameters(operation) for operation in config.values())


def test_parameters_are_the_tables_but_for_29_cells(published: pd.DataFrame) -> None:
    """Of 29 cells the published number holds the convolution from node 0 to node 1 twice."""
    deviating = 0
    for config, parameters in zip(cells_of(published), published["cifar10_params"], strict=True):
        if literal_parameters(config) != parameters:
            deviating += 1
            assert parameters - literal_parameters(config) == edge_parameters(config["op_1_0"]) > 0
    assert deviating == 29


def test_the_arithmetic_is_that_of_the_networks(published: pd.DataFrame) -> None:
    assert literal_parameters(cell()) == parameters_built(cell())
    for config in cells_of(published.sample(12, random_state=0)):
        assert parameters_built(config) == literal_parameters(config)


@pytest.mark.benchmark
@pytest.mark.timeout(1800)
def test_every_network_has_the_parameters_of_the_table(published: pd.DataFrame) -> None:
    counts = np.asarray([parameters_built(config) for config in cells_of(published)])
    assert (counts != published["cifar10_params"]).sum() == 29


def parameters_built(config: Config) -> int:
    """Return the parameters of the network that is built with dead edges."""
    with torch.device("meta"):
        network = NASBench201(keep_dead=True).build(config, CIFAR10)
    return sum(each.numel() for each in network.parameters())


def test_dead_edges_are_kept_where_they_are_asked_for() -> None:
    dead = {**ONE, "op_2_1": "nor_conv_3x3", "op_1_0": "none"}
    assert parameters(dead) == EMPTY + edge_parameters("nor_conv_3x3")
    assert parameters_built(dead) == EMPTY + 2 * edge_parameters("nor_conv_3x3")


def test_the_cell_is_drawn_without_missing_edges() -> None:
    assert SPACE.graphs(ONE) == {
        "cell": [
            Edge("input", "1", "skip_connect"),
            Edge("input", "2", "nor_conv_3x3"),
            Edge("2", "3", "skip_connect"),
            Edge("3", "output"),
        ]
    }


def test_what_digits_found_is_rebuilt_larger_for_other_data() -> None:
    """Channels, cells, inputs and outputs change, the cell stays."""
    small = NASBench201(channels=4, cells=1)
    digits = Task(kind="classification", input_shape=(1, 8, 8), outputs=10)
    assert small.build(BEST, digits)(torch.zeros(2, 1, 8, 8)).shape == (2, 10)
    larger = small.scale(BEST, channels=16, cells=5)
    with torch.device("meta"):
        network = larger.build(Task(kind="classification", input_shape=(3, 32, 32), outputs=100))
        assert network(torch.zeros(2, 3, 32, 32)).shape == (2, 100)
    assert sum(each.numel() for each in network.parameters()) == 1_073_466 + 90 * (64 + 1)
    half = NASBench201(channels=32).build(BEST, CIFAR10.at(width=0.5))
    assert sum(each.numel() for each in half.parameters()) == 1_073_466


@pytest.mark.parametrize(("config", "count"), [(BEST, 1_073_466), (RESNET, 559_386)])
def test_parameters_are_the_published_ones(config: Config, count: int) -> None:
    assert parameters(config) == count


def test_cells_that_are_the_same_network_have_the_same_ids_and_features() -> None:
    assert SPACE.config_id(ONE) == SPACE.config_id(SAME)
    assert (SPACE.features(ONE) == SPACE.features(SAME)).all()
    assert SPACE.config_id(ONE) != SPACE.config_id({**ONE, "op_2_0": "nor_conv_1x1"})


def test_networks_that_are_the_same_compute_the_same() -> None:
    """Weights copied in order: the output of both is equal, with the dead edges left out."""
    small = NASBench201(channels=4, cells=1)
    task = Task(kind="classification", input_shape=(3, 8, 8), outputs=3)
    first, second = small.build(ONE, task).eval(), small.build(SAME, task).eval()
    with torch.no_grad():
        for mine, theirs in zip(second.parameters(), first.parameters(), strict=True):
            mine.copy_(theirs)
        images = torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))
        assert torch.equal(first(images), second(images))


def test_a_cell_without_a_path_still_is_a_network() -> None:
    network = NASBench201(channels=4, cells=1).build(cell(), CIFAR10)
    assert network(torch.zeros(2, 3, 32, 32)).shape == (2, 10)


def test_features_are_two_groups() -> None:
    features = np.asarray([SPACE.features(config) for config in list(SPACE.enumerate())[::97]])
    assert features.shape[1] == sum(SPACE.feature_groups)
    assert SPACE.feature_groups[0] == len(EDGES) * len(OPERATIONS)
    assert np.isfinite(features).all()
