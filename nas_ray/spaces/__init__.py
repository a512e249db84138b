"""WHAT exists: the contract of a search space, canonical forms, ids, and spaces by name."""

from __future__ import annotations

import sys
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
    "is_module",
    "load_space",
    "stable_id",
]


def load_space(name: str, **options: Any) -> SearchSpace:
    """Return the space called ``name`` (or at ``module:object``), made with ``options``.

    A class of modules is the space that its constructor leaves open.

    Raises:
        UnknownName: If there is no space of that name.
        ConfigError: If it is not a search space, or does not take these options.
    """
    found = plugins.load(plugins.SPACES, name)
    if is_module(found):
        return SearchSpace.from_module(found, **options)
    space: SearchSpace = plugins.make(plugins.SPACES, name, options, SearchSpace)
    return space


def is_module(thing: Any) -> bool:
    """Return whether ``thing`` is a class of PyTorch modules; without loading PyTorch, as it has then."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(thing, type) and issubclass(thing, torch.nn.Module)
