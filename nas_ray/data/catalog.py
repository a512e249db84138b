"""Which reader a data set's name calls for."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from nas_ray.data.embedded import EMBEDDED, read_embedded
from nas_ray.data.factory import read_factory, read_object
from nas_ray.data.folder import read_folder
from nas_ray.data.npz import read_npz
from nas_ray.data.splits import Splits
from nas_ray.data.torchvision import SOURCES, read_torchvision
from nas_ray.errors import ConfigError, UnknownName


def names() -> list[str]:
    """Return the names that :func:`load` knows; FILE, DIR and module:object stand for the user's own."""
    return [
        *EMBEDDED,
        *(f"torchvision:{name}" for name in SOURCES),
        "npz:FILE",
        "folder:DIR",
        "module:object",
    ]


def load(name: Any, root: str | Path | None = None, **options: Any) -> Splits:
    """Return a data set by name, by path, from a factory or from Python objects.

    :meth:`Splits.from_arrays` says how arrays become images, sequences, tables or tokens.

    Example:
        >>> load("digits")
        Splits(classification, 1079/359/359, input_shape=(1, 8, 8), outputs=10)

    Args:
        name: One of :func:`names`, with a path or an object of one's own in place of the capitals; or a
            Splits, a mapping of six arrays, three map-style data sets, or a function that returns one of
            these.
        root: Folder that ``torchvision:NAME`` downloads to, and an argument for a factory; the other kinds
            need none. Paths in a name are relative to the current folder.
        options: ``val_share`` for torchvision, ``size`` for a folder, anything for a factory.

    Raises:
        UnknownName: If there is no data set of that name.
        ConfigError: If an option does not belong to the data set or has an impossible value.
        DataError: If the data are missing, damaged or do not fit together.
    """
    if isinstance(name, Path):
        name = str(name)
    if not isinstance(name, str):
        return read_object(name, options, root)
    prefix, colon, rest = name.partition(":")
    if name in EMBEDDED:
        return _read(name, read_embedded, name, options=options)
    if not (colon and rest):
        raise _unknown(name)
    if prefix == "torchvision":
        if rest not in SOURCES:
            raise _unknown(name)
        return _read(name, read_torchvision, rest, root, options=options)
    if prefix == "npz":
        return _read(name, read_npz, rest, options=options)
    if prefix == "folder":
        return _read(name, read_folder, rest, options=options)
    return read_factory(name, options, root)


def _read(name: str, reader: Callable[..., Splits], *arguments: Any, options: Mapping[str, Any]) -> Splits:
    """Call a reader, whose keyword-only parameters are its options."""
    parameters = inspect.signature(reader).parameters.values()
    valid = [parameter.name for parameter in parameters if parameter.kind is parameter.KEYWORD_ONLY]
    unknown = [option for option in options if option not in valid]
    if unknown:
        offered = f"its options are {', '.join(valid)}" if valid else "it has no options"
        raise ConfigError(f"`data.{unknown[0]}` is no option of the data set {name!r}; {offered}")
    return reader(*arguments, **options)


def _unknown(name: str) -> ConfigError:
    path = Path(name).expanduser()
    if path.suffix == ".npz" and path.is_file():
        return ConfigError(f"`data.name` must say what a path is, but got {name!r}; write 'npz:{name}'")
    if name and path.is_dir():
        return ConfigError(f"`data.name` must say what a path is, but got {name!r}; write 'folder:{name}'")
    # Names differ by capitals most easily, which a comparison of letters takes for a great distance.
    same = [known for known in names() if known.casefold() == name.casefold()]
    return UnknownName("data set", name, same or names())
