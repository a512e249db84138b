"""Motifs of motifs against the paper's numbers."""

import itertools
import math

import numpy as np
import pytest
import torch

from nas_ray.costs import count
from nas_ray.searchspaces.hierarchical import MOTIFS, PRIMITIVES, Hierarchical
from nas_ray.searchspaces.motifs import with_a_path
from nas_ray.spaces import Config, SearchSpace, load_space
from nas_ray.tasks import Task
from nas_ray.testing.spaces import SearchSpaceConformance

CIFAR10 = Task(kind="classification", input_shape=(3, 32, 32), outputs=10)
DIGITS = Task(kind="classification", input_shape=(1, 8, 8), outputs=10)
SPACE = Hierarchical(channels=2)


class TestHierarchical(SearchSpaceConformance):
    def make_space(self) -> SearchSpace:
        return load_space("hierarchical", channels=2)

    def make_task(self) -> Task:
        return DIGITS


class TestFlat(SearchSpaceConformance):
    samples = 10

    def make_space(self) -> SearchSpace:
        return load_space("hierarchical", channels=2, flat=True)

    def make_task(self) -> Task:
        return DIGITS


def chain(*motifs: str, **changes: str) -> Config:
    """Return a cell that is a chain of motifs, each of which is a chain of 1x1 convolutions."""
    config = SPACE.absent()
    for motif in MOTIFS:
        config |= {f"{motif}.op_{target}_{target - 1}": "conv_1x1" for target in (1, 2, 3)}
    config |= {f"cell.op_{target}_{target - 1}": motif for target, motif in enumerate(motifs, 1)}
    return {**config, **changes}


ALIKE = ("motif1", "motif1", "motif1", "motif1")


def same(one: Config, other: Config) -> bool:
    return SPACE.config_id(one) == SPACE.config_id(other)


def test_the_number_of_configurations() -> None:
    """Nearly all of 7⁴⁶: six motifs of six edges, a cell of ten; flat, of 7⁵⁵: a cell of 55."""
    assert len(PRIMITIVES) == len(MOTIFS) == 6
    assert len(Hierarchical().domains) == 6 * math.comb(4, 2) + math.comb(5, 2) == 46
    assert len(Hierarchical(flat=True).domains) == math.comb(11, 2) == 55
    assert 0.99 < Hierarchical().size() / 7**46 < 1
    assert 0.99 < Hierarchical(flat=True).size() / 7**55 < 1


@pytest.mark.parametrize(
    ("nodes", "present", "absent"), [(2, 3, 2), (3, 2, 1), (4, 1, 2), (4, 2, 1), (5, 1, 1)]
)
def test_graphs_with_a_path_are_counted(nodes: int, present: int, absent: int) -> None:
    pairs = [(source, target) for target in range(1, nodes) for source in range(target)]
    found = 0
    for there in itertools.product([False, True], repeat=len(pairs)):
        edges = list(itertools.compress(pairs, there))
        reached = {0}
        for source, target in edges:
            reached |= {target} if source in reached else set()
        found += (nodes - 1 in reached) * present ** len(edges) * absent ** (len(pairs) - len(edges))
    assert with_a_path(nodes, present, absent) == found


def test_the_share_of_samples_that_keep_the_rule_is_the_one_that_is_counted() -> None:
    rng = np.random.default_rng(0)
    draws = 1000
    kept = 0
    for _ in range(draws):
        names = rng.integers(7, size=46)
        values = [("none", *PRIMITIVES)[name] for name in names[:36]]
        values += [("none", *MOTIFS)[name] for name in names[36:]]
        kept += SPACE.violations(dict(zip(SPACE.domains, values, strict=True))) == []
    share = Hierarchical().size() / 7**46
    assert abs(kept / draws - share) < 6 * (share * (1 - share) / draws) ** 0.5


def test_the_papers_best_architecture_has_15_7_million_parameters() -> None:
    """Liu et al. 2019 give 15.7 million for it; C = 64, two cells in each of three stages."""
    space = Hierarchical(channels=64, cells=2)
    assert count(space, space.members()["liu-2018"], CIFAR10).params == 15_727_306


