"""The recurrent cell of ENAS as keys of a configuration: a tree of nodes, each with an activation.

Pham et al. 2018, https://arxiv.org/abs/1802.03268, section 2.1, with the highway connections of section 3.1
as they are in the authors' code. Node 0 has the step's input x and the last state h::

    c = sigmoid(x W_xc + h W_hc),   s_0 = c f(x W_xh + h W_hh) + (1 - c) h

Every other node i takes an earlier node j and an activation f::

    c = sigmoid(s_j W_ijc),   s_i = c f(s_j W_ij) + (1 - c) s_j

The new state is the mean of all nodes that no other takes. There are no biases. While it searches, ENAS has
weights for every pair of nodes; a network here has those of its own pairs alone, as ENAS's final one has.
"""

from __future__ import annotations

import math

from ray import tune
from ray.tune.search.sample import Domain

from nas_ray.spaces import Config, Edge

PREFIX = "node"
ACTIVATIONS = ("tanh", "relu", "identity", "sigmoid")

Node = tuple[int, str]
"""The node that it takes (of node 0: itself), and its activation."""


def param_space(nodes: int) -> dict[str, Domain]:
    """Return an activation for each of the nodes, and a source for each from node 2 on; node 1 has node 0."""
    space: dict[str, Domain] = {}
    for node in range(nodes):
        if node > 1:
            space[f"{PREFIX}{node}.source"] = tune.randint(0, node)
        space[f"{PREFIX}{node}.activation"] = tune.choice(list(ACTIVATIONS))
    return space


def size(nodes: int) -> int:
    """Return the number of cells, (N - 1)! 4^N; the paper says N! 4^N for it."""
    cells: int = math.factorial(nodes - 1) * len(ACTIVATIONS) ** nodes
    return cells


def read(config: Config) -> list[Node]:
    """Return the nodes of the cell."""
    nodes = sum(key.startswith(PREFIX) and key.endswith(".activation") for key in config)
    return [
        (config.get(f"{PREFIX}{node}.source", 0), config[f"{PREFIX}{node}.activation"])
        for node in range(nodes)
    ]


def written(cell: list[Node]) -> Config:
    """Return the keys of a cell."""
    config: Config = {f"{PREFIX}{node}.activation": activation for node, (_, activation) in enumerate(cell)}
    return config | {f"{PREFIX}{node}.source": cell[node][0] for node in range(2, len(cell))}


def leaves(cell: list[Node]) -> list[int]:
    """Return the nodes that no other takes."""
    taken = {source for source, _ in cell[1:]}
    return [node for node in range(len(cell)) if node not in taken]


def ordered(config: Config) -> Config:
    """Return the keys of the cell with its nodes in an order that the tree alone decides.

    A node is written as its activation and its children, in alphabetical order; the nodes are numbered as
    they stand in the text of node 0.
    """
    cell = read(config)
    texts, children = ["" for _ in cell], [list[int]() for _ in cell]
    for node in reversed(range(len(cell))):  # children have higher numbers
        children[node].sort(key=texts.__getitem__)
        texts[node] = f"{cell[node][1]}({' '.join(texts[child] for child in children[node])})"
        if node:
            children[cell[node][0]].append(node)
    numbered: list[Node] = []
    waiting = [(0, 0)]
    while waiting:
        node, source = waiting.pop()
        waiting += [(child, len(numbered)) for child in reversed(children[node])]
        numbered.append((source, cell[node][1]))
    return written(numbered)


def edges(config: Config) -> list[Edge]:
    """Return the cell as a graph, from the input and the last state to the new state."""
    cell = read(config)
    drawn = [Edge(begin, "0", cell[0][1]) for begin in ("input", "state")]
    drawn += [Edge(str(source), str(node), name) for node, (source, name) in enumerate(cell) if node]
    return drawn + [Edge(str(node), "new state", "mean") for node in leaves(cell)]


def draw(config: Config) -> str:
    """Draw the cell as one line for each node."""
    cell = read(config)
    lines = [f"node 0 = {cell[0][1]}(input, state)"]
    lines += [f"node {node} = {name}(node {source})" for node, (source, name) in enumerate(cell) if node]
    return "\n".join([*lines, f"state = mean of nodes {', '.join(map(str, leaves(cell)))}"])


def parsed(arc: str) -> list[Node]:
    """Return the nodes of a cell in the notation of the authors' code.

    Args:
        arc: The activation of node 0, then source and activation of each other node, as numbers.
    """
    numbers = [0, *map(int, arc.split())]
    return [(numbers[at], ACTIVATIONS[numbers[at + 1]]) for at in range(0, len(numbers), 2)]


PENN_TREEBANK = written(parsed("0 0 0 1 1 2 1 2 0 2 0 5 1 1 0 6 1 8 1 8 1 8 1"))
"""The cell that ENAS found on the Penn Treebank: figure 6 of the paper, as its authors' code writes it."""
