"""The search space of a table that brings none: its parameter columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from ray import tune
from ray.tune.search.sample import Domain

from nas_ray.errors import DataError, SpaceError
from nas_ray.spaces import Config, SearchSpace, stable_id
from nas_ray.tables.description import Parameter
from nas_ray.tasks import Task

if TYPE_CHECKING:
    from torch import nn

NEAREST = 16
"""Neighbours of a row that no other row differs from in one key alone."""

Row = tuple[Any, ...]


class TableSpace(SearchSpace):
    """Keys and values of a table's rows; it has no networks to build.

    Where a missing row means infeasible, the rows are the space: combinations without one break a rule,
    samples are rows, and the neighbours of a row are the rows that differ in one key, or the nearest ones in
    features where there are none.

    Args:
        name: The table's name.
        parameters: Kind and values of each key.
        rows: The value of each key in each row, plain Python values.
        first: For each row the first row that is the same network; by default every row is its own.
        closed: Whether combinations without a row are infeasible.

    Raises:
        DataError: If a row holds a value that is not listed.
    """

    def __init__(
        self,
        name: str,
        parameters: Mapping[str, Parameter],
        rows: list[Row],
        *,
        first: list[int] | None = None,
        closed: bool = True,
    ) -> None:
        self.name = name
        self._parameters, self._rows = dict(parameters), rows
        self._index = {row: at for at, row in enumerate(rows)}
        self._first = first or list(range(len(rows)))
        self._options = {
            key: list(each.values) or _options(key, each.kind, {row[at] for row in rows})
            for at, (key, each) in enumerate(self._parameters.items())
        }
        for at, (key, options) in enumerate(self._options.items()):
            if strangers := {row[at] for row in rows} - set(options):
                raise DataError(
                    f"the values of {key!r} must be those of its column, but table {name!r} lists {options} "
                    f"and has {sorted(strangers, key=str)}"
                )
        combinations = float(np.prod([float(len(options)) for options in self._options.values()]))
        self._closed = closed and len(rows) < combinations
        self._ids: dict[Row, str] = {}
        self._known_features: dict[int, NDArray[np.float64]] = {}

    def param_space(self) -> dict[str, Domain]:
        """Return one choice of each key's values."""
        return {key: tune.choice(options) for key, options in self._options.items()}

    def build(self, config: Config, task: Task) -> nn.Module:
        """Refuse: a table holds results, and no networks.

        Raises:
            SpaceError: Always.
        """
        raise SpaceError(
            f"table {self.name!r} holds results and no networks; name a space of networks to train"
        )

    def canonical(self, config: Config) -> Any:
        """Return the first row that is the same network."""
        at = self._index.get(self._row(config))
        return config if at is None else self._config(self._rows[self._first[at]])

    def violations(self, config: Config, task: Task | None = None) -> list[str]:
        """Return that there is no such row, where that is a rule."""
        if not self._closed or self._row(config) in self._index:
            return []
        return [f"table {self.name!r} must have a row of this combination of values"]

    def size(self) -> float:
        """Return the number of rows, or of combinations where missing rows are failures."""
        return len(self._rows) if self._closed else float(super().size())

    def config_id(self, config: Config) -> str:
        """Return the id of the row; computed once for each."""
        row = self._row(config)
        if row not in self._ids:
            self._ids[row] = super().config_id(config)
        return self._ids[row]

    def architecture_id(self, config: Config) -> str:
        """Return the id of the network of the row."""
        return stable_id({"space": self.name, "architecture": self.config_id(config)})

    def sample(self, rng: np.random.Generator, task: Task | None = None) -> Config:
        """Draw a row, or a combination where missing rows are failures."""
        if not self._closed:
            return super().sample(rng, task)
        return self._config(self._rows[int(rng.integers(len(self._rows)))])

    def mutate(self, config: Config, rng: np.random.Generator, task: Task | None = None) -> Config:
        """Draw one of the neighbours."""
        if not self._closed:
            return super().mutate(config, rng, task)
        near = self._near(self._row(config))
        return (
            self._config(self._rows[near[int(rng.integers(len(near)))]]) if near else self.sample(rng, task)
        )

    def neighbours(self, config: Config, task: Task | None = None) -> Iterator[Config]:
        """Yield the rows that differ in one key, or the nearest ones."""
        if not self._closed:
            yield from super().neighbours(config, task)
            return
        for at in self._near(self._row(config)):
            yield self._config(self._rows[at])

    def enumerate(self, task: Task | None = None) -> Iterator[Config]:
        """Yield the rows in their order."""
        return map(self._config, self._rows) if self._closed else super().enumerate(task)

    def features(self, config: Config) -> NDArray[np.float64]:
        """Return the features of the keys; computed once for each row."""
        at = self._class(self._row(config))
        if at is None:
            return super().features(config)
        if at not in self._known_features:
            self._known_features[at] = super().features(self._config(self._rows[at]))
        return self._known_features[at].copy()

    @cached_property
    def _features(self) -> NDArray[np.float64]:
        return np.asarray([self.features(self._config(row)) for row in self._rows])

    @cached_property
    def _neighbourhoods(self) -> dict[tuple[int, Row], list[int]]:
        """Rows by what is left when one key is taken away."""
        groups: dict[tuple[int, Row], list[int]] = {}
        for at, row in enumerate(self._rows):
            for key in range(len(row)):
                groups.setdefault((key, row[:key] + row[key + 1 :]), []).append(at)
        return groups

    def _near(self, row: Row) -> list[int]:
        groups = (self._neighbourhoods.get((key, row[:key] + row[key + 1 :]), []) for key in range(len(row)))
        own = self._class(row)
        # One row of each network, and none of the row's own.
        found = list(
            {self._first[at]: at for group in groups for at in group if self._first[at] != own}.values()
        )
        return found or self._nearest(row)

    def _nearest(self, row: Row) -> list[int]:
        distances = ((self._features - self.features(self._config(row))) ** 2).sum(axis=1)
        order = np.argsort(distances, kind="stable")[: NEAREST + 1]
        return [int(at) for at in order if self._first[int(at)] != self._class(row)][:NEAREST]

    def _class(self, row: Row) -> int | None:
        at = self._index.get(row)
        return None if at is None else self._first[at]

    def _row(self, config: Config) -> Row:
        return tuple(config[key] for key in self._options)

    def _config(self, row: Row) -> Config:
        return dict(zip(self._options, row, strict=True))


def _options(key: str, kind: str, found: set[Any]) -> list[Any]:
    if kind == "categorical":
        return sorted(found, key=str)
    if not all(isinstance(value, (int, float)) for value in found):
        raise SpaceError(f"key {key!r} is {kind} and must hold numbers, or have its `values` listed in order")
    if kind == "integer" and all(isinstance(value, int) for value in found):
        return list(range(min(found), max(found) + 1)) if max(found) - min(found) < 1000 else sorted(found)
    return sorted(found)
