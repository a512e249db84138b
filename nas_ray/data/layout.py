"""Arrays as people have them, turned into the one form that :class:`~nas_ray.data.Splits` stores."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nas_ray.errors import DataError

Array = NDArray[Any]

PARTS = ("train", "val", "test")
KEYS = tuple(f"{axis}_{part}" for part in PARTS for axis in "xy")
CHANNELS = (1, 3, 4)
INPUT_FORMS = (
    "images (N, H, W), (N, H, W, C) or (N, C, H, W) with C one of 1, 3, 4 on one axis only, tables (N, F), "
    "or what `inputs` says"
)


def check_keys(arrays: Mapping[str, Any]) -> None:
    """Raise a DataError that names the arrays which are missing and those which were found."""
    missing = [key for key in KEYS if key not in arrays]
    if missing:
        found = ", ".join(map(str, arrays)) or "nothing"
        raise DataError(
            f"a data set must hold the arrays {', '.join(KEYS)}, but {', '.join(missing)} are missing "
            f"(found: {found}); save them under these names"
        )


def numeric(name: str, values: Any) -> Array:
    """Return ``values`` as an array of booleans, integers or floats that is not empty.

    Raises:
        DataError: If the values are ragged, objects, text, complex or none at all.
    """
    array = as_array(name, values)
    if array.dtype == object:
        raise DataError(
            f"`{name}` must be an array of numbers, but its dtype is object; "
            "make all its rows the same shape and convert it with .astype('float32')"
        )
    if array.dtype.kind not in "buif":
        raise DataError(
            f"`{name}` must be an array of numbers, but its dtype is {array.dtype}; encode it first"
        )
    check_filled(name, array)
    return array


def as_array(name: str, values: Any) -> Array:
    """Return ``values`` as an array, or raise a DataError with the reason why they cannot be one."""
    try:
        return np.asarray(values)
    except (TypeError, ValueError, RuntimeError) as error:  # ragged lists; tensors on a GPU or with gradients
        raise DataError(f"`{name}` must be an array of numbers, but cannot be made one: {error}") from error


def check_filled(name: str, array: Array) -> None:
    """Raise a DataError if ``array`` holds nothing."""
    if array.size == 0:
        raise DataError(
            f"`{name}` must not be empty, but its shape is {array.shape}; each part needs an example"
        )


def arranged_inputs(raw: Mapping[str, Any]) -> dict[str, Array]:
    """Return the inputs of all parts as (N, C, H, W) uint8 or float32, or as (N, F) float32.

    Raises:
        DataError: If a part is not numeric, or its shape is none of the known ones or ambiguous.
    """
    arrays = {name: numeric(name, values) for name, values in raw.items()}
    dtype = _input_dtype(arrays)
    return {name: cast_to(channels_first(name, array), dtype) for name, array in arrays.items()}


def channels_first(name: str, array: Array) -> Array:
    """Return images as (N, C, H, W), and tables (N, F) as they are."""
    if array.ndim == 2:
        return array
    if array.ndim == 3:
        return array[:, None]  # (N, H, W) -> (N, 1, H, W)
    if array.ndim != 4:
        raise DataError(f"`{name}` must be {INPUT_FORMS}, but its shape is {array.shape}; reshape it")
    first, last = array.shape[1] in CHANNELS, array.shape[3] in CHANNELS
    if first == last:
        trouble = (
            "both axis 1 and axis 3 could be the channels" if first else "no axis has 1, 3 or 4 channels"
        )
        raise DataError(
            f"`{name}` must be {INPUT_FORMS}, but its shape is {array.shape} and {trouble}; "
            "build `Splits(...)` itself, which takes (N, C, H, W) literally, and give that"
        )
    return array if first else array.transpose(0, 3, 1, 2)


def _input_dtype(arrays: Mapping[str, Array]) -> type[np.generic]:
    """Images of whole numbers in 0..255 stay bytes, a quarter of the memory, and are scaled where used."""
    if any(array.ndim == 2 for array in arrays.values()):
        return np.float32
    floating = {name: array.dtype.kind == "f" for name, array in arrays.items()}
    if len(set(floating.values())) > 1:
        dtypes = ", ".join(f"{name} {array.dtype}" for name, array in arrays.items())
        raise DataError(
            f"images of all parts must be on one scale, but some parts are integers and some floats "
            f"({dtypes}); convert all parts alike"
        )
    if any(floating.values()):
        return np.float32
    is_bytes = all(int(array.min()) >= 0 and int(array.max()) <= 255 for array in arrays.values())
    return np.uint8 if is_bytes else np.float32


def cast_to(array: Array, dtype: type[np.generic]) -> Array:
    """Return ``array`` in ``dtype``; a value too large becomes infinite here, which the checks report."""
    with np.errstate(over="ignore"):
        return np.ascontiguousarray(array, dtype=dtype)


def arranged_targets(raw: Mapping[str, Any]) -> dict[str, Array]:
    """Return the targets of all parts as int64 labels (N,), or as float32 targets (N, T).

    Raises:
        DataError: If a part is not numeric or of an impossible shape, or some parts are floats and some not.
    """
    arrays = {name: numeric(name, values) for name, values in raw.items()}
    floating = {array.dtype.kind == "f" for array in arrays.values()}
    if len(floating) > 1:
        dtypes = ", ".join(f"{name} {array.dtype}" for name, array in arrays.items())
        raise DataError(
            f"targets must be integers in all parts (classification) or floats in all parts (regression), "
            f"but got {dtypes}; convert them alike"
        )
    arranged = _targets if floating.pop() else _labels
    return {name: arranged(name, array) for name, array in arrays.items()}


def _labels(name: str, array: Array) -> Array:
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]  # (N, 1) -> (N,)
    if array.ndim != 1:
        raise DataError(
            f"`{name}` must be labels of shape (N,) or (N, 1), but its shape is {array.shape}; turn one-hot "
            "rows into labels with .argmax(1), or make the targets floats for a regression"
        )
    return cast_to(array, np.int64)


def _targets(name: str, array: Array) -> Array:
    if array.ndim == 1:
        array = array[:, None]  # (N,) -> (N, 1)
    if array.ndim != 2:
        raise DataError(
            f"`{name}` must be targets of shape (N,) or (N, targets), but its shape is {array.shape}; "
            "reshape it"
        )
    return cast_to(array, np.float32)
