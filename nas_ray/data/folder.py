"""``folder:DIR``: images in one folder per class.

Either ``DIR/train/CLASS/*.png`` with ``val`` and ``test`` beside ``train``, or ``DIR/CLASS/*.png``, which is
then cut 70/15/15, stratified by class and always the same way.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from nas_ray.data.layout import PARTS, Array
from nas_ray.data.splits import Splits
from nas_ray.data.stratify import stratified
from nas_ray.errors import ConfigError, DataError

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".webp")
SHARES = (0.15, 0.15)
LAYOUTS = "DIR/CLASS/*.png, or DIR/train/CLASS/*.png with DIR/val and DIR/test of the same classes"

# A file and its label.
Labelled = tuple[Path, int]


def read_folder(path: str, *, size: int = 64) -> Splits:
    """Return the images under ``path`` as RGB squares, (N, 3, size, size) uint8.

    Args:
        path: The folder.
        size: Side of the squares in pixels. An image is scaled until it covers the square, and its
            middle is kept.

    Raises:
        ConfigError: If ``size`` is not a positive whole number.
        DataError: If there is no such folder, it is not laid out as above, or an image cannot be read.
    """
    if isinstance(size, bool) or not isinstance(size, int) or size < 1:
        raise ConfigError(f"`data.size` must be a whole number of pixels, at least 1, but got {size!r}")
    folder = Path(path).expanduser()
    if not folder.is_dir():
        raise DataError(
            f"`folder:DIR` must name a folder, but there is none at {folder.absolute()}; check the path"
        )
    parts, class_names = _find(folder)
    arrays: dict[str, Any] = {}
    for part, files in parts.items():
        arrays[f"x_{part}"] = _decode([file for file, _ in files], size)
        arrays[f"y_{part}"] = np.array([label for _, label in files], dtype=np.int64)
    return Splits(**arrays, class_names=tuple(class_names))


def _find(folder: Path) -> tuple[dict[str, list[Labelled]], list[str]]:
    """Return the labelled files of each part, and the names of the classes in the order of the labels."""
    # A folder called "train" that holds images itself is a class: railway pictures.
    if any(_folders(folder / part) for part in PARTS):
        return _find_parts(folder)
    class_names = _folders(folder)
    files = _labelled(folder, class_names)
    if not files:
        raise DataError(f"{folder} must hold images as {LAYOUTS}, but there are none ({', '.join(SUFFIXES)})")
    rows = stratified([label for _, label in files], SHARES, class_names)
    return {
        part: [files[row] for row in chosen] for part, chosen in zip(PARTS, rows, strict=True)
    }, class_names


def _find_parts(folder: Path) -> tuple[dict[str, list[Labelled]], list[str]]:
    missing = [part for part in PARTS if not (folder / part).is_dir()]
    if missing:
        raise DataError(
            f"{folder} must hold all of train, val and test, but {', '.join(missing)} is missing; "
            "move a share of the images there, or put the class folders straight into DIR to have them cut"
        )
    class_names = sorted({name for part in PARTS for name in _folders(folder / part)})
    return {part: _labelled(folder / part, class_names) for part in PARTS}, class_names


def _folders(folder: Path) -> list[str]:
    if not folder.is_dir():
        return []
    return sorted(
        entry.name for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith(".")
    )


def _labelled(folder: Path, class_names: Sequence[str]) -> list[Labelled]:
    """Return the images of each class in the order of their names, which is the same on every machine."""
    files: list[Labelled] = []
    for label, name in enumerate(class_names):
        entries = sorted((folder / name).iterdir()) if (folder / name).is_dir() else []
        found = [
            file for file in entries if file.suffix.lower() in SUFFIXES and not file.name.startswith(".")
        ]
        if not found:
            raise DataError(
                f"every class must have images in every part, but class {name!r} has none in {folder} "
                f"({', '.join(SUFFIXES)}); add some, or remove the class everywhere"
            )
        files += [(file, label) for file in found]
    return files


def _decode(files: Sequence[Path], size: int) -> Array:
    # Pillow lets other threads run while it decodes.
    with ThreadPoolExecutor() as pool:
        images = list(pool.map(partial(_read_image, size=size), files))
    return np.ascontiguousarray(np.stack(images).transpose(0, 3, 1, 2))  # (N, H, W, C) -> (N, C, H, W)


def _read_image(file: Path, size: int) -> Array:
    from PIL import Image, ImageOps

    try:
        with Image.open(file) as image:
            _check_depth(file, image.mode)
            upright = ImageOps.exif_transpose(image).convert("RGB")
            return np.asarray(ImageOps.fit(upright, (size, size), Image.Resampling.BILINEAR))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise DataError(f"the image {file} cannot be read ({error}); replace or remove it") from error


def _check_depth(file: Path, mode: Any) -> None:
    """Pillow clips deeper pixels to white without a word."""
    if str(mode).startswith(("I", "F")):
        raise DataError(
            f"an image must have 8 bits per channel, but {file} has more (mode {mode}); "
            "convert it, or give the data through a factory, `module:object`"
        )
