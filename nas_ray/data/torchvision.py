"""``torchvision:NAME``: the usual benchmark images, downloaded once.

The official test part is the test part; the validation part is cut from the official training part. Torch is
needed to read the files for the first time only: the arrays are kept beside them as ``NAME.npz``.
"""

from __future__ import annotations

import contextlib
import os
import uuid
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from nas_ray.data.layout import Array
from nas_ray.data.npz import read_arrays
from nas_ray.data.splits import Splits
from nas_ray.data.stratify import stratified
from nas_ray.errors import ConfigError, DataError

DEFAULT_ROOT = "~/.cache/nas_ray/data"

# Where the files come from, and where below the root torchvision looks for them.
SOURCES = {
    "CIFAR10": ("https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz", "."),
    "CIFAR100": ("https://www.cs.toronto.edu/~kriz/cifar-100-python.tar.gz", "."),
    "FashionMNIST": (
        "https://github.com/zalandoresearch/fashion-mnist (data/fashion/*.gz)",
        "FashionMNIST/raw",
    ),
    "KMNIST": ("http://codh.rois.ac.jp/kmnist/dataset/kmnist/ (4 files *-ubyte.gz)", "KMNIST/raw"),
    "MNIST": ("https://ossci-datasets.s3.amazonaws.com/mnist/ (4 files *-ubyte.gz)", "MNIST/raw"),
    "SVHN": ("http://ufldl.stanford.edu/housenumbers/ (train_32x32.mat, test_32x32.mat)", "."),
}


def read_torchvision(name: str, root: str | Path | None = None, *, val_share: float = 0.1) -> Splits:
    """Return the data set of that name, one of ``SOURCES``, downloading it where it is not there yet.

    Args:
        name: torchvision's name of the data set.
        root: Folder for the downloads, by default ``~/.cache/nas_ray/data``.
        val_share: Fraction of the official training part that becomes the validation part.

    Raises:
        ConfigError: If ``val_share`` is not between 0 and 1.
        DataError: If the download fails or the files are damaged.
    """
    if isinstance(val_share, bool) or not isinstance(val_share, (int, float)) or not 0 < val_share < 1:
        raise ConfigError(f"`data.val_share` must be a number between 0 and 1, but got {val_share!r}")
    folder = Path(DEFAULT_ROOT if root is None else root).expanduser()
    return _with_val_part(_arrays(name, folder), val_share)


def _with_val_part(arrays: Mapping[str, Array], share: float) -> Splits:
    x, y = arrays["x_train"], arrays["y_train"]
    train, val = stratified(y, [share])
    cut = {"x_train": x[train], "y_train": y[train], "x_val": x[val], "y_val": y[val]}
    return Splits.from_arrays({**arrays, **cut})


def _arrays(name: str, root: Path) -> dict[str, Array]:
    """Return the two official parts, and the names of the classes where there are any."""
    cache = root / f"{name}.npz"
    if not cache.is_file():
        with _locked(root / f".{name}.lock"):
            # Another process may have finished the work while this one waited for the lock.
            if not cache.is_file():
                arrays = _read_raw(name, root)
                _write(cache, arrays)
                return arrays
    return read_arrays(cache)


def _read_raw(name: str, root: Path) -> dict[str, Array]:
    train, test = _official_parts(name, root)
    arrays = {"x_train": train.data, "y_train": _labels(train), "x_test": test.data, "y_test": _labels(test)}
    if getattr(train, "classes", None):
        arrays["class_names"] = train.classes
    return {key: np.asarray(values) for key, values in arrays.items()}


def _official_parts(name: str, root: Path) -> tuple[Any, Any]:
    source, below = SOURCES[name]
    try:
        root.mkdir(parents=True, exist_ok=True)
        return _open(name, root, "train"), _open(name, root, "test")
    # For want of a network torchvision raises URLError (an OSError) or RuntimeError, as the mirror will
    # have it; the others, and RuntimeError again, are its readers' words for a file cut short.
    except (OSError, RuntimeError, ValueError, AssertionError, EOFError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise DataError(
            f"`torchvision:{name}` could not be downloaded to {root}, or not be read there ({reason}); "
            f"get it by hand from {source} and put the files into {root / below} in place of any that are "
            "there, or set `data.root` to a folder that has them"
        ) from error


def _open(name: str, root: Path, part: str) -> Any:
    data_set = getattr(import_module("torchvision.datasets"), name)
    which: dict[str, Any] = {"split": part} if name == "SVHN" else {"train": part == "train"}
    return data_set(str(root), download=True, **which)


def _labels(data_set: Any) -> Any:
    return data_set.labels if hasattr(data_set, "labels") else data_set.targets


def _write(cache: Path, arrays: Mapping[str, Array]) -> None:
    """Write the whole file or none; a root that is read-only just costs reading the raw files each time."""
    unfinished = cache.with_name(f".{cache.name}.{uuid.uuid4().hex}")
    with contextlib.suppress(OSError):
        try:
            with unfinished.open("wb") as file:
                np.savez(file, **dict(arrays))  # type: ignore[arg-type]
            os.replace(unfinished, cache)
        finally:
            unfinished.unlink(missing_ok=True)


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold off the other processes of this machine: the workers of a run all start at once."""
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(ImportError, OSError):  # Windows, or a root that is read-only
            import fcntl

            path.parent.mkdir(parents=True, exist_ok=True)
            file = stack.enter_context(path.open("w"))
            fcntl.flock(file, fcntl.LOCK_EX)  # let go when the file is closed, be it by a crash
        yield
