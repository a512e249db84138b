"""HOW GOOD, for less: stopping rules, each a Ray Tune scheduler."""

from __future__ import annotations

from typing import Any

from nas_ray import plugins
from nas_ray.stopping.base import StoppingRule
from nas_ray.stopping.pausing import PausingRule

__all__ = ["PausingRule", "StoppingRule", "load_rule"]


def load_rule(name: str, **options: Any) -> StoppingRule:
    """Return a new stopping rule called ``name`` (or at ``module:object``), made with ``options``.

    Raises:
        UnknownName: If there is no rule of that name.
        ConfigError: If it is no :class:`StoppingRule`, or does not take these options.
    """
    rule: StoppingRule = plugins.make(plugins.STOPPING, name, options, StoppingRule)
    return rule
