"""Reading Tune's results: what a report or an end says of the objective and the fidelity.

Tune has no flag for a trial that a scheduler stopped: its last report arrives as if it were complete.
nas_ray's own estimator reports ``outcome`` with its last epoch and ``max_epochs`` with every one; for
anybody else's trainable the fidelity reached is compared with the strategy's ``max_fidelity``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nas_ray.reports import fidelity_of, scores_of, worth_of
from nas_ray.strategies.records import PAUSED, Observation, Outcome, Proposal
from nas_ray.tasks import Objective

Curve = dict[float, float]
"""Score by epoch; a repeated report (after a retry) overwrites."""


def observe(
    proposal: Proposal,
    result: Mapping[str, Any] | None,
    error: bool,
    curve: Curve,
    objectives: Sequence[Objective],
    max_fidelity: float | None,
) -> Observation:
    """Turn the end of a trial into an observation.

    Args:
        proposal: What was trained.
        result: Tune's last result, None where the trial died.
        error: Whether Tune counts it as an error.
        curve: Score by epoch as reported.
        objectives: What is optimised, most important first.
        max_fidelity: Epochs of a full training, where known.
    """
    result = result or {}
    score, fidelity = worth_of(result, objectives), fidelity_of(result)
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
        scores=() if score is None else scores_of(result, objectives) or (),
    )


def paused(
    proposal: Proposal, result: Mapping[str, Any], curve: Curve, objectives: Sequence[Objective]
) -> Observation:
    """Turn the last report of a trial before a pause into an observation.

    Args:
        proposal: What is trained.
        result: The report; its score is finite.
        curve: Score by epoch as reported.
        objectives: What is optimised, most important first.
    """
    return Observation(
        number=proposal.number,
        config=proposal.config,
        outcome="running",
        reason=PAUSED,
        score=worth_of(result, objectives),
        fidelity=fidelity_of(result),
        curve=tuple(sorted(curve.items())),
        scores=scores_of(result, objectives) or (),
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
