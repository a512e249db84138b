"""The constraints of a run, checked beside the driver while the run goes on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from nas_ray.config import SearchConfig
from nas_ray.costs.beside import Beside
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
    if not parts.bounds:
        yield
        return
    ship(parts.space, *parts.bounds.rules.values())
    task = parts.task.at(resolution=config.estimation.resolution, width=config.estimation.width)
    with Beside(parts.space, task, parts.bounds) as judge:
        if begins:
            check_possible(judge, parts.strategy.points_to_evaluate, config.run.seed)
        parts.strategy.constraints = judge
        try:
            yield
        finally:
            parts.strategy.constraints = None
