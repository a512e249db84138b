"""Recurrent networks against published sizes, and by hand."""

import itertools
import math

import pytest
import torch
from torch import nn

from nas_ray.costs import count
from nas_ray.errors import ConfigError, Unsupported
from nas_ray.searchspaces import enas_cell
from nas_ray.searchspaces.recurrent import Recurrent
from nas_ray.searchspaces.recurrent_modules import ENAS
from nas_ray.spaces import Config, SearchSpace, canonical_json, load_space
from nas_ray.tasks import Task
from nas_ray.testing.space_networks import NetworkConformance
from nas_ray.testing.space_twins import TwinConformance
from nas_ray.testing.spaces import SearchSpaceConformance

TREEBANK = Task(kind="classification", input_shape=(35,), outputs=10_000, vocabulary=10_000)
"""The next of 10,000 words, after 35."""
TEXT = Task(kind="classification", input_shape=(9,), outputs=3, vocabulary=40)
SERIES = Task(kind="regression", input_shape=(2, 7), outputs=2)


class TestRecurrentOnTokens(SearchSpaceConformance):
    def make_space(self) -> SearchSpace:
        return load_space("recurrent", widths=[6, 10], nodes=4)

    def make_task(self) -> Task:
        return TEXT


FEW = {"max_depth": 1, "widths": [6], "nodes": 3, "dropouts": [0.0], "poolings": ["last"]}
"""Few enough to be listed."""


class TestRecurrentOnSeries(NetworkConformance, TwinConformance):
    def make_space(self) -> SearchSpace:
        return load_space("recurrent", **FEW)

    def make_task(self) -> Task:
        return SERIES


def test_the_size_is_the_number_of_configurations() -> None:
    space = Recurrent(**FEW)
    active = ({key: config[key] for key in space.active(config)} for config in space.enumerate())
    assert space.size() == len({canonical_json(each) for each in active})


def config_of(space: Recurrent, **changes: object) -> Config:
    config = {key: 0 if key.endswith("source") else domain.sample() for key, domain in space.domains.items()}
    return {**config, "depth": space.max_depth, "dropout": 0.0, **changes}


@pytest.mark.parametrize(
    ("name", "width", "params", "published"),
    [
        ("small", 200, 4_653_200, 4_651_600),
        ("medium", 650, 19_780_400, 19_775_200),
        ("large", 1500, 66_034_000, 66_022_000),
    ],
)
def test_the_networks_of_zaremba_et_al_have_their_parameters(
    name: str, width: int, params: int, published: int
) -> None:
    """4.7M, 20M and 66M in the paper, which has one bias of four gates in each of two layers, not two."""
    space = Recurrent(widths=[width], dropouts=[0.0, 0.5, 0.65])
    assert count(space, space.members()[f"zaremba_{name}"], TREEBANK).params == params
    assert params - 2 * 4 * width == published
    matrices = 2 * 4 * (2 * width * width + width)
    assert matrices + 2 * 10_000 * width + 10_000 == published


def test_the_cell_of_enas_has_one_matrix_for_each_pair_of_nodes() -> None:
    """W_xh, W_hh and eleven of width x width, each with its c beside it, and no bias; Pham et al. 2018."""
    space = Recurrent(nodes=12, widths=[748])
    params = count(space, space.members()["enas_ptb"], TREEBANK).params
    assert params == 13 * 2 * 748**2 + 2 * 10_000 * 748 + 10_000
    assert enas_cell.size(12) * 12 == math.factorial(12) * 4**12, (
        "N! 4^N of the paper counts a choice too many"
    )


def test_the_cell_for_the_treebank_is_the_published_one() -> None:
    """Figure 6: only tanh and ReLU, and six nodes make the new state."""
    cell = enas_cell.read(enas_cell.PENN_TREEBANK)
    assert [source for source, _ in cell] == [0, 0, 1, 2, 2, 2, 5, 1, 6, 8, 8, 8]
    assert {name for _, name in cell} == {"tanh", "relu"}
    assert enas_cell.leaves(cell) == [3, 4, 7, 9, 10, 11]


def test_members_are_those_that_the_options_admit() -> None:
    assert set(Recurrent().members()) == {"zaremba_small"}
    assert set(Recurrent(widths=[200, 748], cells=["lstm"], nodes=12).members()) == {"zaremba_small"}
    assert set(Recurrent(widths=[748], nodes=13).members()) == set()


def test_a_step_of_an_enas_cell_by_hand() -> None:
    """Equations of section 2.1 with highway connections, for one step from a state of zeros."""
    torch.manual_seed(0)
    layer = ENAS(3, 2, [(0, "tanh"), (0, "relu"), (1, "sigmoid"), (0, "identity")])
    x, f = torch.randn(1, 2, 3), [torch.relu, torch.sigmoid, lambda v: v]
    states, end = layer(x)
    state = torch.zeros(1, 2)
    for step in range(2):
        c, value = (layer.from_input(x[:, step]) + layer.from_state(state)).chunk(2, -1)
        nodes = [c.sigmoid() * value.tanh() + (1 - c.sigmoid()) * state]
        for source, work, function in zip((0, 1, 0), layer.nodes, f, strict=True):
            c, value = work(nodes[source]).chunk(2, -1)
            nodes.append(c.sigmoid() * function(value) + (1 - c.sigmoid()) * nodes[source])
        state = (nodes[2] + nodes[3]) / 2
        torch.testing.assert_close(states[:, step], state)
    torch.testing.assert_close(end, state)


