"""``darts``: the cells of differentiable architecture search, and networks that stack them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from functools import lru_cache

from ray import tune
from ray.tune.search.sample import Domain

from nas_ray.spaces import Config

from . import options
from .cell_graphs import Graph
from .cell_space import CELLS, INPUTS, TwoCellSpace

OPERATIONS = (
    "max_pool_3x3",
    "avg_pool_3x3",
    "skip_connect",
    "sep_conv_3x3",
    "sep_conv_5x5",
    "dil_conv_3x3",
    "dil_conv_5x5",
)
NODES = 4
STATES = range(INPUTS, INPUTS + NODES)
PAIRS = {state: list(itertools.combinations(range(state), 2)) for state in STATES}
"""State -> the pairs of earlier states that it may sum."""
SETTINGS = {state: (("inputs",) if len(pairs) > 1 else ()) + ("op1", "op2") for state, pairs in PAIRS.items()}
KEYS = {
    kind: [f"{kind}.node{state}.{setting}" for state in STATES for setting in SETTINGS[state]]
    for kind in CELLS
}

Genotype = Mapping[str, Sequence[tuple[str, int]]]
"""Cell -> its eight edges, two for each node: operation and source, as the authors write it."""

DARTS_V1: Genotype = {
    "normal": [
        ("sep_conv_3x3", 1), ("sep_conv_3x3", 0), ("skip_connect", 0), ("sep_conv_3x3", 1),
        ("skip_connect", 0), ("sep_conv_3x3", 1), ("sep_conv_3x3", 0), ("skip_connect", 2),
    ],
    "reduce": [
        ("max_pool_3x3", 0), ("max_pool_3x3", 1), ("skip_connect", 2), ("max_pool_3x3", 0),
        ("max_pool_3x3", 0), ("skip_connect", 2), ("skip_connect", 2), ("avg_pool_3x3", 0),
    ],
}  # fmt: skip
DARTS_V2: Genotype = {
    "normal": [
        ("sep_conv_3x3", 0), ("sep_conv_3x3", 1), ("sep_conv_3x3", 0), ("sep_conv_3x3", 1),
        ("sep_conv_3x3", 1), ("skip_connect", 0), ("skip_connect", 0), ("dil_conv_3x3", 2),
    ],
    "reduce": [
        ("max_pool_3x3", 0), ("max_pool_3x3", 1), ("skip_connect", 2), ("max_pool_3x3", 1),
        ("max_pool_3x3", 0), ("skip_connect", 2), ("skip_connect", 2), ("max_pool_3x3", 1),
    ],
}  # fmt: skip
PC_DARTS: Genotype = {
    "normal": [
        ("sep_conv_3x3", 1), ("skip_connect", 0), ("sep_conv_3x3", 0), ("dil_conv_3x3", 1),
        ("sep_conv_5x5", 0), ("sep_conv_3x3", 1), ("avg_pool_3x3", 0), ("dil_conv_3x3", 1),
    ],
    "reduce": [
        ("sep_conv_5x5", 1), ("max_pool_3x3", 0), ("sep_conv_5x5", 1), ("sep_conv_5x5", 2),
        ("sep_conv_3x3", 0), ("sep_conv_3x3", 3), ("sep_conv_3x3", 1), ("sep_conv_3x3", 2),
    ],
}  # fmt: skip


class DARTS(TwoCellSpace):
    """The cells of Liu et al., ICLR 2019, https://arxiv.org/abs/1806.09055, as the search leaves them.

    A cell has two inputs, the outputs of the two cells before it, and four nodes. A node sums two edges from
    different earlier states, each with one of seven operations (the paper's ``none`` is never chosen); the
    output concatenates the four nodes. Convolutions are ReLU, convolution, batch normalisation; separable
    ones stand twice in a row. The network is a convolution of 3C channels, ``cells`` cells, global average
    pooling and a linear layer. The cells at 1/3 and 2/3 are reductions: edges from inputs have stride 2.

    The number of cells of one kind is the paper's, ∏ₖ k(k + 1)/2 · 7² over k = 1 to 4, about 10⁹; with both
    kinds there are about 10¹⁸ configurations.

    The same network: cells that differ by the order of their nodes or of the terms of a sum, exactly. What
    skip connections make equal (two nodes that sum the same two states) is not looked for.

    The dials of fidelity: ``width`` scales C; any resolution from 1x1 on will do, as maps are rounded up. The
    counts of parameters that are published leave out the auxiliary classifier.

    Args:
        channels: C, channels of a node in the first cells: 16 in the authors' search, 36 in their evaluation.
        cells: Number of cells, at least 3: 8 in the search, 20 in the evaluation.
        auxiliary: Weight of the loss of a second classifier after the second reduction; 0 builds none, the
            authors take 0.4. Its layers are as wide at any C, 128 and 768, and count as parameters.
        drop_path: Probability of dropping an edge that is no identity, in training; the authors take 0.2.
        scheduled: Whether it grows linearly from 0 over the training, as the authors' does.

    Raises:
        ConfigError: If a number is out of its range.
    """

    name = "darts"
    operations = OPERATIONS
    nodes = NODES

    def __init__(
        self,
        *,
        channels: int = 16,
        cells: int = 8,
        auxiliary: float = 0.0,
        drop_path: float = 0.0,
        scheduled: bool = True,
    ) -> None:
        super().__init__(channels, auxiliary, drop_path, scheduled)
        self.cells = options.whole("cells", cells, 3)

    def param_space(self) -> dict[str, Domain]:
        """Return the inputs and the two operations of each node; the first node has no choice of inputs."""
        space: dict[str, Domain] = {}
        for key in itertools.chain(*KEYS.values()):
            node, setting = key.rsplit(".", 1)
            pairs = [_text(pair) for pair in PAIRS[int(node[-1])]]
            space[key] = tune.choice(pairs if setting == "inputs" else list(OPERATIONS))
        return space

    def size(self) -> int:
        """Return the number of configurations, (1 · 3 · 6 · 10 · 7⁸)²: each is valid."""
        cells: int = math.prod(len(pairs) * len(OPERATIONS) ** 2 for pairs in PAIRS.values())
        return int(cells ** len(CELLS))

    def members(self) -> Mapping[str, Config]:
        """Return the published cells: of the paper's first and second order, and of Xu et al. 2020.

        PC-DARTS, https://arxiv.org/abs/1907.05737, searched this space; its cells are those for CIFAR-10.
        """
        return {"darts-v1": member(DARTS_V1), "darts-v2": member(DARTS_V2), "pc-darts": member(PC_DARTS)}

    def cell(self, config: Config, kind: str) -> Graph:
        """Return the ``"normal"`` or ``"reduce"`` cell of ``config``."""
        return _cell(tuple(config[key] for key in KEYS[kind]))

    def strides(self) -> list[int]:
        """Return 2 for the cells at 1/3 and 2/3, 1 for the others."""
        reductions = (self.cells // 3, 2 * self.cells // 3)
        return [2 if at in reductions else 1 for at in range(self.cells)]


@lru_cache(10_000)
def _cell(values: tuple[str, ...]) -> Graph:
    """Return a cell from the values of its keys, of which the first node has none for its inputs."""
    rows = ("0+1", *values)
    nodes = []
    for pair, first, second in zip(rows[::3], rows[1::3], rows[2::3], strict=True):
        one, other = pair.split("+")
        nodes.append(((int(one), first), (int(other), second)))
    return Graph(INPUTS, tuple(nodes), tuple(STATES))


def member(genotype: Genotype) -> Config:
    """Return the configuration of a genotype as the authors write it."""
    config: Config = {}
    for kind, edges in genotype.items():
        for at, state in enumerate(STATES):
            (one, first), (other, second) = sorted(edges[2 * at : 2 * at + 2], key=lambda edge: edge[1])
            node = f"{kind}.node{state}"
            if len(PAIRS[state]) > 1:
                config[f"{node}.inputs"] = _text((first, second))
            config |= {f"{node}.op1": one, f"{node}.op2": other}
    return config


def _text(pair: tuple[int, int]) -> str:
    return f"{pair[0]}+{pair[1]}"
