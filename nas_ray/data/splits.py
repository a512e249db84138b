"""Splits: the six arrays that a search trains, selects and tests on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from nas_ray.data import checks, layout, stated
from nas_ray.data.layout import PARTS, Array
from nas_ray.tasks import Kind, Objective, Task


# Arrays have no truth value of their own, so equality by value goes through `data_id`.
@dataclass(frozen=True, eq=False, repr=False)
class Splits:
    """A data set in its three parts, checked when built.

    Networks learn from ``train``, the search chooses by ``val``, and ``test`` is for the winner alone.

    Args:
        x_train: Images (N, C, H, W) as uint8 or float32, sequences (N, C, T) as float32, tables (N, F) as
            float32, or tokens (N, L) as int64, of which 0 is the padding.
        y_train: Labels (N,) as int64 from 0 to classes - 1 for classification, targets (N, T) as float32 for
            regression.
        x_val: As ``x_train``.
        y_val: As ``y_train``.
        x_test: As ``x_train``.
        y_test: As ``y_train``.
        class_names: A name for each class, where there are any.
        vocabulary: Number of token ids, which are 0 to ``vocabulary - 1``; None where inputs are no tokens.

    Raises:
        DataError: If the arrays are not of this form or do not fit together. :meth:`from_arrays` takes
            arrays of more forms.
    """

    x_train: Array
    y_train: Array
    x_val: Array
    y_val: Array
    x_test: Array
    y_test: Array
    class_names: tuple[str, ...] | None = None
    vocabulary: int | None = None

    def __post_init__(self) -> None:
        inputs = {f"x_{part}": getattr(self, f"x_{part}") for part in PARTS}
        targets = {f"y_{part}": getattr(self, f"y_{part}") for part in PARTS}
        checks.check_forms(inputs, targets, tokens=self.vocabulary is not None)
        checks.check_lengths(inputs, targets)
        checks.check_alike(inputs)
        checks.check_alike(targets)
        checks.check_finite(inputs | targets)
        if self.vocabulary is not None:
            checks.check_tokens(inputs, self.vocabulary)
        if self.kind == "classification":
            checks.check_labels(targets)
        checks.check_class_names(self.class_names, self.outputs, self.kind)

    def __repr__(self) -> str:
        sizes = "/".join(str(len(getattr(self, f"y_{part}"))) for part in PARTS)
        end = f"outputs={self.outputs}"
        if self.vocabulary is not None:
            end += f", vocabulary={self.vocabulary}"
        return f"Splits({self.kind}, {sizes}, input_shape={self.input_shape}, {end})"

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Any]) -> Splits:
        """Build the splits from arrays in any of the usual forms.

        Args:
            arrays: ``x_train``, ``y_train``, ``x_val``, ``y_val``, ``x_test``, ``y_test`` and, if wanted,
                ``class_names``, ``inputs`` and ``vocabulary``; other keys are not read. Inputs are images
                (N, H, W), (N, H, W, C) or (N, C, H, W) with 1, 3 or 4 channels, or tables (N, F), of
                integers, booleans or floats. With ``inputs="sequences"`` they are (N, channels, steps) or
                (N, steps); with ``vocabulary``, the number of ids, they are tokens (N, length), integers
                of which 0 is the padding. Targets are (N,), (N, 1) or, floating only, (N, T). Floating
                targets make it a regression.

        Raises:
            DataError: If something is missing, of an impossible form, or does not fit together.
        """
        layout.check_keys(arrays)
        inputs = stated.arranged(arrays)
        targets = layout.arranged_targets({f"y_{part}": arrays[f"y_{part}"] for part in PARTS})
        class_names = arrays.get("class_names")
        if class_names is not None:
            class_names = tuple(str(name) for name in class_names)
        vocabulary = stated.stated_vocabulary(arrays)
        return cls(**inputs, **targets, class_names=class_names, vocabulary=vocabulary)

    @property
    def kind(self) -> Kind:
        """``"classification"`` where the targets are integers, ``"regression"`` where they are floats."""
        return "regression" if np.issubdtype(self.y_train.dtype, np.floating) else "classification"

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one input: (C, H, W) of an image, (C, T) of a sequence, (F,) of a row, (L,) of tokens."""
        return tuple(self.x_train.shape[1:])

    @property
    def outputs(self) -> int:
        """Number of classes, or of regression targets."""
        return int(self.y_train.shape[1] if self.kind == "regression" else 1 + self.y_train.max())

    def task(self, objectives: Iterable[Objective] = ()) -> Task:
        """Return the task that these data pose, with the objectives given or the default ones."""
        return Task(
            kind=self.kind,
            input_shape=self.input_shape,
            outputs=self.outputs,
            objectives=tuple(objectives),
            vocabulary=self.vocabulary,
        )
