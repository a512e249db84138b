"""The constraints of a run, checked beside the driver while the run goes on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from nas_ray.config import SearchConfig
from nas_ray.costs.beside import START_S, Beside
from nas_ray.costs.survey import check_possible
from nas_ray.engine.shipping import ship
from nas_ray.parts import Parts


@contextmanager
def judged(config: SearchConfig, parts: Parts, *, begins: bool = False) -> Iterator[None]:
    """Have the strategy's proposals judged by the constraints of the run, if there are any.

    Args:
        config: The resolved configuration.
        parts: Its objects.
        begins: Whether the run begins; then it is checked that the constraints leave something to search.

    Raises:
        ConfigError: If they do not.
    """
    if not parts.bounds and not parts.bounds.counted:
        yield
        return
    ship(parts.space, *parts.bounds.rules.values())
    task = parts.task.at(resolution=config.estimation.resolution, width=config.estimation.width)
    with Beside(parts.space, task, parts.bounds) as judge:
        if begins and parts.bounds:
            check_possible(judge, parts.strategy.points_to_evaluate, config.run.seed)
        else:  # the process loads torch before it can answer
            judge(parts.space.sample(np.random.default_rng(config.run.seed), task), START_S)
        parts.strategy.constraints = judge
        try:
            yield
        finally:
            parts.strategy.constraints = None
