"""Finding spaces, strategies and stopping rules by name, through package entry points.

A package that is installed beside nas_ray offers its own under the same groups::

    [project.entry-points."nas_ray.strategies"]
    my-strategy = "my_package.my_module:MyStrategy"

and anybody names a class of theirs that is not packaged as ``module:object``.
"""

from __future__ import annotations

import importlib
import os
import sys
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from nas_ray.errors import ConfigError, UnknownName

SPACES = "nas_ray.spaces"
STRATEGIES = "nas_ray.strategies"
STOPPING = "nas_ray.stopping"
KINDS = {SPACES: "search space", STRATEGIES: "strategy", STOPPING: "stopping rule"}


@cache
def _group(group: str) -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=group)}


def names(group: str) -> list[str]:
    """Return the sorted names that installed packages offer in ``group``."""
    return sorted(_group(group))


def load(group: str, name: str) -> Any:
    """Return the object called ``name`` in ``group``, or the one at ``module:object``.

    Raises:
        UnknownName: If no installed package offers ``name``.
        ConfigError: If ``module:object`` cannot be imported.
    """
    if ":" in name:
        return load_object(name)
    known = _group(group)
    if name not in known:
        raise UnknownName(KINDS[group], name, known)
    return known[name].load()


def load_object(path: str) -> Any:
    """Import ``module:object``; modules in the current folder are found too.

    Raises:
        ConfigError: If the module cannot be imported or has no such object.
    """
    module_name, _, attribute = path.partition(":")
    if not module_name or not attribute:
        raise ConfigError(f"`module:object` must name a module and an object in it, but got {path!r}")
    if os.getcwd() not in sys.path and "" not in sys.path:
        sys.path.append(os.getcwd())
    try:
        found: Any = importlib.import_module(module_name)
        for part in attribute.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError) as error:
        raise ConfigError(f"{path!r} cannot be imported: {error}") from error
    return found
