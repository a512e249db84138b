"""Reading Tune's results: what a report or an end says of the objective and the fidelity.

Tune has no flag for a trial that a scheduler stopped: its last report arrives as if it were complete.
nas_ray's own estimator reports ``outcome`` with its last epoch and ``max_epochs`` with every one; for
anybody else's trainable the fidelity reached is compared with the strategy's ``max_fidelity``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from nas_ray.strategies.records import Observation, Outcome, Proposal
from nas_ray.tasks import Objective

Curve = dict[float, float]
"""Score by epoch; a repeated report (after a retry) overwrites."""


def fidelity_of(result: Mapping[str, Any]) -> float:
    """Return the units of fidelity of a report: ``epoch``, or Tune's ``training_iteration``."""
    return float(result.get("epoch", result.get("training_iteration", 0)) or 0)


def score_of(result: Mapping[str, Any], objective: Objective) -> float | None:
    """Return the objective turned so that larger is better, or None if it is missing or not finite."""
    value = result.get(objective.metric)
    if not isinstance(value, (int, float, np.number)) or not math.isfinite(value):
        return None
    return objective.sign * float(value)


def observe(
    proposal: Proposal,
    result: Mapping[str, Any] | None,
    error: bool,
    curve: Curve,
    objective: Objective,
    max_fidelity: float | None,
) -> Observation:
    """Turn the end of a trial into an observation.

    Args:
        proposal: What was trained.
        result: Tune's last result, None where the trial died.
        error: Whether Tune counts it as an error.
        curve: Score by epoch as reported.
        objective: What is optimised.
        max_fidelity: Epochs of a full training, where known.
    """
    result = result or {}
    score, fidelity = score_of(result, objective), fidelity_of(result)
    outcome, reason = _outcome(result, error, score, fidelity, result.get("max_epochs") or max_fidelity)
    if outcome in ("failed", "infeasible", "interrupted"):
        score = None
    elif score is not None and fidelity:
        curve = {**curve, fidelity: score}
    return Observation(
        number=proposal.number,
        config=proposal.config,
        outcome=outcome,
        reason=reason,
        score=score,
        fidelity=fidelity or max(curve, default=0.0),
        complete=outcome == "finished",
        curve=tuple(sorted(curve.items())),
    )


def _outcome(
    result: Mapping[str, Any], error: bool, score: float | None, fidelity: float, full: float | None
) -> tuple[Outcome, str]:
    if error:
        return "failed", str(result.get("reason") or "error")
    told = result.get("outcome")
    if told in ("failed", "infeasible", "interrupted"):
        return told, str(result.get("reason") or "error")
    if not result:
        return "interrupted", "lost"
    if score is None:
        return "failed", "diverged"
    if told == "stopped":
        return "stopped", str(result.get("reason") or "stopping rule")
    if told == "finished" or full is None or fidelity >= full:
        return "finished", ""
    return "stopped", "stopping rule"
