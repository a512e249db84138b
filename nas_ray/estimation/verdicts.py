"""When a trial ends before its time: its training diverged."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from nas_ray.errors import ConfigError
from nas_ray.tasks import Objective

LOSSES = ("train_loss", "val_loss")
"""Watched beside the objectives: an accuracy stays finite when the weights no longer are."""


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
