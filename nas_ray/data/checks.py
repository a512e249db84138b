"""What the arrays of :class:`~nas_ray.data.Splits` must fulfil, one function per rule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from nas_ray.data.layout import Array, check_filled
from nas_ray.errors import DataError
from nas_ray.tasks import Kind

# By number of axes: a table, a sequence or an image; tokens; labels or regression targets.
INPUT_DTYPES = {2: ("float32",), 3: ("float32",), 4: ("uint8", "float32")}
TOKEN_DTYPES = {2: ("int64",)}
TARGET_DTYPES = {1: ("int64",), 2: ("float32",)}

INPUT_FORMS = (
    "images (N, C, H, W) of uint8 or float32, sequences (N, C, T) of float32 or tables (N, F) of float32"
)
FORMS_OF_TOKENS = "tokens (N, L) of int64, as there is a `vocabulary`"


def check_forms(inputs: Mapping[str, Array], targets: Mapping[str, Array], tokens: bool = False) -> None:
    """Raise a DataError for an array that is not in the stored form, or empty."""
    dtypes, forms = (TOKEN_DTYPES, FORMS_OF_TOKENS) if tokens else (INPUT_DTYPES, INPUT_FORMS)
    for name, array in inputs.items():
        _check_form(name, array, dtypes, forms)
    for name, array in targets.items():
        _check_form(name, array, TARGET_DTYPES, "labels (N,) of int64 or targets (N, T) of float32")


def _check_form(name: str, array: Array, dtypes: Mapping[int, Sequence[str]], forms: str) -> None:
    if not isinstance(array, np.ndarray):
        got = type(array).__name__
    elif array.dtype.name in dtypes.get(array.ndim, ()) and array.dtype.isnative:
        return check_filled(name, array)
    else:
        got = f"{array.shape} of {array.dtype}"
    raise DataError(f"`{name}` must be {forms}, but got {got}; `Splits.from_arrays` converts other forms")


def check_lengths(inputs: Mapping[str, Array], targets: Mapping[str, Array]) -> None:
    """Raise a DataError if a part has not one target for each input."""
    for (x_name, x), (y_name, y) in zip(inputs.items(), targets.items(), strict=True):
        if len(x) != len(y):
            raise DataError(
                f"`{x_name}` and `{y_name}` must have equal lengths, but got {len(x)} and {len(y)}; "
                "give one target for each input"
            )


def check_alike(arrays: Mapping[str, Array]) -> None:
    """Raise a DataError if the parts differ in the shape of one example or in dtype."""
    forms = {name: (array.shape[1:], array.dtype.name) for name, array in arrays.items()}
    if len(set(forms.values())) > 1:
        got = ", ".join(f"{name} {shape} of {dtype}" for name, (shape, dtype) in forms.items())
        raise DataError(
            f"an example must have one shape and dtype in all parts, but got {got}; convert the parts alike"
        )


def check_finite(arrays: Mapping[str, Array]) -> None:
    """Raise a DataError that says where the first value stands that is NaN or infinite in float32."""
    for name, array in arrays.items():
        if array.dtype.kind != "f" or (bad := ~np.isfinite(array)).sum() == 0:
            continue
        first = tuple(int(axis) for axis in np.argwhere(bad)[0])
        raise DataError(
            f"`{name}` must be finite as float32, but {bad.sum()} of {array.size} values are NaN or infinite "
            f"(the first at {first}); drop or fill them"
        )


def check_tokens(inputs: Mapping[str, Array], vocabulary: int) -> None:
    """Raise a DataError for an id that the vocabulary lacks, and for a row of nothing but padding."""
    if vocabulary < 2:
        raise DataError(
            f"`vocabulary` must be at least 2, the padding 0 and another token, but got {vocabulary}"
        )
    for name, tokens in inputs.items():
        strange = np.argwhere((tokens < 0) | (tokens >= vocabulary))
        if len(strange):
            first = tuple(int(axis) for axis in strange[0])
            raise DataError(
                f"`{name}` must hold token ids from 0 to {vocabulary - 1}, as `vocabulary` is {vocabulary}, "
                f"but {len(strange)} are outside (the first, at {first}, is {tokens[first]}); "
                "raise `vocabulary`, or give rare tokens one id"
            )
        blank = np.flatnonzero((tokens == 0).all(axis=1))
        if len(blank):
            raise DataError(
                f"every row of `{name}` must hold a token beside the padding 0, but {len(blank)} hold none "
                f"(the first is row {blank[0]}); drop them, or number the tokens from 1"
            )


def check_labels(targets: Mapping[str, Array]) -> None:
    """Raise a DataError unless ``train`` has labels 0 to k - 1, k above 1, and the other parts no others."""
    for name, labels in targets.items():
        if labels.min() < 0:
            raise DataError(
                f"labels must be 0, 1, 2, ..., but `{name}` holds {labels.min()}; number the classes from 0"
            )
    trained = np.unique(targets["y_train"])
    if len(trained) < 2:
        raise DataError(
            f"`y_train` must hold at least 2 classes, but every label is {trained[0]}; "
            "add examples of another class, or make the targets floats for a regression"
        )
    missing = np.setdiff1d(np.arange(len(trained)), trained)
    if len(missing):
        raise DataError(
            f"the {len(trained)} classes of `y_train` must be numbered from 0 to {len(trained) - 1}, but its "
            f"labels are {_few(trained)} (missing: {_few(missing)}); renumber each part with "
            "`numpy.searchsorted(numpy.unique(y_train), labels)`, or make the targets floats for a regression"
        )
    for name in ("y_val", "y_test"):
        unseen = np.setdiff1d(targets[name], trained)
        if len(unseen):
            raise DataError(
                f"every label must occur in `y_train`, but `{name}` also holds {_few(unseen)}; "
                "cut the parts so that each has all classes, or make the targets floats for a regression"
            )


def _few(values: Array) -> str:
    shown = ", ".join(str(value) for value in values[:5])
    return shown if len(values) <= 5 else f"{shown}, ... ({len(values)} in all)"


def check_class_names(names: Sequence[str] | None, outputs: int, kind: Kind) -> None:
    """Raise a DataError if there are names, but not one for each class."""
    if names is None:
        return
    if kind == "regression":
        raise DataError(f"`class_names` must be left out for a regression, but got {_few(np.array(names))}")
    if len(names) < outputs:
        raise DataError(
            f"`class_names` must name all {outputs} classes, but got {len(names)} names; add the missing ones"
        )
