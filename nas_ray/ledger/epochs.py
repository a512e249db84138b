"""One row per report: the columns of ``epochs.parquet`` and how the ledger fills them."""

from __future__ import annotations

from typing import Any

from nas_ray.ledger.columns import Columns
from nas_ray.ledger.run import RunRecord, measured
from nas_ray.ledger.trials import metric_names

HEAD: Columns = {"trial_id": "text", "attempt": "int", "epoch": "int"}
TAIL: Columns = {"seconds": "float", "decision": "text"}


def epoch_columns(run: RunRecord) -> tuple[Columns, dict[str, list[Any]]]:
    """Return names and types of the columns, and their values by column.

    An epoch that a retry repeated is there twice, in the order of writing.
    """
    metrics = [name for name in metric_names(run) if name not in {**HEAD, **TAIL}]
    columns: Columns = {**HEAD, **dict.fromkeys(metrics, "float"), **TAIL}
    values: dict[str, list[Any]] = {
        name: [report.get(name) for report in run.reports] for name in {**HEAD, **TAIL}
    }
    for name in metrics:
        values[name] = [measured(report, name) for report in run.reports]
    return columns, values
