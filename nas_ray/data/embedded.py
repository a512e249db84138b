r"""The data set that comes with the package, for first steps and tests without a download.

``digits`` are 1,797 handwritten digits of 8 x 8 pixels with values 0 to 16, as uint8: the test part of
"Optical Recognition of Handwritten Digits" (E. Alpaydin, C. Kaynak, 1998, UCI Machine Learning
Repository, https://doi.org/10.24432/C50P49, licence CC BY 4.0), by way of scikit-learn's ``load_digits``.
It is cut 60/20/20, stratified by class. The file was made by::

    import numpy as np
    from sklearn.datasets import load_digits
    from nas_ray.data.stratify import stratified

    digits = load_digits()
    x, y = digits.images.astype(np.uint8)[:, None], digits.target.astype(np.int64)
    parts = dict(zip(("train", "val", "test"), stratified(y, (0.2, 0.2))))
    arrays = {f"x_{part}": x[rows] for part, rows in parts.items()}
    arrays |= {f"y_{part}": y[rows] for part, rows in parts.items()}
    np.savez_compressed("digits.npz", **arrays)
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nas_ray.data.npz import read_arrays
from nas_ray.data.splits import Splits

EMBEDDED = {"digits": tuple("0123456789")}


def read_embedded(name: str) -> Splits:
    """Return the data set of that name, one of ``EMBEDDED``."""
    arrays: dict[str, Any] = {**read_arrays(Path(__file__).with_name(f"{name}.npz"))}
    return Splits(**arrays, class_names=EMBEDDED[name])
