"""The cells of NAS-Bench-201 against the benchmark's own numbers."""

import numpy as np
import pytest
import torch

from nas_ray.searchspaces.nasbench201 import EDGES, OPERATIONS, RESNET, NASBench201
from nas_ray.spaces import Config, canonical_json
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


def test_there_are_15625_cells_and_6466_networks() -> None:
    """Dong and Yang 2020, appendix: isomorphic cells by the output node's text."""
    assert SPACE.size() == 5**6
    assert len({canonical_json(SPACE.canonical(config)) for config in SPACE.enumerate()}) == 6466


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
