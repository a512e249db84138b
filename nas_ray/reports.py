"""Reading the reports of a trial: how far it is and how good, whoever wrote the trainable."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
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


def scores_of(result: Mapping[str, Any], objectives: Sequence[Objective]) -> tuple[float, ...] | None:
    """Return every objective turned so that larger is better, or None if one is missing or not finite."""
    scores = [score_of(result, objective) for objective in objectives]
    found = tuple(score for score in scores if score is not None)
    return found if len(found) == len(scores) else None


def worth_of(result: Mapping[str, Any], objectives: Sequence[Objective]) -> float | None:
    """Return the one number that says how good a network is, larger is better; None if one is missing.

    It is the weighted sum of the objectives where all of them have weights, else the first one.

    Example:
        >>> goal = (Objective("val_acc", "max", 1.0), Objective("params", "min", 1e-7))
        >>> worth_of({"val_acc": 0.75, "params": 500_000}, goal)
        0.7
    """
    scores = scores_of(result, objectives)
    if not scores:
        return None
    weights = [objective.weight for objective in objectives]
    if len(scores) == 1 or None in weights:
        return scores[0]
    return sum(weight * score for weight, score in zip(weights, scores, strict=True) if weight is not None)
