"""The paths of a small cell from its input to its output, as numbers for models of performance."""

from __future__ import annotations

from collections.abc import Mapping

from .cell_graphs import NONE, SKIP, from_edges, on_paths

KINDS = ("skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
LONGEST = 3
SUMMARY = len(KINDS) + 5 + (LONGEST + 1) + 2
"""How many numbers :func:`summary` gives."""

Edges = Mapping[tuple[int, int], str]
"""(source, target) -> operation; sources are smaller than targets, 0 is the input."""


def alive(edges: Edges) -> dict[tuple[int, int], str]:
    """Return ``edges`` with ``none`` wherever an edge lies on no path from input to output."""
    kept = on_paths(from_edges(edges))
    return {
        (source, target): operation if source in kept and target in kept else NONE
        for (source, target), operation in edges.items()
    }


def paths(edges: Edges) -> list[tuple[str, ...]]:
    """Return the operations along every path from input to output, skip connections left out."""
    last = max(target for _, target in edges)

    def from_node(node: int) -> list[tuple[str, ...]]:
        if node == last:
            return [()]
        return [
            (*(() if operation == SKIP else (operation,)), *rest)
            for (source, target), operation in edges.items()
            if source == node and operation != NONE
            for rest in from_node(target)
        ]

    return from_node(0)


def summary(edges: Edges) -> list[float]:
    """Return numbers between 0 and 1 that say how deep and how rich a cell is.

    In order: the share of each operation among the edges; the number of paths; the length of the longest
    path, the most convolutions on a path, the most 3x3 convolutions on a path, the length of the shortest
    path; the number of paths of length 0 to 3; the number of paths with a pooling, and whether there is one
    of length 0. Skip connections have no length.

    Args:
        edges: A cell without dead edges (:func:`alive`).
    """
    operations, found = list(edges.values()), paths(edges)
    lengths = [len(path) for path in found]
    convolutions = [sum("conv" in step for step in path) for path in found]
    large = [path.count("nor_conv_3x3") for path in found]
    most = 2 ** (max(target for _, target in edges) - 1)
    shares = [operations.count(kind) / len(operations) for kind in KINDS]
    depth = [max(each, default=0) / LONGEST for each in (lengths, convolutions, large)]
    shortest = min(lengths, default=LONGEST + 1) / (LONGEST + 1)
    histogram = [lengths.count(length) / most for length in range(LONGEST + 1)]
    pooled = sum("avg_pool_3x3" in path for path in found) / most
    return [*shares, len(found) / most, *depth, shortest, *histogram, pooled, float(0 in lengths)]
