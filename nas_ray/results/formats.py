"""The trials of a run in other programs' formats."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq  # type: ignore[import-untyped]

from nas_ray.errors import ConfigError, RunError, UnknownName
from nas_ray.ledger import epochs_schema, trials_schema
from nas_ray.ledger.columns import to_arrow
from nas_ray.ledger.encoding import plain
from nas_ray.results.result import SearchResult


def export(
    result: SearchResult,
    format: str = "table",
    path: str | os.PathLike[str] | None = None,
    *,
    epochs: bool = False,
) -> str | bytes:
    """Return the trials of ``result``, and write them to ``path`` if one is given.

    Args:
        result: The run.
        format: ``"table"`` (the columns that fit on a screen), ``"csv"``, ``"json"`` or ``"parquet"``.
        path: A file; Parquet, being no text, needs one.
        epochs: One row per report of an epoch, in place of one per trial.

    Raises:
        UnknownName: If there is no such format.
        ConfigError: If the format needs a file and none is given.
        RunError: If the file cannot be written.
    """
    if format not in _FORMATS:
        raise UnknownName("format", format, _FORMATS)
    if format == "parquet" and path is None:
        raise ConfigError("`parquet` must have a file to go to; name one, or take csv or json")
    content = _FORMATS[format](result, epochs)
    if path is not None:
        _write(Path(path), content)
    return content


def _table(result: SearchResult, epochs: bool) -> str:
    frame = result.epochs
    if not epochs:
        metrics = [objective.metric for objective in result.objective]
        wanted = ["trial_id", "outcome", "reason", "epoch", *metrics, "params", "wall_s"]
        frame = result.trials[list(dict.fromkeys(wanted))]
    if frame.empty:
        return "no epochs\n" if epochs else "no trials\n"
    cells = pd.DataFrame({name: [_cell(value) for value in frame[name]] for name in frame})
    return str(cells.to_string(index=False)) + "\n"


def _cell(value: Any) -> str:
    if pd.isna(value):
        return "-"
    return f"{value:.4f}" if isinstance(value, float) else str(value)


def _csv(result: SearchResult, epochs: bool) -> str:
    frame = _frame(result, epochs).copy()
    if "parent_ids" in frame:
        frame["parent_ids"] = frame["parent_ids"].map(json.dumps)
    return str(frame.to_csv(index=False))


def _json(result: SearchResult, epochs: bool) -> str:
    # Not DataFrame.to_json, which rounds floats.
    frame = _frame(result, epochs)
    frame = frame.astype(object).where(frame.notna(), None)
    return json.dumps(frame.to_dict(orient="records"), indent=2, allow_nan=False, default=_plain) + "\n"


def _frame(result: SearchResult, epochs: bool) -> pd.DataFrame:
    return result.epochs if epochs else result.trials


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, pd.Timestamp) else plain(value)


def _parquet(result: SearchResult, epochs: bool) -> bytes:
    buffer = io.BytesIO()
    schema = epochs_schema(result.record) if epochs else trials_schema(result.record)
    pq.write_table(to_arrow(_frame(result, epochs), schema), buffer)
    return buffer.getvalue()


_FORMATS: dict[str, Callable[[SearchResult, bool], str | bytes]] = {
    "table": _table,
    "csv": _csv,
    "json": _json,
    "parquet": _parquet,
}


def _write(path: Path, content: str | bytes) -> None:
    try:
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    except OSError as error:
        raise RunError(f"{path} cannot be written: {error.strerror or error}") from error
