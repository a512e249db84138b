"""Reading the reports of a trial: how far it is and how good, whoever wrote the trainable."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, SupportsFloat

from nas_ray.tasks import Objective


def fidelity_of(result: Mapping[str, Any]) -> float:
    """Return the units of fidelity of a report: ``epoch``, or Tune's ``training_iteration``."""
    return float(result.get("epoch", result.get("training_iteration", 0)) or 0)


def score_of(result: Mapping[str, Any], objective: Objective) -> float | None:
    """Return the objective turned so that larger is better, or None if it is missing or not finite."""
    value = result.get(objective.metric)
    if not isinstance(value, SupportsFloat):  # numpy's and torch's scalars are numbers too
        return None
    try:
        number = float(value)
    except (TypeError, ValueError, RuntimeError):  # an array of several numbers
        return None
    return objective.sign * number if math.isfinite(number) else None
