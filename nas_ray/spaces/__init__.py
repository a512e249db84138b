"""WHAT exists: the contract of a search space, canonical forms, ids, and spaces by name."""

from __future__ import annotations

from typing import Any

from nas_ray import plugins
from nas_ray.errors import ConfigError
from nas_ray.spaces.custom import CustomSpace
from nas_ray.spaces.identity import canonical_json, derived_seed, stable_id
from nas_ray.spaces.space import TRAINING, Config, SearchSpace

__all__ = [
    "TRAINING",
    "Config",
    "CustomSpace",
    "SearchSpace",
    "canonical_json",
    "derived_seed",
    "load_space",
    "stable_id",
]


def load_space(name: str, **options: Any) -> SearchSpace:
    """Return the space called ``name`` (or at ``module:object``), made with ``options``.

    Raises:
        UnknownName: If there is no space of that name.
        ConfigError: If it is not a search space, or does not take these options.
    """
    found = plugins.load(plugins.SPACES, name)
    if isinstance(found, SearchSpace):
        if options:
            raise ConfigError(
                f"space {name!r} is an object, not a class, and takes no options: {sorted(options)}"
            )
        return found
    try:
        space = found(**options)
    except TypeError as error:
        raise ConfigError(f"space {name!r} cannot be made with the options {options}: {error}") from error
    if not isinstance(space, SearchSpace):
        raise ConfigError(f"{name!r} must be a SearchSpace, but it made a {type(space).__name__}")
    return space
