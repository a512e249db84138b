"""Motifs of motifs: what a cell is once its dead parts, its numbering and its identities are left out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from .cell_graphs import NONE, Graph, Node, alive, from_edges, ordered, without_skips

Edges = Mapping[tuple[int, int], str]
PROJECTION = "conv_1x1"
"""What follows every motif in a cell: it brings the channels back to those of the cell."""


class Form(NamedTuple):
    """A cell and the motifs on its edges, equal for cells that are the same network.

    Args:
        cell: With ``motif1``, ``motif2``, ... on its edges, or primitives where there are no motifs.
        motifs: The graphs of these names, each with primitives on its edges.
    """

    cell: Graph
    motifs: tuple[Graph, ...]


def normal(edges: Edges) -> Graph:
    """Return a graph of primitives without dead parts and identities, in an order of its own."""
    return ordered(without_skips(alive(from_edges(edges))))


def form(cell: Edges, graphs: Mapping[str, Graph]) -> Form:
    """Return the form of a cell with motifs on its edges.

    Motifs without a path from input to output are no edges, those that no edge of a path takes are left out,
    and those that are the same are one; what is left is numbered anew.

    Args:
        cell: (source, target) -> name of a motif, or ``none``.
        graphs: The motifs by their names, each :func:`normal`.
    """
    there = {edge: name if name != NONE and graphs[name].outputs else NONE for edge, name in cell.items()}
    bare = alive(from_edges(there))
    used = sorted({graphs[name] for node in bare.nodes for _, name in node})
    names = {graph: f"motif{number}" for number, graph in enumerate(used, 1)}
    nodes = tuple(tuple((source, names[graphs[name]]) for source, name in node) for node in bare.nodes)
    return Form(ordered(bare._replace(nodes=nodes)), tuple(used))


def expanded(form: Form) -> Graph:
    """Return the cell as one graph of primitives: each motif in place of its edge, and a 1x1 convolution."""
    if not form.motifs:
        return form.cell
    graphs = {f"motif{number}": graph for number, graph in enumerate(form.motifs, 1)}
    nodes: list[Node] = []
    states = [0]
    for node in form.cell.nodes:
        edges = [(_inserted(nodes, graphs[name], states[source]), PROJECTION) for source, name in node]
        nodes.append(tuple(edges))
        states.append(len(nodes))
    return Graph(1, tuple(nodes), tuple(states[state] for state in form.cell.outputs))


def _inserted(nodes: list[Node], graph: Graph, source: int) -> int:
    """Append the nodes of a motif that begins at ``source``, and return the state that leaves it."""
    states = [source]
    for node in graph.nodes:
        nodes.append(tuple((states[earlier], name) for earlier, name in node))
        states.append(len(nodes))
    return states[graph.outputs[0]]


def with_a_path(nodes: int, present: int, absent: int) -> int:
    """Return how many labelled graphs of ``nodes`` nodes have a path from the first to the last.

    Each pair of nodes is an edge in ``present`` ways and none in ``absent`` ways. The graphs are counted node
    by node, by how many of the earlier ones are reached: with r of i reached, the next is not in
    absentʳ · (present + absent)ⁱ⁻ʳ of the (present + absent)ⁱ ways.
    """
    every = present + absent
    ways = {1: 1}  # reached nodes -> graphs
    for earlier in range(1, nodes - 1):
        grown: dict[int, int] = {}
        for reached, count in ways.items():
            missed = count * absent**reached * every ** (earlier - reached)
            grown[reached] = grown.get(reached, 0) + missed
            grown[reached + 1] = grown.get(reached + 1, 0) + count * every**earlier - missed
        ways = grown
    last = nodes - 1
    return sum(
        count * (every**last - absent**reached * every ** (last - reached)) for reached, count in ways.items()
    )
