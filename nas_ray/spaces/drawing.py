"""An architecture as a drawing: cells and networks as graphs, in SVG or what else matplotlib writes."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch
from matplotlib.path import Path as Curve
from matplotlib.textpath import TextPath

from nas_ray.errors import ConfigError
from nas_ray.spaces.architecture import Edge
from nas_ray.spaces.layered import Layout, Node, laid_out
from nas_ray.spaces.space import Config, SearchSpace

FONT = 9.0
LINE, PAD = 0.3, 0.07
"""Height of a box, and the room between its text and its border, in inches."""
DOWN, RIGHT, STEP = 0.3, 0.5, 0.4
"""Room between two layers that follow downwards or to the right, and from row to row, in inches."""
MARGIN = 0.15
NARROW = 2
"""Nodes of the widest layer up to which a graph runs from the top down; others run from left to right."""

NODE, OPERATION = ("#dbe9f6", "#4878a8"), ("#fff3d6", "#b08a2e")
"""Fill and border."""

STABLE: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "nas_ray",
    "font.family": "DejaVu Sans",
    "text.parse_math": False,
}
"""Text stays text, a dollar sign is one, and the same architecture gives the same file."""


def draw(space: SearchSpace, config: Config, path: str | os.PathLike[str]) -> Path:
    """Write the drawing of an architecture: its graphs, or without any its description as a chain.

    Args:
        space: Its space.
        config: A member of it.
        path: The file; its ending says the format, such as ``.svg``, ``.png`` or ``.pdf``.

    Returns:
        The path.

    Raises:
        ConfigError: If matplotlib does not write such files.
    """
    file = Path(path)
    graphs = {name: edges for name, edges in space.graphs(config).items() if edges}
    with rc_context(STABLE):
        figure = drawn(graphs or {space.name: chain(space.describe(config))})
        known = figure.canvas.get_supported_filetypes()
        if file.suffix[1:].lower() not in known:
            raise ConfigError(
                f"a drawing must be a file ending in .{', .'.join(known)}, but got {str(file)!r}"
            )
        figure.savefig(file, metadata={"Date": None} if file.suffix.lower() == ".svg" else None)
    return file


def chain(text: str) -> list[Edge]:
    """Return the lines of a description as nodes one after the other; equal lines stay apart."""
    lines = [line.strip().removeprefix("-> ") for line in text.splitlines() if line.strip()]
    names = [line + " " * lines[:at].count(line) for at, line in enumerate(lines)]
    return [Edge(*pair) for pair in pairwise(names)] or [Edge(name, "output") for name in names]


def drawn(graphs: Mapping[str, Sequence[Edge]]) -> Figure:
    """Return the drawing of named graphs, one below the other, in inches."""
    boards = {name: _Board(laid_out(edges)) for name, edges in graphs.items()}
    width = 2 * MARGIN + max(max(board.width, 1.2 * _inches(name)) for name, board in boards.items())
    height = MARGIN + sum(board.height + LINE + MARGIN for board in boards.values())
    figure = Figure(figsize=(width, height))
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, width), ylim=(height, 0))
    axes.set_axis_off()
    top = MARGIN
    for name, board in boards.items():
        axes.text(MARGIN, top + LINE / 2, name, fontsize=FONT, fontweight="bold", va="center")
        board.draw(axes, MARGIN, top + LINE)
        top += board.height + LINE + MARGIN
    return figure


class _Board:
    """A layout in inches: which way it runs, how large it is, and where its boxes stand."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.down = max(map(len, layout.layers)) <= NARROW
        self._widths = {node: _inches(text) + 2 * PAD for node, text in layout.labels.items()}
        gap = DOWN if self.down else RIGHT
        self._centres: dict[Node, tuple[float, float]] = {}
        """Along the layers, from the first on, and across them, from the middle."""
        self._half: dict[Node, float] = {}
        """From a centre to where its edges begin and end; what passes a layer runs straight through."""
        along = -gap
        for nodes in layout.layers:
            widest = max(self._widths.get(node, 0.0) for node in nodes)
            depth, step = (LINE, widest + DOWN) if self.down else (widest, STEP)
            for node in nodes:
                self._centres[node] = (along + gap + depth / 2, layout.places[node] * step)
                self._half[node] = depth / 2 if self.down else self._widths.get(node, depth) / 2
            along += gap + depth
        self._reach = max(
            abs(across) + (self._widths.get(node, 0.0) if self.down else LINE) / 2
            for node, (_, across) in self._centres.items()
        )
        self.width, self.height = (2 * self._reach, along) if self.down else (along, 2 * self._reach)

    def draw(self, axes: Axes, left: float, top: float) -> None:
        """Draw edges and boxes, with the corner of the board at (left, top)."""
        for path in self.layout.paths:
            axes.add_patch(self._arrow(path, left, top))
        for node, text in self.layout.labels.items():
            x, y = self._at(node, left, top)
            fill, border = OPERATION if node in self.layout.operations else NODE
            shape = f"round,pad={72 * PAD / FONT}"
            box: dict[str, Any] = {"boxstyle": shape, "facecolor": fill, "edgecolor": border}
            axes.text(x, y, text.strip(), fontsize=FONT, ha="center", va="center", bbox=box)

    def _at(self, node: Node, left: float, top: float) -> tuple[float, float]:
        return self._turned(self._centres[node], left, top)

    def _turned(self, point: tuple[float, float], left: float, top: float) -> tuple[float, float]:
        along, across = point[0], point[1] + self._reach
        return (left + across, top + along) if self.down else (left + along, top + across)

    def _arrow(self, path: Sequence[Node], left: float, top: float) -> FancyArrowPatch:
        """A line that runs along the layers through each of its nodes, and bends between them."""
        points, codes = list[tuple[float, float]](), list[Any]()
        for one, two in pairwise(path):
            (here, from_), (there, to) = self._centres[one], self._centres[two]
            begin, end = here + self._half[one], there - self._half[two]
            middle = (begin + end) / 2
            points += [(begin, from_), (middle, from_), (middle, to), (end, to)]
            codes += [Curve.LINETO if codes else Curve.MOVETO, *[Curve.CURVE4] * 3]
        curve = Curve([self._turned(point, left, top) for point in points], codes)
        return FancyArrowPatch(path=curve, arrowstyle="-|>", mutation_scale=9, color="#555555", lw=0.9)


@lru_cache(10_000)  # the same operations stand in a drawing again and again
def _inches(text: str) -> float:
    return float(TextPath((0, 0), text.strip(), size=FONT).get_extents().width) / 72
