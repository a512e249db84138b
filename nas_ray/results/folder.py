"""The files in a run's folder, found and read with clear errors."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import yaml

from nas_ray.errors import RunError
from nas_ray.ledger.writer import LEDGER

CONFIG = "config.yaml"
ARCHITECTURE = Path("best", "architecture.json")
WEIGHTS = Path("best", "weights.pt")
DRAWING = Path("best", "architecture.svg")


def run_folder(folder: str | os.PathLike[str]) -> Path:
    """Return the path of a run.

    Raises:
        RunError: If there is no such folder, or it holds no run.
    """
    path = Path(folder).expanduser()
    if not path.is_dir():
        raise RunError(f"there is no folder {path}; `nas-ray list` shows the runs")
    if not (path / LEDGER).is_file():
        raise RunError(f"{path} is no run: it has no {LEDGER}; `nas-ray list` shows the runs")
    return path


def read_config(folder: Path) -> dict[str, Any]:
    """Return the resolved configuration that the run was started with.

    Raises:
        RunError: If the file is missing or damaged.
    """
    path = folder / CONFIG
    try:
        config = yaml.safe_load(path.read_text())
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise RunError(f"{path} cannot be read: {one_line(error)}; restore it from a copy") from error
    if not isinstance(config, dict):
        raise RunError(
            f"{path} must hold a mapping, but holds {type(config).__name__}; restore it from a copy"
        )
    return config


def read_architecture(folder: Path) -> dict[str, Any]:
    """Return the winner's description: space, configuration, task, ids, value.

    Raises:
        RunError: If the run has no winner yet, or the file is damaged.
    """
    path = folder / ARCHITECTURE
    if not path.is_file():
        raise RunError(f"run {folder} has no {ARCHITECTURE}: no trial has a score yet")
    try:
        plain: dict[str, Any] = json.loads(path.read_text())
        missing = {"config", "task"} - plain.keys()
    except (OSError, ValueError, AttributeError) as error:
        raise RunError(f"{path} cannot be read: {error}; `nas-ray resume {folder}` writes it anew") from error
    if missing:
        raise RunError(
            f"{path} must hold {', '.join(sorted(missing))}; `nas-ray resume {folder}` writes it anew"
        )
    return plain


def one_line(error: Exception, longest: int = 200) -> str:
    """Return the message of ``error`` on one line, cut where it goes on and on."""
    text = " ".join(str(error).split())
    return text if len(text) <= longest else f"{text[:longest]} ..."
