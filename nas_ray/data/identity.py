"""An id for the data themselves, so that a run records on which data it ran."""

from __future__ import annotations

import hashlib

import numpy as np

from nas_ray.data.layout import KEYS
from nas_ray.data.splits import Splits


def data_id(splits: Splits) -> str:
    """Return 32 hexadecimal digits of SHA-256 over the shapes, dtypes and bytes of the six arrays.

    Equal arrays have equal ids, wherever they came from; class names do not count, a vocabulary does.
    """
    digest = hashlib.sha256(b"nas_ray data 1\n")
    if splits.vocabulary is not None:
        digest.update(f"vocabulary {splits.vocabulary}\n".encode())
    for key in KEYS:
        array = np.ascontiguousarray(getattr(splits, key))
        little = array.astype(array.dtype.newbyteorder("<"), copy=False)
        digest.update(f"{key} {array.shape} {little.dtype.str}\n".encode())
        digest.update(little.data)
    return digest.hexdigest()[:32]
