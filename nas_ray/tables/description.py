"""What a YAML file says of a table: which columns are keys, results, costs, and what a missing row means."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from nas_ray.errors import DataError, UnknownName
from nas_ray.tasks import Mode

UNITS = {
    "fraction": 1.0,
    "percent": 0.01,
    "seconds": 1.0,
    "minutes": 60.0,
    "hours": 3600.0,
    "milliseconds": 1.0,
    "count": 1.0,
    "none": 1.0,
}
"""Unit in a file -> factor to the unit that nas_ray uses: accuracies are fractions, durations seconds.

Latencies stay milliseconds, as in the metric ``latency_ms``.
"""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Column(_Strict):
    """A column of numbers, and how to read it."""

    column: str
    unit: Literal["fraction", "percent", "seconds", "minutes", "hours", "milliseconds", "count", "none"] = (
        "fraction"
    )
    scale: float = 1.0
    """Factor in front of the unit: 0.001 for thousandths."""

    @property
    def factor(self) -> float:
        """What a stored value is multiplied with."""
        return UNITS[self.unit] * self.scale


class Signal(Column):
    """The metric that a strategy is shown."""

    column: str = ""
    """The value at full fidelity; not needed where ``levels`` or ``curves`` give it."""
    metric: str = "val_acc"
    mode: Mode = "max"
    levels: dict[int, str] = Field(default_factory=dict)
    """Columns by epoch, for tables with results at a few levels of one training."""


class Report(Column):
    """The metric that is reported of the winner and never shown to a strategy."""

    metric: str = "test_acc"
    mode: Mode = "max"


class Cost(Column):
    """Time of a training at full fidelity."""

    unit: Literal["seconds", "minutes", "hours"] = "seconds"
    share: float = Field(1.0, gt=0)
    """Share of the time that counts: 12/200 of 200 epochs."""


class Curves(_Strict):
    """A file with one row for each network and epoch."""

    file: str
    key: str
    epoch: str = "epoch"
    value: Column
    """The signal after the epoch."""
    seconds: Column | None = None
    """Time of the epoch; without it the table's cost is spread evenly."""
    where: dict[str, Any] = Field(default_factory=dict)


class Parameter(_Strict):
    """A column that is a key of the space."""

    kind: Literal["categorical", "ordinal", "integer"] = "categorical"
    values: tuple[Any, ...] = ()
    """Values in order; by default those of the column, sorted."""


class Join(_Strict):
    """A further file with columns for the same rows."""

    file: str
    by: str


class Description(_Strict):
    """A table of measured results."""

    title: str = ""
    source: str = ""
    file: str
    join: tuple[Join, ...] = ()
    where: dict[str, Any] = Field(default_factory=dict)
    """Column -> value of the rows that belong to the table."""
    expand: str | None = None
    """A column of JSON lists of objects with numbers; entry i's key k becomes the column ``<column>.i.k``."""
    space: str | None = None
    """Name of a space of nas_ray, or module:object; without it the parameters make one."""
    columns: dict[str, str] = Field(default_factory=dict)
    """Key of the space -> column, where the names differ."""
    parameters: dict[str, Parameter] = Field(default_factory=dict)
    same: tuple[str, ...] = ()
    """Rows with equal values in these columns are encodings of one network."""
    signal: Signal
    report: Report | None = None
    epochs: int = Field(1, ge=1)
    """Epochs of the full fidelity."""
    cost: Cost | None = None
    """Without it an epoch costs a second."""
    curves: Curves | None = None
    facts: dict[str, Column] = Field(default_factory=dict)
    missing: Literal["infeasible", "failed"] = "infeasible"

    @model_validator(mode="after")
    def _keys(self) -> Description:
        if bool(self.space) == bool(self.parameters):
            raise ValueError("must have either `space` or `parameters`")
        if not (self.signal.column or self.signal.levels or self.curves):
            raise ValueError("must say where the signal is: `signal.column`, `signal.levels` or `curves`")
        return self


def read_descriptions(path: Path) -> dict[str, Description]:
    """Return the tables that a YAML file describes, by name.

    A file holds one description, whose name is the file's, or several under ``tables:``.

    Raises:
        DataError: If the file cannot be read or says what cannot be.
    """
    try:
        plain = yaml.safe_load(path.read_text())
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise DataError(f"the description of a table {str(path)!r} cannot be read: {error}") from error
    if not isinstance(plain, dict):
        raise DataError(f"{str(path)!r} must be a mapping, but is a {type(plain).__name__}")
    several = plain.get("tables", {path.stem: plain})
    return {name: _checked(f"{path.name}: {name}", each) for name, each in several.items()}


def _checked(where: str, plain: Any) -> Description:
    try:
        return Description.model_validate(plain)
    except ValidationError as error:
        rules = "; ".join(
            f"`{'.'.join(map(str, each['loc']))}` {each['msg']}".replace("`` ", "") for each in error.errors()
        )
        raise DataError(f"the description of table {where} is wrong: {rules}") from None


def pick(descriptions: dict[str, Description], name: str) -> Description:
    """Return one of several descriptions.

    Raises:
        UnknownName: If there is none of that name; the known ones are listed.
    """
    if name not in descriptions:
        raise UnknownName("table", name, descriptions)
    return descriptions[name]
