"""What a data set says of its inputs beside the arrays: the entries ``inputs`` and ``vocabulary``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from nas_ray.data.layout import PARTS, Array, arranged_inputs, cast_to, numeric
from nas_ray.errors import DataError, suggestion
from nas_ray.tasks import INPUTS, Inputs

AXES: dict[Inputs, tuple[tuple[int, ...], str]] = {
    "images": ((3, 4), "(N, H, W), (N, H, W, C) or (N, C, H, W)"),
    "sequences": ((2, 3), "(N, channels, steps), or (N, steps) of one channel"),
    "tables": ((2,), "(N, features)"),
    "tokens": ((2,), "(N, length)"),
}
"""Numbers of axes that each kind of inputs may have, and the shapes in words."""


def arranged(arrays: Mapping[str, Any]) -> dict[str, Array]:
    """Return the inputs of all parts in the form that is stored.

    Args:
        arrays: ``x_train``, ``x_val``, ``x_test``, and what is said of them.

    Raises:
        DataError: If a part is not numeric, or not of the form that the inputs are said to have.
    """
    kind = stated_kind(arrays)
    raw = {f"x_{part}": arrays[f"x_{part}"] for part in PARTS}
    if kind is None:
        return arranged_inputs(raw)
    parts = {name: numeric(name, values) for name, values in raw.items()}
    _check_axes(kind, parts)
    return {"sequences": _sequences, "tokens": _tokens}.get(kind, arranged_inputs)(parts)


def stated_kind(arrays: Mapping[str, Any]) -> Inputs | None:
    """Return what ``inputs`` says the inputs are; tokens where there is a ``vocabulary``, None if unsaid.

    Raises:
        DataError: If it is no kind of inputs, or contradicts a ``vocabulary``.
    """
    has_vocabulary = arrays.get("vocabulary") is not None
    if arrays.get("inputs") is None:
        return "tokens" if has_vocabulary else None
    kind = str(arrays["inputs"])  # a text of its own, or an array of one text in an .npz file
    if kind not in INPUTS:
        raise DataError(f"`inputs` must be a kind of inputs, but got {kind!r}{suggestion(kind, INPUTS)}")
    if (kind == "tokens") != has_vocabulary:
        way_out = "add `vocabulary`, the number of ids" if kind == "tokens" else "leave `vocabulary` out"
        raise DataError(f"tokens, and they alone, have a `vocabulary`, but `inputs` is {kind}; {way_out}")
    return kind


def stated_vocabulary(arrays: Mapping[str, Any]) -> int | None:
    """Return the number of token ids, None where there is no entry ``vocabulary``.

    Raises:
        DataError: If it is no single integer.
    """
    given = arrays.get("vocabulary")
    if given is None:
        return None
    number = np.asarray(given)
    if number.shape != () or number.dtype.kind not in "ui":
        what = f"{number.shape} of {number.dtype}" if number.shape else repr(number.item())
        raise DataError(
            f"`vocabulary` must be the number of token ids, one integer, but got {what}; "
            "of a list of words give its length"
        )
    return int(number)


def _check_axes(kind: Inputs, arrays: Mapping[str, Array]) -> None:
    axes, shapes = AXES[kind]
    for name, array in arrays.items():
        if array.ndim not in axes:
            raise DataError(f"`{name}` must be {kind} {shapes}, but its shape is {array.shape}; reshape it")


def _sequences(arrays: Mapping[str, Array]) -> dict[str, Array]:
    with_channels = {name: array[:, None] if array.ndim == 2 else array for name, array in arrays.items()}
    return {name: cast_to(array, np.float32) for name, array in with_channels.items()}


def _tokens(arrays: Mapping[str, Array]) -> dict[str, Array]:
    for name, array in arrays.items():
        if array.dtype.kind not in "ui":
            raise DataError(
                f"`{name}` must be tokens, which are integers, as there is a `vocabulary`, but its dtype is "
                f"{array.dtype}; convert it with .astype('int64'), or leave `vocabulary` out"
            )
    return {name: cast_to(array, np.int64) for name, array in arrays.items()}
