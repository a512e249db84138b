"""The types of columns, the same in pandas and in Parquet, with rows and without."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, TypeAlias

import numpy as np
import pandas as pd
import pyarrow as pa  # type: ignore[import-untyped]

SCHEMA_VERSION = 1
"""Version of both tables; raised when a column changes its name or type, not when one is added."""

Kind: TypeAlias = Literal["text", "int", "float", "bool", "time", "texts"]
"""Type of a column; ``"texts"`` is a list of strings, ``"time"`` a UTC timestamp in microseconds."""

Columns: TypeAlias = dict[str, Kind]
"""Names and types, in order."""

_PANDAS: dict[str, Any] = {"text": "string", "int": "Int64", "bool": "boolean"}
_ARROW: dict[str, pa.DataType] = {
    "text": pa.string(),
    "int": pa.int64(),
    "float": pa.float64(),
    "bool": pa.bool_(),
    "time": pa.timestamp("us", tz="UTC"),
    "texts": pa.list_(pa.string()),
}
_NO_TIME = np.iinfo(np.int64).min


def make_frame(columns: Columns, values: Mapping[str, Sequence[Any]]) -> pd.DataFrame:
    """Return a dataframe of ``values`` by column, None where there is none."""
    return pd.DataFrame({name: _series(kind, values[name]) for name, kind in columns.items()})


def arrow_schema(table: str, columns: Columns) -> pa.Schema:
    """Return the Parquet schema of ``table``, with its version in the metadata."""
    fields = [pa.field(name, _ARROW[kind]) for name, kind in columns.items()]
    return pa.schema(fields, metadata={"nas_ray.table": table, "nas_ray.version": str(SCHEMA_VERSION)})


def to_arrow(frame: pd.DataFrame, schema: pa.Schema) -> pa.Table:
    """Return ``frame`` in ``schema``; pandas' own metadata make ``pandas.read_parquet`` give it back."""
    table = pa.Table.from_pandas(frame, schema=schema, preserve_index=False)
    return table.replace_schema_metadata({**(table.schema.metadata or {}), **(schema.metadata or {})})


def column_of(values: Iterable[Any]) -> tuple[Kind, list[Any]]:
    """Return the type that JSON values have in common, and the values; mixed ones become JSON text."""
    values = list(values)
    types = {type(value) for value in values if value is not None}
    if types == {bool}:
        return "bool", values
    if types == {int} and all(value is None or -(2**63) <= value < 2**63 for value in values):
        return "int", values
    if float in types and types <= {int, float}:
        return "float", values
    if types <= {str}:
        return "text", values
    return "text", [None if value is None else json.dumps(value) for value in values]


def _series(kind: Kind, values: Sequence[Any]) -> Any:
    if kind == "float":
        return np.array([np.nan if value is None else value for value in values], dtype=np.float64)
    if kind == "time":
        ticks = [_NO_TIME if value is None else round(value * 1e6) for value in values]
        return pd.Series(np.array(ticks, dtype=np.int64).view("datetime64[us]")).dt.tz_localize("UTC")
    if kind == "texts":
        return pd.Series(list(values), dtype=object)
    return pd.array(list(values), dtype=_PANDAS[kind])
