"""Every exception that nas_ray raises on purpose, under one base.

::

    NasRayError
    ├── ConfigError        a configuration value, key or name that cannot be
    │   ├── UnknownName    no space, strategy, rule or data set of that name
    │   └── Unsupported    a strategy needs what the space does not offer
    ├── SpaceError         a search space that is empty or contradicts itself
    │   └── InvalidConfig  a configuration that is not a member of its space
    ├── DataError          data that are missing, damaged or do not fit together
    ├── RunError           a run's folder: exists already, missing, damaged, not writable
    │   └── LedgerError    the record of a run cannot be read
    └── ClusterError       Ray cannot be reached, or has not the resources asked for

A message says the rule, the offending value and the way out::

    try:
        nas_ray.search(space="chain", trials=0)
    except nas_ray.NasRayError as error:
        print(error)  # `run.trials` must be at least 1, but got 0
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class NasRayError(Exception):
    """Base of all exceptions of nas_ray."""


class ConfigError(NasRayError):
    """A configuration value, key or name that cannot be."""


class UnknownName(ConfigError):
    """No thing of that kind has that name; the nearest valid names are offered.

    Args:
        kind: What was looked for, in words, such as ``"strategy"``.
        name: The name that was given.
        known: The names that exist.
    """

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        self.kind, self.name, self.known = kind, name, sorted(known)
        super().__init__(f"no {kind} is called {name!r}{suggestion(name, self.known)}")


class Unsupported(ConfigError):
    """A strategy needs something of a search space that the space does not offer."""


class SpaceError(NasRayError):
    """A search space that is empty or contradicts itself."""


class InvalidConfig(SpaceError):
    """A configuration that is not a member of its search space."""


class DataError(NasRayError):
    """Data that are missing, damaged or do not fit together."""


class RunError(NasRayError):
    """A run's folder exists already, is missing, damaged or not writable."""


class LedgerError(RunError):
    """The record of a run cannot be read."""


class ClusterError(NasRayError):
    """Ray cannot be reached, or has not the resources that were asked for."""


def suggestion(name: str, known: Iterable[str]) -> str:
    """Return the tail of an error message that offers the nearest valid names.

    Args:
        name: The name that was given.
        known: The names that exist.

    Returns:
        ``"; did you mean 'evolution'?"`` or, where nothing is near, the whole list.
    """
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    if near:
        return f"; did you mean {near[0]!r}?"
    return f"; it must be one of {', '.join(names)}" if names else ""
