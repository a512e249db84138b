"""The ledger's readable form: dataframes, and the Parquet files of a run's folder."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import pandas as pd
import pyarrow as pa  # type: ignore[import-untyped]
import pyarrow.parquet as pq  # type: ignore[import-untyped]

from nas_ray.errors import RunError
from nas_ray.ledger.columns import arrow_schema, make_frame, to_arrow
from nas_ray.ledger.encoding import Record
from nas_ray.ledger.epochs import epoch_columns
from nas_ray.ledger.run import RunRecord
from nas_ray.ledger.trials import trial_columns


def trials_frame(records: Iterable[Record] | RunRecord, live: bool = False) -> pd.DataFrame:
    """Return one row per proposal, whatever became of it.

    Args:
        records: The ledger.
        live: Whether a driver is at work: a trial without an end is then running, else interrupted.
    """
    return make_frame(*trial_columns(_run(records), live))


def epochs_frame(records: Iterable[Record] | RunRecord) -> pd.DataFrame:
    """Return one row per report of an epoch."""
    return make_frame(*epoch_columns(_run(records)))


def trials_schema(records: Iterable[Record] | RunRecord) -> pa.Schema:
    """Return the schema of ``trials.parquet``: fixed but for the keys of the space and the metrics."""
    return arrow_schema("trials", trial_columns(_run(records), False)[0])


def epochs_schema(records: Iterable[Record] | RunRecord) -> pa.Schema:
    """Return the schema of ``epochs.parquet``: fixed but for the metrics."""
    return arrow_schema("epochs", epoch_columns(_run(records))[0])


def write_parquet(
    records: Iterable[Record] | RunRecord, folder: str | os.PathLike[str], live: bool = False
) -> None:
    """Write ``trials.parquet`` and ``epochs.parquet`` into ``folder``; a reader never sees half a file.

    Raises:
        RunError: If they cannot be written.
    """
    run = _run(records)
    for table, (columns, values) in {
        "trials": trial_columns(run, live),
        "epochs": epoch_columns(run),
    }.items():
        frame = make_frame(columns, values)
        write_table(to_arrow(frame, arrow_schema(table, columns)), Path(folder) / f"{table}.parquet")


def write_table(table: pa.Table, path: Path) -> None:
    """Write ``table`` to ``path`` all at once.

    Raises:
        RunError: If it cannot be written.
    """
    # Beside the target: only within one file system is a rename all or nothing.
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        pq.write_table(table, temporary)
        os.replace(temporary, path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise RunError(f"{path} cannot be written: {error.strerror or error}") from error


def _run(records: Iterable[Record] | RunRecord) -> RunRecord:
    return records if isinstance(records, RunRecord) else RunRecord(records)
