"""Architectures as drawings: every label is there and readable, nothing covers anything."""

import itertools
import re

import numpy as np
import pytest

from nas_ray import SearchSpace, plugins
from nas_ray.errors import ConfigError
from nas_ray.spaces import Edge, load_space
from nas_ray.spaces.drawing import _Board, chain, draw
from nas_ray.spaces.layered import laid_out

CELL = [
    Edge("input", "1", "conv"),
    Edge("input", "1", "pool"),
    Edge("input", "2", "conv"),
    Edge("1", "2", "skip"),
    Edge("input", "output"),
    Edge("2", "output"),
]


def boxes(board):
    """Return the corners of every box, (left, top, right, bottom), in inches."""
    found = []
    for node, width in board._widths.items():
        x, y = board._at(node, 0.0, 0.0)
        found.append((x - width / 2, y - 0.15, x + width / 2, y + 0.15))
    return found


def apart(one, other):
    return one[2] < other[0] or other[2] < one[0] or one[3] < other[1] or other[3] < one[1]


def test_operations_stand_between_what_they_connect():
    layout = laid_out(CELL)
    assert sorted(layout.labels.values()) == sorted(
        ["input", "1", "2", "output", "conv", "pool", "conv", "skip"]
    )
    assert len(layout.operations) == 4
    rank = {node: index for index, nodes in enumerate(layout.layers) for node in nodes}
    for path in layout.paths:
        assert [rank[node] for node in path] == list(range(rank[path[0]], rank[path[-1]] + 1))
    for nodes in layout.layers:
        steps = np.diff([layout.places[node] for node in nodes])
        assert np.allclose(steps, 1), "a place for each, in order"


def test_few_edges_cross():
    """Two chains beside each other are untangled, whatever their order."""
    edges = [Edge("in", name, "op") for name in "abcd"] + [Edge(name, name + name) for name in "dbca"]
    layout = laid_out(edges)
    order = [[node[0][0] for node in nodes] for nodes in layout.layers[2:]]
    assert order[0] == order[1]


@pytest.mark.parametrize("name", plugins.names(plugins.SPACES))
def test_no_box_covers_another_or_leaves_the_page(name):
    space, rng = load_space(name), np.random.default_rng(0)
    drawn = [*itertools.islice(space.members().values(), 2), *(space.sample(rng) for _ in range(3))]
    for config in drawn:
        graphs = [edges for edges in space.graphs(config).values() if edges] or [
            chain(space.describe(config))
        ]
        for edges in graphs:
            board = _Board(laid_out(edges))
            corners = boxes(board)
            assert all(apart(one, other) for one, other in itertools.combinations(corners, 2))
            assert min(min(left, top) for left, top, _, _ in corners) >= -1e-9
            assert max(right for _, _, right, _ in corners) <= board.width + 1e-9
            assert max(bottom for _, _, _, bottom in corners) <= board.height + 1e-9


def test_an_svg_holds_every_label_as_text_and_is_the_same_every_time(tmp_path):
    space = load_space("nasbench201")
    config = space.members()["resnet"]
    content = [draw(space, config, tmp_path / name).read_text() for name in ("one.svg", "two.svg")]
    assert content[0] == content[1]
    texts = re.findall(r"<text[^>]*>([^<]+)</text>", content[0])
    assert texts[0] == "cell"
    assert {"input", "1", "3", "output", "nor_conv_3x3", "skip_connect"} <= set(texts)


def test_a_space_without_graphs_draws_its_description(tmp_path):
    from ray import tune

    label = r"$\x$"  # would be no formula
    params = {"a": tune.choice([1, 2]), "b": tune.choice([label])}
    space = SearchSpace.from_function(params, lambda c, t: None, name=label)
    path = space.scale({"a": 2, "b": label}).draw(tmp_path / "chain.svg")
    texts = re.findall(r"<text[^>]*>([^<]+)</text>", path.read_text())
    assert texts == [label, "a: 2", f"b: {label}"]
    assert draw(space, {"a": 2, "b": label}, tmp_path / "chain.PNG").read_bytes().startswith(b"\x89PNG")


def test_equal_lines_of_a_description_are_nodes_of_their_own():
    assert len(laid_out(chain("input\n-> conv\n-> conv\n-> output")).labels) == 4


def test_a_format_that_matplotlib_does_not_write_is_refused(tmp_path):
    space = load_space("nasbench201")
    with pytest.raises(ConfigError, match=r"must be a file ending in .*\.svg.*, but got"):
        draw(space, space.members()["resnet"], tmp_path / "cell.docx")
    assert list(tmp_path.iterdir()) == []
