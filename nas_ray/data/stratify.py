"""Cutting labelled examples into parts that keep the shares of the classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nas_ray.errors import DataError

# The cut belongs to the data set and not to the run: runs of different seeds compare on the same parts.
SPLIT_SEED = 20240229


def stratified(
    labels: ArrayLike, shares: Sequence[float], names: Sequence[str] | None = None
) -> list[NDArray[np.intp]]:
    """Return the indices of a first part and of one further part for each share.

    Example:
        >>> train, val = stratified([0, 0, 0, 1, 1, 1], [1 / 3])
        >>> len(train), len(val)
        (4, 2)

    Args:
        labels: One label for each example, (N,).
        shares: Fraction of each class that goes to each further part; each part gets at least one
            example of each class.
        names: Names of the classes for the message of the error.

    Returns:
        ``1 + len(shares)`` arrays of indices in rising order, disjoint and together complete.

    Raises:
        DataError: If a class has too few examples for all the parts.
    """
    labels = np.asarray(labels)
    parts: list[list[Any]] = [[] for _ in range(1 + len(shares))]
    # NumPy promises the raw stream of a bit generator for good, but not what `permutation` makes of it.
    order = np.argsort(np.random.PCG64(SPLIT_SEED).random_raw(len(labels)), kind="stable")
    for label in np.unique(labels):
        members = order[labels[order] == label]
        for part, chosen in zip(parts, _cut(members, shares, label, names), strict=True):
            part.append(chosen)
    return [np.sort(np.concatenate(part)) for part in parts]


def _cut(
    members: NDArray[np.intp], shares: Sequence[float], label: Any, names: Sequence[str] | None
) -> list[NDArray[np.intp]]:
    counts = [max(1, round(share * len(members))) for share in shares]
    if sum(counts) >= len(members):
        called = repr(names[label]) if names else label
        raise DataError(
            f"every class must have an example in each of the {1 + len(shares)} parts, but class {called} "
            f"has only {len(members)} in all; add examples of it, leave it out, or give the parts yourself"
        )
    return np.split(members, np.cumsum([len(members) - sum(counts), *counts[:-1]]))
