"""Networks that a model of performance chooses among: all of a small space, else a fresh pool."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from nas_ray.spaces import Config, SearchSpace
from nas_ray.tasks import Task

SMALL = 20_000
"""Configurations up to which a space is listed."""
SAMPLES = 100
"""Random networks in a pool."""
PARENTS, CHILDREN = 10, 10
"""The best networks that are mutated for a pool, and mutations of each."""

_listed: WeakKeyDictionary[SearchSpace, dict[Task | None, Candidates]] = WeakKeyDictionary()


class Candidates:
    """Distinct networks with their features.

    Args:
        space: Their space.
        configs: Configurations; of several that are the same network the first one stands.
        known: Whether a network is left out, by its config id.
    """

    def __init__(
        self, space: SearchSpace, configs: Iterable[Config], known: Callable[[str], bool] = lambda _: False
    ) -> None:
        self.configs: list[Config] = []
        self.index: dict[str, int] = {}
        """Place of each network by its config id."""
        for config in configs:
            config_id = space.config_id(config)
            if config_id not in self.index and not known(config_id):
                self.index[config_id] = len(self.configs)
                self.configs.append(config)
        self.features: NDArray[np.float64] = np.asarray([space.features(config) for config in self.configs])
        """Feature vectors, (n, d)."""

    def __len__(self) -> int:
        return len(self.configs)


def is_small(space: SearchSpace) -> bool:
    """Whether all networks of the space are candidates."""
    return space.size() <= SMALL


def all_of(space: SearchSpace, task: Task | None) -> Candidates:
    """Return every network of a small space; listed once for each space and task of a process."""
    by_task = _listed.setdefault(space, {})
    if task not in by_task:
        by_task[task] = Candidates(space, space.enumerate(task))
    return by_task[task]


def pool(
    space: SearchSpace,
    best: Iterable[Config],
    known: Callable[[str], bool],
    rng: np.random.Generator,
    task: Task | None,
    samples: int = SAMPLES,
) -> Candidates:
    """Return samples, and mutations of the best networks, without those that are known.

    Args:
        space: Where they come from.
        best: Networks to mutate.
        known: Whether a config id needs no other training.
        rng: Draws them.
        task: The problem.
        samples: Random networks.
    """
    drawn = [space.sample(rng, task) for _ in range(samples)]
    drawn += [space.mutate(config, rng, task) for config in best for _ in range(CHILDREN)]
    return Candidates(space, drawn, known)
