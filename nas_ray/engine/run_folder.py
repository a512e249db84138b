"""A run's folder: made once, never overwritten, with what is needed to understand and continue the run."""

from __future__ import annotations

import json
import os
import platform
import re
import sys
import time
import uuid
import warnings
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from nas_ray.config import SearchConfig
from nas_ray.errors import RunError

CONFIG = "config.yaml"
ENVIRONMENT = "env.json"
PACKAGES = ("nas-ray", "ray", "torch", "torchvision", "optuna", "numpy", "pandas", "pyarrow")


def check(config: SearchConfig) -> None:
    """Check that :func:`create` would succeed; tells it before data are read and Ray is started.

    Raises:
        RunError: If a run of that name exists, or its folder could not be made.
    """
    parent = _parent(config)
    if config.run.name and (parent / config.run.name).exists():
        raise _exists(parent / config.run.name)
    nearest = next(path for path in (parent, *parent.parents) if path.exists())
    if not nearest.is_dir():
        raise _unwritable(parent, f"{str(nearest)!r} is not a folder")
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise _unwritable(parent, f"no permission to write in {str(nearest)!r}")


def home(config: SearchConfig) -> Path:
    """Return the folder of all runs, made if it is missing.

    Raises:
        RunError: If it cannot be made.
    """
    parent = _parent(config)
    try:
        parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(parent, str(error.strerror)) from error
    return parent


def new_name(config: SearchConfig, prefix: str) -> Path:
    """Return the folder that the configuration names, or a new name that begins with ``prefix``.

    Raises:
        RunError: If the folder of all runs cannot be made.
    """
    return home(config) / (config.run.name or f"{prefix}-{_stamp()}")


def create(config: SearchConfig) -> Path:
    """Make the folder of a new run and write its configuration.

    Raises:
        RunError: If a run of that name exists, or the folder cannot be made.
    """
    folder = new_name(config, f"{_plain(config.space.name)}-{_plain(config.strategy.name)}")
    name = folder.name
    try:
        folder.mkdir()
    except FileExistsError:
        raise _exists(folder) from None
    except OSError as error:
        raise _unwritable(folder, str(error.strerror)) from error
    named = config.model_copy(update={"run": config.run.model_copy(update={"name": name})})
    (folder / CONFIG).write_text(named.to_yaml())
    return folder


def _parent(config: SearchConfig) -> Path:
    # pathlib makes one slash of two.
    if re.match(r"[a-z][a-z0-9+.-]+:/", config.run.dir, re.IGNORECASE):
        raise RunError(
            f"`run.dir` must be a folder that every node sees, but got the address {config.run.dir!r}; "
            "mount the bucket, and name the folder where it is mounted"
        )
    return Path(config.run.dir).expanduser().resolve()


def _exists(folder: Path) -> RunError:
    return RunError(
        f"`run.name` must be new, but {str(folder)!r} exists; continue it with "
        f"`nas-ray resume {folder}`, or give another name"
    )


def _unwritable(folder: Path, why: str) -> RunError:
    return RunError(
        f"`run.dir` must be a folder that can be written, but {str(folder)!r} cannot be made: {why}; "
        "name another one"
    )


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


def check_versions(folder: Path) -> None:
    """Warn where a run goes on with other versions of what it computes with than it began with."""
    try:
        was = json.loads((folder / ENVIRONMENT).read_text())["packages"]
    except (OSError, ValueError, KeyError, TypeError):
        return  # lost, or of a simulation: no reason not to go on
    changed = [
        f"{name} {was[name]} (now {_version(name)})"
        for name in ("nas-ray", "ray", "torch")
        if was.get(name) not in (None, _version(name))
    ]
    if changed:
        warnings.warn(
            f"{folder} began with {', '.join(changed)}: what it learns from now on may not be comparable; "
            "install the old versions, or start a new run with `strategy.warm_start` where that matters",
            stacklevel=3,
        )


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _plain(name: str) -> str:
    return re.sub(r"[^\w-]", "", name.rpartition(":")[2].rpartition(".")[2]).lower()


def _stamp() -> str:
    # Unique also for runs that several processes, or one, begin in the same second.
    return f"{time.strftime('%Y%m%d-%H%M%S')}-{uuid.uuid4().hex[:4]}"