def test_trees_are_one_network_whatever_the_numbers_of_their_nodes() -> None:
    """Of the (4-1)! 2^4 cells with two activations as many are left as there are trees of this kind."""
    cells = [
        [(0, first), (0, second), (two, third), (three, fourth)]
        for two, three in itertools.product(range(2), range(3))
        for first, second, third, fourth in itertools.product(("tanh", "relu"), repeat=4)
    ]
    orders = {canonical_json(enas_cell.ordered(enas_cell.written(cell))) for cell in cells}

    def shape(cell: list[enas_cell.Node], node: int = 0) -> tuple[object, ...]:
        below = [child for child in range(1, 4) if cell[child][0] == node and child != node]
        return (cell[node][1], *sorted((shape(cell, child) for child in below), key=repr))

    assert len(orders) == len({repr(shape(cell)) for cell in cells})
    assert len(orders) < len(cells)


def test_cells_that_are_the_same_tree_have_one_id() -> None:
    space = Recurrent(nodes=4)
    one = config_of(
        space, cell="enas", **enas_cell.written([(0, "tanh"), (0, "relu"), (0, "tanh"), (1, "tanh")])
    )
    two = {**one, **enas_cell.written([(0, "tanh"), (0, "tanh"), (0, "relu"), (2, "tanh")])}
    other = {**one, **enas_cell.written([(0, "tanh"), (0, "tanh"), (0, "relu"), (1, "tanh")])}
    assert space.config_id(one) == space.config_id(two) != space.config_id(other)
    assert (space.features(one) == space.features(two)).all()


@pytest.mark.parametrize("cell", ["lstm", "gru", "enas"])
@pytest.mark.parametrize("directions", [1, 2])
@pytest.mark.parametrize("pooling", ["last", "mean", "max"])
def test_padding_changes_nothing_wherever_it_stands(cell: str, directions: int, pooling: str) -> None:
    space = Recurrent(widths=[8], nodes=3)
    torch.manual_seed(0)
    config = config_of(space, cell=cell, directions=directions, pooling=pooling)
    network = space.build(config, TEXT).eval()
    text = [5, 7, 2, 9]
    rows = [[*text, *[0] * 5], [*[0] * 3, *text, *[0] * 2], [*[0] * 5, *text]]
    outputs = network(torch.tensor(rows))
    torch.testing.assert_close(outputs, network(torch.tensor([text])).expand(3, -1))


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU])
def test_both_directions_are_those_of_torch(kind: type[nn.LSTM | nn.GRU]) -> None:
    """The same weights in PyTorch's own bidirectional layers: the same outputs."""
    space = Recurrent(widths=[8])
    torch.manual_seed(0)
    cell = kind.__name__.lower()
    network = space.build(config_of(space, cell=cell, directions=2, pooling="last", width=8), SERIES).eval()
    theirs = kind(2, 8, 2, batch_first=True, bidirectional=True)
    with torch.no_grad():
        for number, layer in enumerate(network.layers):
            for way, ending in zip(layer.ways, ("", "_reverse"), strict=True):
                for name, weight in way.named_parameters():
                    getattr(theirs, name.replace("l0", f"l{number}{ending}")).copy_(weight)
        series = torch.randn(3, 2, 7)
        last = theirs(series.transpose(1, 2))[1]
        state = last[0] if cell == "lstm" else last
        expected = network.head(torch.cat([state[-2], state[-1]], -1))
        torch.testing.assert_close(network(series), expected)


def test_networks_grow_by_the_settings_and_the_task_alone() -> None:
    space = Recurrent(widths=[8], nodes=3, max_depth=1)
    config = config_of(space, cell="enas", directions=2)
    larger = space.scale(config, repeats=3)
    network = larger.build(Task(kind="classification", input_shape=(5, 4), outputs=7, width=2.0))
    assert len(network.layers) == 3
    assert network.head.weight.shape == (7, 2 * 16)
    assert network(torch.zeros(2, 5, 4)).shape == (2, 7)
    assert ", 3 times" in larger.describe()


def test_graphs_show_layers_and_cell() -> None:
    space = Recurrent(widths=[748], nodes=12, max_depth=1)
    graphs = space.graphs(space.members()["enas_ptb"])
    assert [(edge.source, edge.target) for edge in graphs["network"]] == [("input", "1"), ("1", "output")]
    cell = {(edge.source, edge.target): edge.operation for edge in graphs["cell"]}
    assert cell["8", "9"] == "relu"
    assert cell["9", "new state"] == "mean"
    assert len(cell) == 2 + 11 + 6
    assert set(space.graphs({**space.members()["enas_ptb"], "cell": "gru"})) == {"network"}


def test_images_are_refused() -> None:
    with pytest.raises(Unsupported, match="'recurrent' takes sequences or tokens, but got images"):
        Recurrent().check_task(Task(kind="classification", input_shape=(1, 8, 8), outputs=2))


@pytest.mark.parametrize("options", [{"cells": ["elman"]}, {"directions": [3]}, {"nodes": 0}])
def test_bad_options_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(ConfigError):
        Recurrent(**options)  # type: ignore[arg-type]
