"""How a run that stopped gets more to do."""

from __future__ import annotations

import math

from nas_ray.ledger.run import RunRecord

TOTALS = {"done": "trials", "epochs": "epochs", "time_budget": "time_budget"}
"""Why a run stopped -> the limit that it reached."""


def new_total(run: RunRecord) -> str:
    """Return the flag of ``nas-ray resume`` that doubles the limit at which a run stopped.

    Empty where it stopped at none: a resume without a flag takes it up.

    Example::

        "--time-budget 120"
    """
    name = TOTALS.get(run.stop["reason"], "") if run.stop else ""
    total = run.setting(name)
    if total is None:
        return ""
    done = {"epochs": len(run.reports), "time_budget": math.ceil(run.total_s)}.get(name, 0)
    return f"--{name.replace('_', '-')} {2 * max(total, done):.12g}"
