"""Graphs of cells as numbers for models of performance."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from .cell_graphs import SKIP, Graph

SUMMARY = 4
"""How many numbers :func:`summary` gives beside the shares of operations and inputs."""


def slots(graph: Graph, operations: Sequence[str], nodes: int) -> list[float]:
    """Return, for each pair of states and each operation, whether such an edge is there.

    Args:
        graph: A graph in its order (:func:`nas_ray.searchspaces.cell_graphs.ordered`).
        operations: All that may stand on an edge.
        nodes: Most nodes of a graph; of those that it has not, all numbers are 0.
    """
    row = [0.0] * slots_width(graph.inputs, operations, nodes)
    places = {name: place for place, name in enumerate(operations)}
    first = 0
    for state, node in enumerate(graph.nodes, graph.inputs):
        for source, name in node:
            row[first + source * len(operations) + places[name]] = 1.0
        first += state * len(operations)
    return row


def slots_width(inputs: int, operations: Sequence[str], nodes: int) -> int:
    """Return how many numbers :func:`slots` gives."""
    return sum(range(inputs, inputs + nodes)) * len(operations)


def summary(graph: Graph, operations: Sequence[str], nodes: int) -> list[float]:
    """Return what a cell is made of and how deep it is, wherever things stand, as numbers from 0 to 1.

    In order: the share of each operation among the edges; the share of edges that leave each input; the
    longest path from an input to an output, the shortest, and the most convolutions on one, each relative to
    ``nodes``; the share of nodes that are outputs. Skip connections have no length.
    """
    edges = [edge for node in graph.nodes for edge in node]
    most = max(1, len(edges))
    names = [name for _, name in edges]
    sources = [source for source, _ in edges]
    lengths = (
        extreme(graph, max, lambda name: int(name != SKIP)),
        extreme(graph, min, lambda name: int(name != SKIP)),
        extreme(graph, max, lambda name: int("conv" in name)),
    )
    return [
        *(names.count(name) / most for name in operations),
        *(sources.count(state) / most for state in range(graph.inputs)),
        *(length / nodes for length in lengths),
        len(graph.outputs) / max(1, nodes),
    ]


def extreme(graph: Graph, choose: Callable[[list[int]], int], length: Callable[[str], int]) -> int:
    """Return the longest or shortest path from an input to an output.

    Args:
        graph: A graph without dead nodes.
        choose: ``max`` or ``min``.
        length: How long the edge of an operation is.
    """
    reached = [0] * graph.inputs
    for node in graph.nodes:
        reached.append(choose([reached[source] + length(name) for source, name in node]))
    return choose([reached[state] for state in graph.outputs] or [0])
