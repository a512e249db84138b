"""Where a strategy has run dry: unseen neighbours of the best, then samples, then whatever is left."""

from __future__ import annotations

from itertools import islice

import numpy as np

from nas_ray.spaces import Config, SearchSpace
from nas_ray.strategies.memory import Memory
from nas_ray.tasks import Task

SAMPLES = 200
ENUMERABLE = 1_000_000
"""Spaces up to this size are searched to the last configuration before they count as exhausted."""


def unseen(space: SearchSpace, memory: Memory, rng: np.random.Generator, task: Task | None) -> Config | None:
    """Return a valid configuration that was never proposed, or None if the space is exhausted.

    A space of more than 1,000,000 configurations counts as exhausted after 10,000 known samples.
    """
    if (near := neighbour(space, memory, rng, task)) is not None:
        return near
    small = space.size() <= ENUMERABLE
    samples = (space.sample(rng, task) for _ in range(SAMPLES if small else 50 * SAMPLES))
    rest = islice(space.enumerate(task), ENUMERABLE) if small else iter(())
    for configs in (samples, rest):
        for config in configs:
            if not memory.known(space.config_id(config)):
                return config
    return None


def neighbour(
    space: SearchSpace, memory: Memory, rng: np.random.Generator, task: Task | None
) -> Config | None:
    """Return an unseen neighbour of the best network, None if there is none."""
    if memory.best is None:
        return None
    near = list(space.neighbours(memory.best.config, task))
    for index in rng.permutation(len(near)):
        if not memory.known(space.config_id(near[int(index)])):
            return near[int(index)]
    return None
