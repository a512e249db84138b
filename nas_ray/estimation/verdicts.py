"""When a trial ends before its time: a limit on its costs is broken, or its training diverged."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from nas_ray.costs import Costs, count
from nas_ray.errors import ConfigError
from nas_ray.spaces import Config, SearchSpace
from nas_ray.tasks import Objective, Task

LIMITED = ("params", "flops")

LOSSES = ("train_loss", "val_loss")
"""Watched beside the objectives: an accuracy stays finite when the weights no longer are."""


def check_limits(limits: Mapping[str, float]) -> None:
    """Check the names of limits.

    Raises:
        ConfigError: If one is not counted.
    """
    if unknown := limits.keys() - set(LIMITED):
        raise ConfigError(f"a limit must be on one of {', '.join(LIMITED)}, but got {sorted(unknown)}")


def foreseen_costs(space: SearchSpace, config: Config, task: Task) -> Costs | None:
    """Count a network on the meta device, so that one beyond its limits takes no memory at all.

    Returns:
        The costs, or None for a network that the meta device cannot run; it is counted once it is built.
    """
    try:
        return count(space, config, task)
    except Exception:  # whatever a user's module does there; what is really wrong shows when it is built
        return None


def broken_limits(costs: Costs, limits: Mapping[str, float]) -> str:
    """Return the limits that a network breaks, in words; empty if it keeps them."""
    counted = {name: getattr(costs, name) for name in LIMITED}
    return "; ".join(
        f"`{name}` must be at most {limit:,.0f}, but got {counted[name]:,}"
        for name, limit in limits.items()
        if counted[name] > limit
    )


def divergence(result: Mapping[str, Any], objectives: Iterable[Objective]) -> str:
    """Return what is not finite in an epoch's metrics, in words; empty if the training is sound.

    Raises:
        ConfigError: If an objective is not among the metrics: without it Tune would end the whole run.
    """
    wanted = [objective.metric for objective in objectives]
    for name in wanted:
        if name not in result:
            raise ConfigError(f"an epoch must report the objective {name!r}, but got {sorted(result)}")
    for name in (*wanted, *LOSSES):
        if not math.isfinite(result.get(name, 0.0)):
            return f"`{name}` must be finite, but is {result[name]} in epoch {result['epoch']}"
    return ""
