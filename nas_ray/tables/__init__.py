"""Tables of measured results: networks that others trained, for benchmarks and simulation."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

from nas_ray.errors import UnknownName
from nas_ray.tables.description import Description, pick, read_descriptions
from nas_ray.tables.space import TableSpace
from nas_ray.tables.table import Entry, Table

__all__ = ["Description", "Entry", "Table", "TableSpace", "load_table", "table_names"]

KNOWN = Path(__file__).parent / "known"


@cache
def _known() -> dict[str, Description]:
    return {
        name: description
        for path in sorted(KNOWN.glob("*.yaml"))
        for name, description in read_descriptions(path).items()
    }


def table_names() -> list[str]:
    """Return the names of the tables whose descriptions come with nas_ray."""
    return sorted(_known())


def load_table(name: str | os.PathLike[str]) -> Table:
    """Return a table, read once per process.

    Args:
        name: One of :func:`table_names`, or the path of a description of one's own; ``FILE.yaml#NAME`` picks
            one of several in a file.

    Raises:
        UnknownName: If there is no table of that name; the known ones are listed.
        DataError: If its files are missing or do not fit its description.
    """
    return _load(os.fspath(name), os.environ.get("NAS_RAY_DATA"))


@cache
def _load(name: str, root: str | None) -> Table:
    if name in _known():
        return Table(name, _known()[name])
    file, _, inside = name.partition("#")
    path = Path(file)
    if path.suffix not in (".yaml", ".yml"):
        raise UnknownName("table", name, _known())
    found = read_descriptions(path)
    wanted = inside or (path.stem if path.stem in found else next(iter(found)))
    return Table(wanted, pick(found, wanted), beside=path.parent)
