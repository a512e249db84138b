"""Data made in Python: a factory named ``module:object``, or an object that is given directly."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from nas_ray.data.layout import KEYS, PARTS, Array, as_array
from nas_ray.data.splits import Splits
from nas_ray.errors import ConfigError, DataError
from nas_ray.plugins import load_object

FORMS = (
    f"a Splits, a mapping of the arrays {', '.join(KEYS)} (for sequences with `inputs`, for tokens with "
    "`vocabulary`), or three map-style data sets (train, val, test) of (input, target) pairs"
)


def read_factory(path: str, options: Mapping[str, Any], root: str | Path | None = None) -> Splits:
    """Import ``module:object`` and return the data that it makes of the options.

    Raises:
        ConfigError: If the object cannot be imported or does not take the options.
        DataError: If what it makes is not a data set, or contradicts itself.
    """
    try:
        return read_object(load_object(path), options, root)
    except DataError as error:
        raise DataError(f"{path}: {error}") from error


def read_object(source: Any, options: Mapping[str, Any], root: str | Path | None = None) -> Splits:
    """Return the data that ``source`` is, or makes when it is called with the options (and a root, if given).

    Raises:
        ConfigError: If the source does not take the options.
        DataError: If there is no data set in it, or it contradicts itself.
    """
    if callable(source):
        options = options if root is None else {"root": root, **options}
        _check_options(source, options)
        return _as_splits(source(**options))
    if options:
        raise ConfigError(
            f"`data` options go to a factory, but a {type(source).__name__} was given with "
            f"{', '.join(options)}; leave them out"
        )
    return _as_splits(source)


def _check_options(factory: Any, options: Mapping[str, Any]) -> None:
    try:
        signature = inspect.signature(factory)
    except (TypeError, ValueError):  # some functions written in C do not tell
        return
    try:
        signature.bind(**options)
    except TypeError as error:
        raise ConfigError(
            f"`data` options must fit the factory `{getattr(factory, '__name__', factory)}{signature}`, "
            f"but {error}; change the options"
        ) from error


def _as_splits(made: Any) -> Splits:
    if isinstance(made, Splits):
        return made
    if isinstance(made, Mapping):
        return Splits.from_arrays(made)
    if isinstance(made, (tuple, list)) and len(made) == len(PARTS):
        arrays: dict[str, Array] = {}
        for part, data_set in zip(PARTS, made, strict=True):
            arrays[f"x_{part}"], arrays[f"y_{part}"] = _stacked(part, data_set)
        return Splits.from_arrays(arrays)
    got = f"{type(made).__name__} of {len(made)}" if isinstance(made, (tuple, list)) else type(made).__name__
    raise DataError(f"data must be {FORMS}, but got {got}")


def _stacked(part: str, data_set: Any) -> tuple[Array, Array]:
    """Return all inputs and all targets of a map-style data set."""
    if not (hasattr(data_set, "__getitem__") and hasattr(data_set, "__len__")):
        raise DataError(
            f"`{part}` must be a map-style data set, with len() and [index], but got "
            f"{type(data_set).__name__}; give the data set itself and not a loader or a stream"
        )
    pairs = [data_set[index] for index in range(len(data_set))]
    if not pairs:
        raise DataError(f"`{part}` must not be empty, but its length is 0")
    for pair in pairs:
        if not (isinstance(pair, (tuple, list)) and len(pair) == 2):
            raise DataError(
                f"`{part}` must give (input, target) pairs, but gave {type(pair).__name__}; "
                "return a tuple of two"
            )
    return _stack(f"x_{part}", [x for x, _ in pairs]), _stack(f"y_{part}", [y for _, y in pairs])


def _stack(name: str, examples: list[Any]) -> Array:
    arrays = [as_array(name, example) for example in examples]
    shapes = sorted({array.shape for array in arrays})
    if len(shapes) > 1:
        raise DataError(
            f"all examples of `{name}` must have one shape, but got {shapes[0]} and {shapes[1]}; "
            "resize or pad them in the data set"
        )
    return np.stack(arrays)
