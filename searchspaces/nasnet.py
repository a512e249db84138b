"""``nasnet``: the cells of the NASNet search space, and networks that stack them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from functools import lru_cache

from ray import tune
from ray.tune.search.sample import Domain

from nas_ray.spaces import Config
from nas_ray.tasks import Task

from . import options
from .cell_graphs import Graph
from .cell_space import CELLS, INPUTS, TwoCellSpace

OPERATIONS = (
    "skip_connect",
    "conv_1x3_3x1",
    "conv_1x7_7x1",
    "dil_conv_3x3",
    "avg_pool_3x3",
    "max_pool_3x3",
    "max_pool_5x5",
    "max_pool_7x7",
    "conv_1x1",
    "conv_3x3",
    "sep_conv_3x3",
    "sep_conv_5x5",
    "sep_conv_7x7",
)
BLOCKS = 5
STATES = range(INPUTS, INPUTS + BLOCKS)
SIDES = ("left", "right")
KEYS = {
    kind: [
        f"{kind}.block{state}.{side}.{setting}"
        for state in STATES
        for side in SIDES
        for setting in ("input", "op")
    ]
    for kind in CELLS
}

Blocks = Mapping[str, Sequence[tuple[str, int]]]
"""Cell -> operation and source of the two sides of each block, in turn."""

NASNET_A: Blocks = {
    "normal": [
        ("sep_conv_5x5", 1), ("sep_conv_3x3", 0), ("sep_conv_5x5", 0), ("sep_conv_3x3", 0),
        ("avg_pool_3x3", 1), ("skip_connect", 0), ("avg_pool_3x3", 0), ("avg_pool_3x3", 0),
        ("sep_conv_3x3", 1), ("skip_connect", 1),
    ],
    "reduce": [
        ("sep_conv_5x5", 1), ("sep_conv_7x7", 0), ("max_pool_3x3", 1), ("sep_conv_7x7", 0),
        ("avg_pool_3x3", 1), ("sep_conv_5x5", 0), ("skip_connect", 3), ("avg_pool_3x3", 2),
        ("sep_conv_3x3", 2), ("max_pool_3x3", 1),
    ],
}  # fmt: skip
AMOEBANET_A: Blocks = {
    "normal": [
        ("avg_pool_3x3", 1), ("max_pool_3x3", 1), ("sep_conv_3x3", 0), ("skip_connect", 0),
        ("skip_connect", 1), ("avg_pool_3x3", 0), ("sep_conv_3x3", 1), ("sep_conv_5x5", 2),
        ("avg_pool_3x3", 5), ("sep_conv_3x3", 1),
    ],
    "reduce": [
        ("sep_conv_3x3", 0), ("avg_pool_3x3", 1), ("max_pool_3x3", 1), ("sep_conv_7x7", 2),
        ("max_pool_3x3", 0), ("max_pool_3x3", 1), ("sep_conv_3x3", 4), ("conv_1x7_7x1", 1),
        ("avg_pool_3x3", 0), ("sep_conv_7x7", 1),
    ],
}  # fmt: skip


class NASNet(TwoCellSpace):
    """The cells of Zoph et al., CVPR 2018, https://arxiv.org/abs/1707.07012, with additions in the blocks.

    A cell has two inputs, hᵢ₋₁ (state 0) and hᵢ (state 1), the outputs of the two cells before it, and five
    blocks. A block takes two earlier states, which may be the same, puts one of the paper's 13 operations on
    each, and adds them up; the output concatenates the blocks that no other block takes. Convolutions are
    ReLU, convolution, batch normalisation; separable ones stand twice in a row. The network is a convolution
    of 3C channels, N normal cells, a reduction, N normal cells, a reduction, N normal cells, global average
    pooling and a linear layer.

    Rule: a cell takes hᵢ, the cell before it; otherwise every other cell of the network would be dead.

    There are (720² - 120²)² · 13²⁰, about 4.8 · 10³³ configurations, 720² · 13¹⁰ cells of a kind before the
    rule. The paper gives no number; Liu et al. 2018, https://arxiv.org/abs/1712.00559, put the space at 10²⁸
    without showing the count. The paper's other way to combine, concatenation, is not offered: none of its
    published cells has one.

    The same network: cells that differ by the order of their blocks or of the two sides of a block, exactly;
    an input that no block takes is left out. What operations make equal (the average of a state twice) is not
    looked for.

    Where we differ from the authors' code: their NASNet-A also concatenates hᵢ₋₁ in the normal cell and the
    second block in the reduction, though other blocks take them, which makes its 3.3 million parameters of
    the 3.1 here (channels=32, cells=6); their auxiliary classifier stands before the second reduction; their
    drop-path is weaker in early cells. As in the code of DARTS, identities of stride 2 are factorized
    reductions, and every input comes to C channels by a convolution, also where it has C.

    The dials of fidelity: ``width`` scales C; any resolution from 1x1 on will do, as maps are rounded up. The
    counts of parameters that are published leave out the auxiliary classifier.

    Args:
        channels: C, channels of a block in the first cells; 32 in the published 6 @ 768.
        cells: N, normal cells in a row; 6 in the published 6 @ 768.
        auxiliary: Weight of the loss of a second classifier after the second reduction; 0 builds none, the
            paper takes 0.4. Its layers are as wide at any C, 128 and 768, and count as parameters.
        drop_path: Probability of dropping an edge that is no identity, in training; the authors' code for
            CIFAR-10 has 0.4.
        scheduled: Whether it grows linearly from 0 over the training (the paper's ScheduledDropPath).

    Raises:
        ConfigError: If a number is out of its range.
    """

    name = "nasnet"
    operations = OPERATIONS
    nodes = BLOCKS

    def __init__(
        self,
        *,
        channels: int = 16,
        cells: int = 2,
        auxiliary: float = 0.0,
        drop_path: float = 0.0,
        scheduled: bool = True,
    ) -> None:
        super().__init__(channels, auxiliary, drop_path, scheduled)
        self.cells = options.whole("cells", cells, 1)

    def param_space(self) -> dict[str, Domain]:
        """Return the state and the operation of each side of each block."""
        space: dict[str, Domain] = {}
        for kind, state, side in itertools.product(CELLS, STATES, SIDES):
            block = f"{kind}.block{state}.{side}"
            space[f"{block}.input"] = tune.choice([str(earlier) for earlier in range(state)])
            space[f"{block}.op"] = tune.choice(list(OPERATIONS))
        return space

    def violations(self, config: Config, task: Task | None = None) -> list[str]:
        """Return for each cell that does not take the cell before it so in words."""
        if task and (unserved := self.unserved(task)):
            return [unserved]
        return [
            f"a cell takes the cell before it: one block of the {kind} cell must have the input '1'"
            for kind in CELLS
            if all(source != 1 for node in self.cell(config, kind).nodes for source, _ in node)
        ]

    def size(self) -> int:
        """Return the number of configurations that keep the rule, sides and blocks in every order."""
        every: int = math.prod(state**2 for state in STATES)
        without_last: int = math.prod((state - 1) ** 2 for state in STATES)
        cells = (every - without_last) * len(OPERATIONS) ** (2 * BLOCKS)
        return int(cells ** len(CELLS))

    def members(self) -> Mapping[str, Config]:
        """Return NASNet-A of the paper, and AmoebaNet-A of Real et al. 2019 as their code has it.

        The latter, https://arxiv.org/abs/1802.01548, was found in this space by regularised evolution.
        """
        return {"nasnet-a": member(NASNET_A), "amoebanet-a": member(AMOEBANET_A)}

    def cell(self, config: Config, kind: str) -> Graph:
        """Return the ``"normal"`` or ``"reduce"`` cell of ``config``; its outputs are the unused blocks."""
        return _cell(tuple(config[key] for key in KEYS[kind]))

    def strides(self) -> list[int]:
        """Return N times 1, 2, N times 1, 2, N times 1."""
        row = [1] * self.cells
        return [*row, 2, *row, 2, *row]


@lru_cache(10_000)
def _cell(values: tuple[str, ...]) -> Graph:
    """Return a cell from the values of its keys: input and operation of each side of each block."""
    edges = [(int(source), name) for source, name in zip(values[::2], values[1::2], strict=True)]
    nodes = tuple(tuple(sorted(pair)) for pair in zip(edges[::2], edges[1::2], strict=True))
    taken = {source for source, _ in edges}
    return Graph(INPUTS, nodes, tuple(state for state in STATES if state not in taken))


def member(blocks: Blocks) -> Config:
    """Return the configuration of published cells."""
    config: Config = {}
    for kind, edges in blocks.items():
        for (state, side), (name, source) in zip(itertools.product(STATES, SIDES), edges, strict=True):
            config[f"{kind}.block{state}.{side}.input"] = str(source)
            config[f"{kind}.block{state}.{side}.op"] = name
    return config
