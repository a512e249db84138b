"""The record of a run: written as it happens, read back as events and dataframes."""

from __future__ import annotations

from nas_ray.ledger.encoding import Record
from nas_ray.ledger.frames import (
    epochs_frame,
    epochs_schema,
    trials_frame,
    trials_schema,
    write_parquet,
)
from nas_ray.ledger.reader import history, is_live, read
from nas_ray.ledger.run import RunRecord, TrialRecord
from nas_ray.ledger.utilisation import busy_share, write_stop
from nas_ray.ledger.writer import LEDGER, VERSION, Ledger

__all__ = [
    "LEDGER",
    "VERSION",
    "Ledger",
    "Record",
    "RunRecord",
    "TrialRecord",
    "busy_share",
    "epochs_frame",
    "epochs_schema",
    "history",
    "is_live",
    "read",
    "trials_frame",
    "trials_schema",
    "write_parquet",
    "write_stop",
]
