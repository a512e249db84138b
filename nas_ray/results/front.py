"""The Pareto front of a run with several objectives."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from nas_ray.pareto import fronts
from nas_ray.tasks import Objective

if TYPE_CHECKING:
    import pandas as pd


def front_of(trials: pd.DataFrame, objectives: Sequence[Objective]) -> pd.DataFrame:
    """Return the rows of trials that no other trial dominates, the best by the first objective first.

    Only trials that were trained in full compete, or, where there is none, those that a rule stopped; what
    counts is their last report. Of equal networks the first one stands.

    Args:
        trials: One row per proposal.
        objectives: What is optimised, most important first.
    """
    scored = trials[trials["outcome"] == "finished"]
    if scored.empty:
        scored = trials[trials["outcome"] == "stopped"]
    columns = [column_of(trials, objective) for objective in objectives]
    scored = scored.dropna(subset=columns).drop_duplicates(columns)
    signs = [objective.sign for objective in objectives]
    scores = scored[columns].to_numpy(dtype=np.float64) * np.asarray(signs)
    front: pd.DataFrame = scored[fronts(scores) == 0].sort_values(
        columns[0], ascending=objectives[0].mode == "min"
    )
    return front.reset_index(drop=True)


def column_of(trials: pd.DataFrame, objective: Objective) -> str:
    """Return the column of an objective's last report."""
    last = f"{objective.metric}_last"
    return last if last in trials.columns else objective.metric


def front_text(front: pd.DataFrame, objectives: Sequence[Objective], rows: int = 12) -> list[str]:
    """Return the front as lines of text, the ends and what lies evenly between them if it is long."""
    shown = np.unique(np.linspace(0, len(front) - 1, min(rows, len(front))).round().astype(int))
    columns = [column_of(front, objective) for objective in objectives]
    lines = [
        f"Pareto front of {len(front)} networks"
        + (f", {len(shown)} of them:" if len(shown) < len(front) else ":")
    ]
    for row in front.iloc[shown].to_dict("records"):
        values = (
            f"{each.metric} {row[column]:,.6g}" for each, column in zip(objectives, columns, strict=True)
        )
        lines.append(f"  {row['trial_id']}  {', '.join(values)}")
    return lines