def test_a_cell_without_a_path_is_told() -> None:
    rule = "a path must lead from the input of the cell to its output"
    for config in (SPACE.absent(), chain(*ALIKE, **{"cell.op_2_1": "none"})):
        assert [told.startswith(rule) for told in SPACE.violations(config)] == [True]
    # Motif 1 has no path, and with it every edge of the cell.
    assert SPACE.violations(chain(*ALIKE, **{"motif1.op_2_1": "none"}))
    assert SPACE.violations(chain(*ALIKE)) == []
    assert (
        Hierarchical(flat=True).violations({**Hierarchical(flat=True).absent(), "cell.op_10_0": "conv_1x1"})
        == []
    )


def test_motifs_are_what_they_are_made_of() -> None:
    """Neither their numbers matter nor those that no edge takes."""
    assert same(chain(*ALIKE), chain("motif2", "motif5", "motif1", "motif4"))
    assert same(chain(*ALIKE), chain(*ALIKE, **{"motif6.op_1_0": "sep_conv_3x3"}))
    assert not same(chain(*ALIKE), chain(*ALIKE, **{"motif1.op_1_0": "sep_conv_3x3"}))
    assert "motif6.op_1_0" not in SPACE.active(chain(*ALIKE))


def test_dead_ends_and_identities_do_not_count() -> None:
    short = {"motif1.op_2_1": "none", "motif1.op_3_1": "conv_1x1", "motif1.op_3_2": "none"}
    two = chain(*ALIKE, **short)
    assert same(two, chain(*ALIKE, **short, **{"motif1.op_2_0": "max_pool_3x3"}))
    assert same(two, chain(*ALIKE, **{"motif1.op_1_0": "skip_connect"}))
    assert same(two, chain(*ALIKE, **{"motif1.op_3_2": "skip_connect"}))
    assert not same(two, chain(*ALIKE))


def test_nodes_in_another_order_are_the_same_network() -> None:
    """Nodes 1 and 2 of a motif side by side, exchanged."""
    sides = {"motif1.op_2_1": "none", "motif1.op_3_1": "max_pool_3x3", "motif1.op_3_2": "avg_pool_3x3"}
    one = chain(*ALIKE, **sides, **{"motif1.op_1_0": "conv_1x1", "motif1.op_2_0": "sep_conv_3x3"})
    turned = {**sides, "motif1.op_3_1": "avg_pool_3x3", "motif1.op_3_2": "max_pool_3x3"}
    other = chain(*ALIKE, **turned, **{"motif1.op_1_0": "sep_conv_3x3", "motif1.op_2_0": "conv_1x1"})
    assert same(one, other)
    networks = [SPACE.build(config, DIGITS).eval() for config in (one, other)]
    networks[1].load_state_dict(networks[0].state_dict())
    images = torch.rand(2, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    assert torch.equal(networks[0](images), networks[1](images))


def test_parameters_are_those_of_the_papers_parts() -> None:
    """A chain of four motifs of three 1x1 convolutions each, C = 4, on grey images and 10 classes."""

    def convolution(inputs: int, outputs: int, kernel: int = 1) -> int:
        return inputs * outputs * kernel**2 + 2 * outputs

    def separable(inputs: int, outputs: int) -> int:
        return inputs * 9 + inputs * outputs + 2 * outputs

    expected = convolution(1, 4, 3)
    for channels, following in ((4, 8), (8, 16), (16, 16)):
        expected += 4 * (3 + 1) * convolution(channels, channels) + separable(channels, following)
    expected += 16 * 10 + 10
    assert count(Hierarchical(channels=4), chain(*ALIKE), DIGITS).params == expected


def test_what_digits_found_is_rebuilt_larger_for_other_data() -> None:
    config = SPACE.members()["liu-2018"]
    cifar100 = Task(kind="classification", input_shape=(3, 32, 32), outputs=100)
    with torch.device("meta"):
        network = SPACE.scale(config, channels=64, cells=2).build(cifar100)
        assert network(torch.zeros(2, 3, 32, 32)).shape == (2, 100)
    assert sum(weight.numel() for weight in network.parameters()) == 15_727_306 + 90 * (4 * 64 + 1)


def test_the_cell_and_its_motifs_are_drawn() -> None:
    graphs = SPACE.graphs(SPACE.members()["liu-2018"])
    assert list(graphs) == ["cell", "motif1", "motif3", "motif4", "motif5"]
    assert {edge.operation for edge in graphs["cell"]} == {"motif1", "motif3", "motif4", "motif5", ""}
    assert [edge.source for edge in graphs["cell"] if edge.target == "output"] == ["4"]
