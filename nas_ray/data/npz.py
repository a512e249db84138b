"""``npz:FILE``: six arrays in a file of ``numpy.savez``."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import BinaryIO

import numpy as np

from nas_ray.data.layout import KEYS, Array
from nas_ray.data.splits import Splits
from nas_ray.errors import DataError

HOW_TO_SAVE = f"numpy.savez(FILE, {', '.join(f'{key}=...' for key in KEYS)})"


def read_npz(path: str) -> Splits:
    """Return the splits in the file at ``path``; :meth:`Splits.from_arrays` says what it may hold.

    Raises:
        DataError: If there is no such file, or it is damaged, pickled, incomplete or contradicts itself.
    """
    file = Path(path).expanduser()
    arrays = read_arrays(file)
    try:
        return Splits.from_arrays(arrays)
    except DataError as error:
        raise DataError(f"{file}: {error}") from error


def read_arrays(file: Path) -> dict[str, Array]:
    """Return every array in ``file``, without ever unpickling anything.

    Raises:
        DataError: If there is no such file, or it is damaged, of another kind or pickled.
    """
    if not file.is_file():
        raise DataError(
            f"`npz:FILE` must name a file, but there is none at {file.absolute()}; check the path"
        )
    try:
        with file.open("rb") as stream:
            _check_archive(file, stream)
            with np.load(stream, allow_pickle=False) as archive:
                return {name: archive[name] for name in archive.files}
    except DataError:
        raise
    except ValueError as error:
        raise DataError(
            f"{file} must hold plain arrays, but has pickled or damaged ones ({error}); "
            "convert them with .astype('float32') or .astype('int64') and save again"
        ) from error
    except Exception as error:  # a damaged archive raises whatever its broken bytes lead to
        raise DataError(f"{file} cannot be read ({error}); copy it or write it again") from error


def _check_archive(file: Path, stream: BinaryIO) -> None:
    """Of a file of any other kind NumPy would say that it is pickled."""
    if not zipfile.is_zipfile(stream):
        raise DataError(
            f"{file} must be an .npz file, but is damaged or of another kind; write it with {HOW_TO_SAVE}"
        )
    stream.seek(0)
