"""Where the nodes of a drawn graph stand: in layers, so that every edge leads on to a later one."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import mean
from typing import TypeAlias

import networkx as nx

from nas_ray.spaces.architecture import Edge

Node: TypeAlias = Hashable
Layers: TypeAlias = list[list[Node]]

SWEEPS = 8
"""Passes over the layers, forth and back, in which nodes move to the middle of their neighbours."""


@dataclass(frozen=True)
class Layout:
    """A graph on a grid.

    Args:
        labels: Node or operation -> its text.
        operations: Those that are operations.
        layers: Nodes by layer, in order; those without text are places that an edge passes.
        places: Node -> its place across its layer, in unit steps around 0.
        paths: For each edge, the nodes from its source to its target.
    """

    labels: dict[Node, str]
    operations: frozenset[Node]
    layers: Layers
    places: dict[Node, float]
    paths: list[list[Node]]


def laid_out(edges: Sequence[Edge]) -> Layout:
    """Return where the nodes of an acyclic graph stand, in the manner of Sugiyama et al. 1981.

    Operations become nodes of their own, between those that they connect. A layer is as far from the inputs
    as the longest path to it; an edge over several layers takes a place in each, so that it runs through no
    node (https://doi.org/10.1109/TSMC.1981.4308636).
    """
    graph, labels = nx.DiGraph(), dict[Node, str]()
    for number, edge in enumerate(edges):
        labels |= {(name,): name for name in (edge.source, edge.target)}
        stops: list[Node] = [(edge.source,), (edge.target,)]
        if edge.operation:
            labels[number] = edge.operation
            stops.insert(1, number)
        nx.add_path(graph, stops)
    layers: Layers = [list(nodes) for nodes in nx.topological_generations(graph)]
    rank = {node: index for index, nodes in enumerate(layers) for node in nodes}
    paths = []
    for source, target in graph.edges:
        passed = [(source, target, index) for index in range(rank[source] + 1, rank[target])]
        for place in passed:
            layers[place[2]].append(place)
        paths.append([source, *passed, target])
    links = nx.Graph([link for path in paths for link in pairwise(path)])
    ordered = _ordered(layers, links)
    grid = nx.multipartite_layout(links, dict(enumerate(ordered)), scale=_unit(ordered))
    places = {node: float(point[1]) for node, point in grid.items()}
    return Layout(labels, frozenset(range(len(edges))) & labels.keys(), ordered, places, paths)


def _ordered(layers: Layers, links: nx.Graph) -> Layers:
    """Sort each layer by the mean place of the neighbours in the layer before, forth and back."""
    ordered = [list(nodes) for nodes in layers]
    for sweep in range(SWEEPS):
        indices = range(1, len(ordered)) if sweep % 2 == 0 else range(len(ordered) - 2, -1, -1)
        for index in indices:
            before = ordered[index - 1 if sweep % 2 == 0 else index + 1]
            middle = (len(before) - 1) / 2
            place = {node: at - middle for at, node in enumerate(before)}
            pulls = {
                node: mean([place[other] for other in links[node] if other in place] or [0.0])
                for node in ordered[index]
            }
            ordered[index].sort(key=pulls.__getitem__)
    return ordered


def _unit(layers: Layers) -> float:
    """Return the scale that leaves the steps of networkx's grid at 1: its reach around the mean."""
    ranks = [rank for rank, nodes in enumerate(layers) for _ in nodes]
    middle = mean(ranks)
    return max(middle, ranks[-1] - middle, (max(map(len, layers)) - 1) / 2)
