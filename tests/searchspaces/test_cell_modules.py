"""Operations of cells, drop-path and the auxiliary classifier."""

import pytest
import torch

from nas_ray.searchspaces import darts, nasnet
from nas_ray.searchspaces.cell_graphs import Graph
from nas_ray.searchspaces.cell_modules import AuxiliaryHead, DropPath, FactorizedReduction, operation
from nas_ray.searchspaces.cell_network import CellNetwork


@pytest.mark.parametrize("name", sorted({*darts.OPERATIONS, *nasnet.OPERATIONS}))
@pytest.mark.parametrize("size", [1, 7, 8])
@pytest.mark.parametrize("stride", [1, 2])
def test_operations_round_sizes_up(name: str, size: int, stride: int) -> None:
    work = operation(name, 5, stride).eval()
    expected = -(-size // stride)
    assert work(torch.zeros(2, 5, size, size)).shape == (2, 5, expected, expected)


def test_a_pooling_keeps_a_constant_map_at_its_borders() -> None:
    ones = torch.ones(1, 2, 5, 5)
    for name in ("avg_pool_3x3", "max_pool_5x5"):
        assert torch.equal(operation(name, 2, 1)(ones), ones)


def test_a_factorized_reduction_reads_every_second_pixel_from_both_sides() -> None:
    reduction = FactorizedReduction(1, 2).eval()
    with torch.no_grad():
        for path in reduction.paths:
            path.weight.fill_(1.0)
    image = torch.arange(16.0).reshape(1, 1, 4, 4)
    first, second = reduction(image)[0] * (1 + reduction.norm.eps) ** 0.5
    torch.testing.assert_close(first, image[0, 0, ::2, ::2])
    torch.testing.assert_close(second, image[0, 0, 1::2, 1::2])


def test_drop_path_drops_whole_samples_in_training_only() -> None:
    torch.manual_seed(0)
    drop, ones = DropPath(0.25, scheduled=False), torch.ones(4000, 2, 3, 3)
    dropped = drop(ones)
    kept = dropped[:, 0, 0, 0] > 0
    assert ((dropped == 4 / 3) == kept[:, None, None, None]).all()
    # Six standard deviations of a share of 0.75 among 4,000.
    assert abs(kept.float().mean() - 0.75) < 6 * (0.25 * 0.75 / 4000) ** 0.5
    assert torch.equal(drop.eval()(ones), ones)


def test_a_scheduled_drop_path_grows_over_the_training() -> None:
    torch.manual_seed(0)
    drop, ones = DropPath(0.5), torch.ones(4000, 1, 1, 1)
    drop.set_progress(0.0)
    assert torch.equal(drop(ones), ones)
    drop.set_progress(0.5)
    assert abs((drop(ones) == 0).float().mean() - 0.25) < 6 * (0.25 * 0.75 / 4000) ** 0.5
    fixed = DropPath(0.5, scheduled=False)
    fixed.set_progress(0.0)
    assert (fixed(ones) == 0).any()


@pytest.mark.parametrize("size", [1, 2, 7, 8, 14])
def test_the_auxiliary_classifier_takes_maps_of_any_size(size: int) -> None:
    head = AuxiliaryHead(6, (4, 8), 3).eval()
    assert head(torch.zeros(2, 6, size, size)).shape == (2, 3)


def test_an_input_that_no_edge_takes_costs_nothing() -> None:
    """Both inputs of a cell that reads the last cell only: one 1x1 convolution less for each cell."""
    reads_last = Graph(2, (((1, "max_pool_3x3"), (1, "max_pool_3x3")),), (2,))
    reads_both = Graph(2, (((0, "max_pool_3x3"), (1, "max_pool_3x3")),), (2,))
    counts = []
    for graph in (reads_last, reads_both):
        network = CellNetwork([(graph, 1), (graph, 2)], inputs=1, channels=2, outputs=3)
        assert network(torch.zeros(2, 1, 4, 4)).shape == (2, 3)
        counts.append(sum(weight.numel() for weight in network.parameters()))
    first, second = 6 * 2 + 2 * 2, 6 * 4 + 2 * 4  # from the stem's 6 channels to 2, then to 4
    assert counts[1] - counts[0] == first + second
