"""Whether what a stopping rule believed came true, from the ledger."""

from __future__ import annotations

from typing import NamedTuple

from nas_ray.ledger.run import RunRecord, TrialRecord, measured

INTERVAL = ("predicted_low", "predicted_high")


class Calibration(NamedTuple):
    """How many of the intervals for final values held them.

    Args:
        inside: Number of intervals that held the final value.
        intervals: Number of intervals of trials that trained to the end.
    """

    inside: int
    intervals: int

    def __str__(self) -> str:
        """Return it as the summary says it."""
        share = f"{self.inside / self.intervals:.0%}"
        return f"predictions {share} of {self.intervals} final values inside their 90 % interval"


def calibration(run: RunRecord) -> Calibration | None:
    """Return the calibration of a run; None where nothing was predicted of a trial that trained to its end.

    The final value of a trial is its best one, which is what the rule ``learning-curve`` predicts. Of trials
    that were stopped nobody knows the final value, and those that trained to the end are chosen ones, so the
    share may be a little too low.
    """
    found = [pair for trial in run.trials.values() for pair in _outcomes(run, trial)]
    return Calibration(sum(found), len(found)) if found else None


def _outcomes(run: RunRecord, trial: TrialRecord) -> list[bool]:
    predicted = [report for report in trial.reports if measured(report, INTERVAL[0]) is not None]
    if not predicted or run.outcome(trial)[0] != "finished":
        return []
    objective = run.objectives[0]
    values = (measured(report, objective.metric) for report in trial.reports)
    final = max(values, key=objective.score)
    if final is None:
        return []
    bounds = ([measured(report, name) for name in INTERVAL] for report in predicted)
    return [low is not None and high is not None and low <= final <= high for low, high in bounds]
