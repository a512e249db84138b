"""A run's folder: made once, never overwritten, with what is needed to understand and continue the run."""

from __future__ import annotations

import json
import os
import platform
import sys
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from nas_ray.config import SearchConfig
from nas_ray.errors import RunError

CONFIG = "config.yaml"
ENVIRONMENT = "env.json"
PACKAGES = ("nas-ray", "ray", "torch", "torchvision", "optuna", "numpy", "pandas", "pyarrow")


def create(config: SearchConfig) -> Path:
    """Make the folder of a new run and write its configuration.

    Raises:
        RunError: If a run of that name exists, or the folder cannot be made.
    """
    name = config.run.name or f"{_plain(config.space.name)}-{_plain(config.strategy.name)}-{_stamp()}"
    folder = Path(config.run.dir).expanduser().resolve() / name
    try:
        folder.mkdir(parents=True)
    except FileExistsError:
        raise RunError(
            f"`run.name` must be new, but {str(folder)!r} exists; continue it with "
            f"`nas-ray resume {folder}`, or give another name"
        ) from None
    except OSError as error:
        raise RunError(
            f"`run.dir` must be a folder that can be written, but {str(folder)!r} cannot be made: "
            f"{error.strerror}; name another one"
        ) from error
    named = config.model_copy(update={"run": config.run.model_copy(update={"name": name})})
    (folder / CONFIG).write_text(named.to_yaml())
    return folder


def write_environment(folder: Path, attempt: int, **facts: Any) -> None:
    """Write versions, hardware and the command of an attempt; the first one's stays in ``env.json``."""
    path = folder / (ENVIRONMENT if attempt == 1 else f"env-{attempt:03d}.json")
    environment = {
        "packages": {name: _version(name) for name in PACKAGES},
        "python": sys.version,
        "platform": platform.platform(),
        "cpus": os.cpu_count(),
        "command": sys.argv,
        "folder": os.getcwd(),
        **facts,
    }
    path.write_text(json.dumps(environment, indent=2, default=str) + "\n")


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _plain(name: str) -> str:
    return name.rpartition(":")[2].rpartition(".")[2].lower()


def _stamp() -> str:
    return f"{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}"
