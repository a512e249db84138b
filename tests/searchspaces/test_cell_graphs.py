"""The order of a cell's nodes against every order that there is."""

import itertools

import numpy as np

from nas_ray.searchspaces import cell_features
from nas_ray.searchspaces.cell_graphs import (
    Graph,
    alive,
    drawn,
    from_edges,
    ordered,
    renumbered,
    texts,
    without_skips,
)
from nas_ray.spaces import Edge

PAIRS = [list(itertools.combinations(range(state), 2)) for state in range(2, 6)]
OPERATIONS = ("skip_connect", "sep_conv_3x3")


def relabelled(graph: Graph) -> list[Graph]:
    """Return the graph with its nodes in every order that puts sources first."""
    states = range(graph.inputs, graph.inputs + len(graph.nodes))
    inner = [
        (source, state)
        for state, node in zip(states, graph.nodes, strict=True)
        for source, _ in node
        if source in states
    ]
    orders = (
        order
        for order in itertools.permutations(states)
        if all(order.index(source) < order.index(target) for source, target in inner)
    )
    return [renumbered(graph, order) for order in orders]


def drawn_at_random(rng: np.random.Generator, inputs: int, nodes: int) -> Graph:
    """Draw a graph with one or two edges into each node; its outputs are what no other node takes."""
    into = []
    for state in range(inputs, inputs + nodes):
        edges = rng.integers(1, 3)
        sources, names = rng.integers(state, size=edges), rng.choice(OPERATIONS, size=edges)
        into.append(tuple((int(source), str(name)) for source, name in zip(sources, names, strict=True)))
    taken = {source for node in into for source, _ in node}
    outputs = tuple(state for state in range(inputs, inputs + nodes) if state not in taken)
    return Graph(inputs, tuple(into), outputs)


def test_isomorphic_graphs_have_one_order_and_others_another() -> None:
    rng = np.random.default_rng(0)
    for inputs, nodes, samples in ((2, 4, 200), (2, 5, 60), (1, 6, 10)):
        classes: dict[Graph, Graph] = {}
        for _ in range(samples):
            graph = drawn_at_random(rng, inputs, nodes)
            every = relabelled(graph)
            (form,) = {ordered(each) for each in every}
            assert form in every
            assert classes.setdefault(form, min(every)) == min(every)
        assert len(classes) > samples / 2


def test_cells_of_two_edges_a_node_are_counted_once_each() -> None:
    """The 180 topologies of a DARTS cell with one operation, against every order of their nodes."""
    graphs = [
        Graph(2, tuple(((one, "op"), (other, "op")) for one, other in pairs), (2, 3, 4, 5))
        for pairs in itertools.product(*PAIRS)
    ]
    assert len(graphs) == 180
    assert len({ordered(graph) for graph in graphs}) == len({min(relabelled(graph)) for graph in graphs})


def test_what_lies_on_no_path_is_left_out() -> None:
    """Node 2 leads nowhere, node 3 comes from nowhere."""
    edges = {(0, 1): "conv", (0, 2): "conv", (1, 4): "pool", (2, 3): "none", (3, 4): "conv"}
    assert alive(from_edges(edges)) == Graph(1, (((0, "conv"),), ((1, "pool"),)), (2,))
    assert alive(from_edges({(0, 1): "none"})).outputs == ()


def test_a_node_that_passes_on_another_is_that_node() -> None:
    graph = from_edges({(0, 1): "skip_connect", (0, 2): "conv", (1, 2): "conv", (2, 3): "skip_connect"})
    assert without_skips(graph) == Graph(1, (((0, "conv"), (0, "conv")),), (1,))
    assert without_skips(from_edges({(0, 1): "skip_connect"})) == Graph(1, (), (0,))


def test_a_graph_is_told_as_text_and_as_edges() -> None:
    graph = Graph(2, (((0, "conv"), (1, "skip_connect")),), (2,))
    assert texts(graph) == ["conv(0) + skip_connect(1)"]
    assert drawn(graph, ("a", "b")) == [
        Edge("a", "2", "conv"), Edge("b", "2", "skip_connect"), Edge("2", "output"),
    ]  # fmt: skip


def test_the_summary_tells_what_a_cell_is_made_of_and_how_deep_it_is() -> None:
    graph = from_edges(
        {(0, 1): "sep_conv_3x3", (1, 2): "max_pool_3x3", (0, 2): "skip_connect", (2, 3): "sep_conv_3x3"}
    )
    operations = ("skip_connect", "sep_conv_3x3", "max_pool_3x3")
    longest, shortest, convolutions = 3 / 3, 1 / 3, 2 / 3
    assert cell_features.summary(graph, operations, 3) == [
        1 / 4, 2 / 4, 1 / 4, 2 / 4, longest, shortest, convolutions, 1 / 3,
    ]  # fmt: skip
    slots = cell_features.slots(graph, operations, 3)
    assert len(slots) == cell_features.slots_width(1, operations, 3) == 18
    assert sum(slots) == 4
