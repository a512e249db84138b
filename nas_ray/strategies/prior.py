"""Beginning with the networks that look best before any training, by numbers that cost next to nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from nas_ray.spaces import Config, SearchSpace
from nas_ray.strategies.records import Candidate
from nas_ray.tasks import Task

SOURCE = "prior"
"""``source`` in the note of a network that is proposed since it looks best."""
ONE_IN = 10
"""One in so many networks that were measured is trained before all others."""
TRIES = 20
"""Draws for each network that is wanted, after which a space is taken to have no more."""


@dataclass(frozen=True)
class Measured:
    """A network that was measured, and not trained.

    Args:
        config: Its configuration.
        values: What was measured, by name; empty where it could not be built.
    """

    config: Config
    values: Mapping[str, float]


def drawn(
    space: SearchSpace, count: int, seed: int, task: Task | None, allowed: Callable[[Config], bool]
) -> list[Config]:
    """Return different random networks of a space, fewer than ``count`` where it has no more.

    Args:
        space: The search space.
        count: How many are wanted.
        seed: Of the run; other networks than those that a strategy draws.
        task: The problem, for rules that depend on shapes.
        allowed: Says whether a network may be trained.
    """
    rng = np.random.default_rng([seed, count])
    found: dict[str, Config] = {}
    for _ in range(TRIES * count):
        config = space.sample(rng, task)
        name = space.config_id(config)
        if name not in found and not space.violations(config, task) and allowed(config):
            found[name] = config
            if len(found) == count:
                break
    return list(found.values())


def first_of(measured: Sequence[Measured], names: Iterable[str]) -> list[Candidate]:
    """Return the best tenth of measured networks, best first, at least one.

    Several numbers count by the mean of the ranks in each, how many are below: their units have nothing in
    common. A network that lacks one ranks last in it. The idea is the warm-up of Abdelfattah et al. (ICLR
    2021, https://arxiv.org/abs/2101.08134), where the whole first population comes from it.

    Args:
        measured: The networks.
        names: What counts, of what was measured; of each a larger value is better.
    """
    columns = [[each.values.get(name, -np.inf) for each in measured] for name in names]
    ranks = np.mean([np.searchsorted(np.sort(column), column) for column in columns], axis=0)
    best = np.argsort(-ranks, kind="stable")[: max(1, len(measured) // ONE_IN)]
    chosen = [measured[int(place)] for place in best]
    return [Candidate(each.config, note={"source": SOURCE, **each.values}) for each in chosen if each.values]
