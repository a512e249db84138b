"""Cells as graphs of operations: what is alive in them, and an order that depends on the graph alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from nas_ray.spaces.architecture import Edge

NONE, SKIP = "none", "skip_connect"

Node = tuple[tuple[int, str], ...]
"""What goes into a node: (source, operation) of each edge; the same edge may stand there twice."""


class Graph(NamedTuple):
    """A directed acyclic graph with operations on its edges.

    Its states are numbered: first the inputs, then the nodes, each after its sources.

    Args:
        inputs: Number of inputs.
        nodes: The edges into each node.
        outputs: States that leave the cell, in ascending order; none where nothing leads through.
    """

    inputs: int
    nodes: tuple[Node, ...]
    outputs: tuple[int, ...]


def renumbered(graph: Graph, order: Sequence[int]) -> Graph:
    """Return ``graph`` with only the nodes of ``order``, in this order, and only the edges among them."""
    place = {state: state for state in range(graph.inputs)}
    place |= {state: graph.inputs + at for at, state in enumerate(order)}
    kept = (graph.nodes[state - graph.inputs] for state in order)
    nodes = (((place[source], name) for source, name in node if source in place) for node in kept)
    outputs = (place[state] for state in graph.outputs if state in place)
    return Graph(graph.inputs, tuple(tuple(sorted(node)) for node in nodes), tuple(sorted(outputs)))


def from_edges(edges: Mapping[tuple[int, int], str]) -> Graph:
    """Return the graph with one input, state 0, of (source, target) -> operation; the last state leaves it.

    Edges of ``none`` are not there.
    """
    last = max(target for _, target in edges)
    into: list[list[tuple[int, str]]] = [[] for _ in range(last)]
    for (source, target), name in edges.items():
        if name != NONE:
            into[target - 1].append((source, name))
    return Graph(1, tuple(tuple(sorted(node)) for node in into), (last,))


def on_paths(graph: Graph) -> set[int]:
    """Return the states on a path from an input to an output, both included."""
    reached, leading = set(range(graph.inputs)), set(graph.outputs)
    nodes = list(enumerate(graph.nodes, graph.inputs))
    for state, node in nodes:
        if any(source in reached for source, _ in node):
            reached.add(state)
    for state, node in reversed(nodes):
        if state in leading:
            leading |= {source for source, _ in node}
    return reached & leading


def alive(graph: Graph) -> Graph:
    """Return ``graph`` without what lies on no path from an input to an output."""
    kept = on_paths(graph)
    outputs = tuple(state for state in graph.outputs if state in kept)
    return renumbered(graph._replace(outputs=outputs), sorted(kept - set(range(graph.inputs))))


def without_skips(graph: Graph) -> Graph:
    """Return ``graph`` without the nodes that only pass on one state: each is that state itself."""
    names, order, nodes = list(range(graph.inputs)), [], []
    for state, node in enumerate(graph.nodes, graph.inputs):
        nodes.append(tuple((names[source], name) for source, name in node))
        passes = len(node) == 1 and node[0][1] == SKIP
        names.append(nodes[-1][0][0] if passes else state)
        order += [] if passes else [state]
    outputs = tuple(names[state] for state in graph.outputs)
    return renumbered(Graph(graph.inputs, tuple(nodes), outputs), order)


@lru_cache(10_000)
def ordered(graph: Graph) -> Graph:
    """Return ``graph`` with its nodes in an order that depends on the graph alone: equal for isomorphic ones.

    Nodes are sorted by colours (Weisfeiler and Leman 1968): first by depth, then, again and again, by the
    colours of their sources and targets. Where some still look alike, one of them is made the first, and the
    others are sorted anew. That is exact where nodes that look alike can be exchanged, as in every graph of
    up to five nodes; among larger ones a pair of isomorphic graphs may keep different orders.
    """
    leaves = set(graph.outputs)
    first_look = [2 * depth + (state in leaves) for state, depth in enumerate(_depths(graph))]
    colours = _refined(graph, first_look)
    while len(ties := Counter(colours)) < len(colours):
        tied = min(colour for colour, count in ties.items() if count > 1)
        first = colours.index(tied)
        split = (2 * colour + (colour == tied and state != first) for state, colour in enumerate(colours))
        colours = _refined(graph, list(split))
    states = range(graph.inputs, len(colours))
    return renumbered(graph, sorted(states, key=colours.__getitem__))


def _depths(graph: Graph) -> list[int]:
    """Return a number for every state: inputs count up, nodes go on by their longest path from an input."""
    depths = list(range(graph.inputs))
    for node in graph.nodes:
        depths.append(1 + max((max(depths[source], graph.inputs - 1) for source, _ in node), default=0))
    return depths


def _refined(graph: Graph, colours: list[int]) -> list[int]:
    """Return colours that tell apart whatever has sources or targets of different colours."""
    while True:
        around: list[tuple[list[tuple[int, str]], list[tuple[int, str]]]] = [([], []) for _ in colours]
        for state, node in enumerate(graph.nodes, graph.inputs):
            for source, name in node:
                around[state][0].append((colours[source], name))
                around[source][1].append((colours[state], name))
        looks = [
            (colour, tuple(sorted(sources)), tuple(sorted(targets)))
            for colour, (sources, targets) in zip(colours, around, strict=True)
        ]
        ranks = {look: rank for rank, look in enumerate(sorted(set(looks)))}
        if len(ranks) == len(set(colours)):
            return [ranks[look] for look in looks]
        colours = [ranks[look] for look in looks]


def texts(graph: Graph) -> list[str]:
    """Return each node as a text, such as ``sep_conv_3x3(0) + skip_connect(1)``."""
    return [" + ".join(f"{name}({source})" for source, name in node) for node in graph.nodes]


def drawn(graph: Graph, inputs: Sequence[str]) -> list[Edge]:
    """Return the edges of a drawing, whose nodes are the ``inputs`` by name, numbers, and ``output``."""
    names = [*inputs, *(str(state) for state in range(graph.inputs, graph.inputs + len(graph.nodes)))]
    edges = [
        Edge(names[source], names[state], name)
        for state, node in enumerate(graph.nodes, graph.inputs)
        for source, name in node
    ]
    return edges + [Edge(names[state], "output") for state in graph.outputs]
