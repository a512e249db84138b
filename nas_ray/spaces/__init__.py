"""WHAT exists: the contract of a search space, canonical forms, ids, and spaces by name."""

from __future__ import annotations

from typing import Any

from nas_ray import plugins
from nas_ray.spaces.architecture import Architecture, Edge
from nas_ray.spaces.custom import CustomSpace
from nas_ray.spaces.identity import canonical_json, derived_seed, stable_id
from nas_ray.spaces.space import TRAINING, Config, SearchSpace

__all__ = [
    "TRAINING",
    "Architecture",
    "Config",
    "CustomSpace",
    "Edge",
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
    space: SearchSpace = plugins.make(plugins.SPACES, name, options, SearchSpace)
    return space
