"""WHICH next: search strategies, each a Ray Tune searcher."""

from __future__ import annotations

from typing import Any

from nas_ray import plugins
from nas_ray.strategies.base import Strategy
from nas_ray.strategies.records import Candidate, Observation, Proposal

__all__ = ["Candidate", "Observation", "Proposal", "Strategy", "load_strategy"]


def load_strategy(name: str, **options: Any) -> Strategy:
    """Return a new strategy called ``name`` (or at ``module:object``), made with ``options``.

    Raises:
        UnknownName: If there is no strategy of that name.
        ConfigError: If it is no :class:`Strategy`, or does not take these options.
    """
    strategy: Strategy = plugins.make(plugins.STRATEGIES, name, options, Strategy)
    return strategy
