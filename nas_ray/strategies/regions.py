"""Regions of good and bad networks, learned from results: the search tree of LaNAS."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from nas_ray.spaces import Config, SearchSpace
from nas_ray.strategies.memory import Memory
from nas_ray.strategies.records import Proposal
from nas_ray.tasks import Task

DEPTH = 4
"""Splits on the way to a leaf."""
SMALLEST = 8
"""Networks below which a region is not split."""
RIDGE = 1.0
DRAWS = 200
"""Networks drawn for each proposal, half of them mutations of the region's own."""

Array = NDArray[np.float64]


class Regions:
    """A binary tree of regions, made anew for each proposal (Wang et al. 2021, sections 3.1 to 3.3).

    In a node, a linear regression on the features predicts the rewards of its networks; those above the mean
    of the predictions go to the left, the good region, the others to the right. From the root on, the child
    with the larger upper confidence bound is taken; a network of that leaf is found by drawing until one
    keeps the constraints of all splits on the way.

    Where we differ: rewards are ranks; half of the draws are mutations of the networks in the leaf, since of
    random draws few keep all constraints; where none does, the draw that is predicted best is taken.

    Args:
        space: Where networks come from.
        task: The problem.
        exploration: Weight of the confidence, in units of the reward.
    """

    def __init__(self, space: SearchSpace, task: Task | None, exploration: float) -> None:
        self._space, self._task, self._exploration = space, task, exploration
        self._numbers: list[int] = []
        self._configs: list[Config] = []
        self._features: list[Array] = []

    def add(self, proposal: Proposal) -> None:
        """Take in a network that is trained, or was."""
        self._numbers.append(proposal.number)
        self._configs.append(proposal.config)
        self._features.append(self._space.features(proposal.config))

    def sample(self, rewards: dict[int, float], memory: Memory, rng: np.random.Generator) -> Config:
        """Return a network of the region that promises most; a random one while nothing can be split."""
        if len(self._numbers) < 2 * SMALLEST:
            return self._space.sample(rng, self._task)
        x, y = self._augmented(), np.asarray([rewards.get(number, 0.0) for number in self._numbers])
        members, splits = np.arange(len(y)), list[tuple[Array, float, int]]()
        for _ in range(DEPTH):
            if (split := _split(x[members], y[members])) is None:
                break
            weights, threshold, good = split
            side = self._better(y[members], good)
            splits.append((weights, threshold, 1 if side else -1))
            members = members[good == side]
        return self._draw([self._configs[int(at)] for at in members], splits, memory, rng)

    def _augmented(self) -> Array:
        return np.column_stack([np.asarray(self._features), np.ones(len(self._features))])

    def _better(self, y: Array, good: NDArray[np.bool_]) -> bool:
        """Return whether the good side has the larger upper confidence bound."""
        log_n = math.log(len(y))
        bounds = [
            y[side].mean() + self._exploration * math.sqrt(2 * log_n / side.sum()) for side in (good, ~good)
        ]
        return bool(bounds[0] >= bounds[1])

    def _draw(
        self,
        members: list[Config],
        splits: list[tuple[Array, float, int]],
        memory: Memory,
        rng: np.random.Generator,
    ) -> Config:
        space, task = self._space, self._task
        drawn = [space.sample(rng, task) for _ in range(DRAWS // 2)]
        parents = rng.integers(len(members), size=DRAWS // 2)
        drawn += [space.mutate(members[int(at)], rng, task) for at in parents]
        fresh = [config for config in drawn if not memory.known(space.config_id(config))]
        if not fresh or not splits:
            return (fresh or drawn)[0]
        x = np.column_stack([np.asarray([space.features(config) for config in fresh]), np.ones(len(fresh))])
        margins = np.asarray([sign * (x @ weights - threshold) for weights, threshold, sign in splits])
        kept = np.flatnonzero((margins >= 0).all(axis=0))
        if len(kept):
            return fresh[int(kept[int(rng.random() * len(kept))])]
        return fresh[int(np.argmax(margins.min(axis=0)))]


def _split(x: Array, y: Array) -> tuple[Array, float, NDArray[np.bool_]] | None:
    """Return weights and threshold of a linear split and who is on its good side, None if there is none."""
    if len(y) < SMALLEST or np.ptp(y) == 0:
        return None
    mean = y.mean()
    weights: Array = np.linalg.solve(x.T @ x + RIDGE * np.eye(x.shape[1]), x.T @ (y - mean))
    predicted = x @ weights
    threshold = float(predicted.mean())
    good = predicted >= threshold
    return None if good.all() or not good.any() else (weights, threshold, good)
