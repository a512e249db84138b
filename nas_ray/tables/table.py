"""A table of measured results: what every network of a space reached, at which cost."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nas_ray.costs import Verdict, beyond, shown
from nas_ray.errors import ConfigError, DataError
from nas_ray.plugins import check_names
from nas_ray.spaces import Config, SearchSpace, load_space
from nas_ray.tables import files
from nas_ray.tables.description import Curves, Description
from nas_ray.tables.space import TableSpace
from nas_ray.tasks import Objective

if TYPE_CHECKING:
    import pandas as pd

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Curve:
    """Reports of every row, one after the other.

    Args:
        epochs: Epoch of each report, (n_reports,).
        values: The signal, (n_reports,).
        seconds: Time since the report before, (n_reports,).
        starts: Where the reports of row i begin, (n_rows + 1,).
    """

    epochs: NDArray[np.int64]
    values: Numbers
    seconds: Numbers
    starts: NDArray[np.int64]


class Entry:
    """One row: what training its network would report.

    Args:
        table: The table.
        row: Number of the row.
    """

    __slots__ = ("_table", "row")

    def __init__(self, table: Table, row: int) -> None:
        self._table, self.row = table, row

    @property
    def epochs(self) -> int:
        """Number of reports: one for each epoch, or for each level of fidelity."""
        starts = self._table.curve.starts
        return int(starts[self.row + 1] - starts[self.row])

    def reports(self) -> Iterator[tuple[int, float, dict[str, float]]]:
        """Yield (epoch, seconds since the last report, metrics); the seconds sum to the cost."""
        curve, metric = self._table.curve, self._table.objective.metric
        for at in range(int(curve.starts[self.row]), int(curve.starts[self.row + 1])):
            yield int(curve.epochs[at]), float(curve.seconds[at]), {metric: float(curve.values[at])}

    @property
    def value(self) -> float:
        """The signal at full fidelity."""
        return float(self._table.values[self.row])

    @property
    def reported(self) -> float:
        """The reported metric of a full training, never shown to a strategy."""
        return float(self._table.reported[self.row])

    @property
    def facts(self) -> dict[str, float]:
        """Further measurements: parameters, FLOPs, latencies."""
        return {name: float(column[self.row]) for name, column in self._table.facts.items()}


class Table:
    """Measured results of the networks of a space, read from files by their description.

    Args:
        name: The table's name.
        description: What its columns mean.
        beside: Folder of the description, where data files are looked for first.

    Raises:
        DataError: If a file or column is missing, two rows have the same keys, or a value is not a number.
        SpaceError: If the space has other keys than the table.
    """

    def __init__(self, name: str, description: Description, beside: Path | None = None) -> None:
        self.name, self.description = name, description
        signal = description.signal
        self.objective = Objective(signal.metric, signal.mode)
        self.report = description.report.metric if description.report else signal.metric
        self.report_mode = description.report.mode if description.report else signal.mode
        self.max_epochs = max([description.epochs, *signal.levels])
        space = load_space(description.space) if description.space else None
        keys = list(space.domains) if space else list(description.parameters)
        columns = [description.columns.get(key, key) for key in keys]
        frame = files.rows(description, beside, columns)
        self._keys = keys
        rows = list(zip(*(_plain(frame, column) for column in columns), strict=True))
        self._index = _unique(name, keys, rows)
        self.space: SearchSpace = space or TableSpace(
            name,
            description.parameters,
            rows,
            first=_first(frame, description.same),
            closed=description.missing == "infeasible",
        )
        if space is not None and rows:
            space.check(dict(zip(keys, rows[0], strict=True)))
        self.missing = description.missing
        self.curve = _curve(frame, description, beside)
        self.values = self.curve.values[self.curve.starts[1:] - 1]
        self.reported = files.numbers(frame, description.report) if description.report else self.values
        self.facts = {fact: files.numbers(frame, column) for fact, column in description.facts.items()}
        self.limits: Mapping[str, float] = {}
        """Upper limits on facts, as :meth:`within` sets them."""
        self._kept: NDArray[np.bool_] = np.ones(len(self.values), dtype=bool)
        if not np.isfinite(self.values).all():
            raise DataError(f"table {name!r} must have a finite signal in every row; leave such rows out")

    def __len__(self) -> int:
        return len(self.values)

    def __repr__(self) -> str:
        return f"Table({self.name!r}, {len(self)} rows, {self.objective.metric} -> {self.report})"

    def find(self, config: Config) -> Entry | None:
        """Return the row of a configuration, None if there is none."""
        row = self._index.get(tuple(config[key] for key in self._keys))
        return None if row is None else Entry(self, row)

    def optimum(self, metric: str | None = None) -> float:
        """Return the best value over the rows of the signal at full fidelity, or of the reported metric.

        Rows beyond the limits do not count.

        Raises:
            DataError: If the table has no such metric.
        """
        if metric in (None, self.objective.metric):
            return _best(self.values[self._kept], self.objective.mode)
        if metric == self.report:
            return _best(self.reported[self._kept], self.report_mode)
        raise DataError(
            f"table {self.name!r} has the metrics {self.objective.metric} and {self.report}, not {metric}"
        )

    def within(self, limits: Mapping[str, float]) -> Table:
        """Return this table with upper limits: networks beyond them are infeasible.

        Args:
            limits: On facts of the table, by their names and in its units.

        Raises:
            UnknownName: If a limit is on no fact of the table.
            ConfigError: If no network of the table keeps them.
        """
        check_names(limits, self.facts, f"fact of table {self.name!r}")
        limited = copy.copy(self)
        limited.limits = dict(limits)
        for name, limit in limits.items():
            limited._kept = limited._kept & ~(self.facts[name] > limit)
        if not limited._kept.any():
            told = ", ".join(
                f"`{name}` at most {shown(limit)} (the least is {shown(float(np.nanmin(self.facts[name])))})"
                for name, limit in limits.items()
            )
            raise ConfigError(
                f"some network of table {self.name!r} must keep the constraints, but got {told}"
            )
        return limited

    def judge(self, config: Config) -> Verdict | None:
        """Say which limits a network breaks; None of one that the table does not have."""
        entry = self.find(config)
        return None if entry is None else Verdict(beyond(self.limits, entry.facts), entry.facts)


def _best(values: Numbers, mode: str) -> float:
    return float(np.nanmax(values) if mode == "max" else np.nanmin(values))


def _plain(frame: pd.DataFrame, column: str) -> list[Any]:
    return list(frame[column].tolist())


def _unique(name: str, keys: list[str], rows: list[tuple[Any, ...]]) -> dict[tuple[Any, ...], int]:
    index: dict[tuple[Any, ...], int] = {}
    for at, row in enumerate(rows):
        if index.setdefault(row, at) != at:
            doubled = dict(zip(keys, row, strict=True))
            raise DataError(
                f"the keys of table {name!r} must name each row once, "
                f"but rows {index[row]} and {at} are both {doubled}; "
                "add a column to its parameters, or restrict `where`"
            )
    return index


def _first(frame: pd.DataFrame, columns: tuple[str, ...]) -> list[int] | None:
    """Return for each row the first one with the same values in ``columns``."""
    if not columns:
        return None
    groups = frame.groupby(list(columns), sort=False, dropna=False).ngroup().to_numpy()
    first: dict[int, int] = {}
    return [first.setdefault(int(group), at) for at, group in enumerate(groups)]


def _curve(frame: pd.DataFrame, description: Description, beside: Path | None) -> Curve:
    cost = np.full(len(frame), float(description.epochs))
    if description.cost:
        cost = files.numbers(frame, description.cost) * description.cost.share
    if description.curves:
        return _from_file(frame, description.curves, cost, beside)
    signal = description.signal
    levels = signal.levels or {description.epochs: signal.column}
    epochs = np.asarray(sorted(levels), dtype=np.int64)
    columns = [
        files.numbers(frame, signal.model_copy(update={"column": levels[int(epoch)]})) for epoch in epochs
    ]
    shares = np.diff(epochs, prepend=0) / epochs[-1]
    n = len(frame)
    return Curve(
        epochs=np.tile(epochs, n),
        values=np.stack(columns, axis=1).ravel(),
        seconds=(cost[:, None] * shares[None, :]).ravel(),
        starts=np.arange(n + 1, dtype=np.int64) * len(epochs),
    )


def _from_file(frame: pd.DataFrame, curves: Curves, cost: Numbers, beside: Path | None) -> Curve:
    import pandas as pd

    path = files.find(curves.file, beside)
    columns = [curves.key, curves.epoch, curves.value.column]
    columns += [curves.seconds.column] if curves.seconds else []
    reports = files.read(path, columns, curves.where)
    row_of = pd.Series(np.arange(len(frame)), index=frame[curves.key].to_numpy())
    reports = reports.assign(row=row_of.reindex(reports[curves.key].to_numpy()).to_numpy()).dropna(
        subset=["row"]
    )
    reports = reports.sort_values(["row", curves.epoch], kind="stable")
    rows = reports["row"].to_numpy(dtype=np.int64)
    counts = np.bincount(rows, minlength=len(frame))
    if not counts.all():
        raise DataError(f"{path} must have a curve of every row, but {int((counts == 0).sum())} have none")
    seconds = files.numbers(reports, curves.seconds) if curves.seconds else (cost / counts)[rows]
    starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    epochs = reports[curves.epoch].to_numpy(dtype=np.int64)
    return Curve(epochs, files.numbers(reports, curves.value), np.asarray(seconds), starts)
