"""The runs in a folder."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pandas as pd

from nas_ray.errors import RunError
from nas_ray.ledger.columns import Columns, make_frame
from nas_ray.ledger.reader import is_live, read
from nas_ray.ledger.run import RunRecord
from nas_ray.ledger.writer import LEDGER
from nas_ray.results.best import find_best
from nas_ray.results.folder import read_config

COLUMNS: Columns = {
    "name": "text",
    "space": "text",
    "strategy": "text",
    "data": "text",
    "started": "time",
    "trials": "int",
    "best": "float",
    "state": "text",
}


def runs(folder: str | os.PathLike[str]) -> pd.DataFrame:
    """Return one row per run in ``folder``, oldest first.

    Columns: name, space, strategy, data, started, trials (all proposals), best (value of the objective) and
    state: running, why it stopped (done, user, time_budget ..., lost), or damaged. A folder that is
    missing holds no runs.
    """
    ledgers = sorted(Path(folder).expanduser().glob(f"*/{LEDGER}"))
    rows = sorted((_row(ledger.parent) for ledger in ledgers), key=lambda row: row["started"] or 0.0)
    return make_frame(COLUMNS, {name: [row[name] for row in rows] for name in COLUMNS})


def _row(folder: Path) -> dict[str, Any]:
    live = is_live(folder / LEDGER)
    try:
        run = RunRecord(read(folder / LEDGER))
    except RunError:
        return {**dict.fromkeys(COLUMNS), "name": folder.name, "state": "damaged"}
    best = find_best(run)
    return {
        "name": folder.name,
        "space": run.header.get("space"),
        "strategy": run.header.get("strategy"),
        "data": run.header.get("data") or _data(folder),
        "started": run.header.get("at"),
        "trials": len(run.trials),
        "best": best.value if best else None,
        "state": "running" if live else run.stop["reason"] if run.stop else "lost",
    }


def _data(folder: Path) -> str | None:
    try:
        return str(read_config(folder)["data"]["name"])
    except (RunError, KeyError, TypeError):
        return None
