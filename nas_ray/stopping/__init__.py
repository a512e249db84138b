"""HOW GOOD, for less: stopping rules, each a Ray Tune scheduler."""

from __future__ import annotations

from typing import Any

from nas_ray import plugins
from nas_ray.errors import ConfigError
from nas_ray.stopping.base import StoppingRule

__all__ = ["StoppingRule", "load_rule"]


def load_rule(name: str, **options: Any) -> StoppingRule:
    """Return a new stopping rule called ``name`` (or at ``module:object``), made with ``options``.

    Raises:
        UnknownName: If there is no rule of that name.
        ConfigError: If it is no :class:`StoppingRule`, or does not take these options.
    """
    found = plugins.load(plugins.STOPPING, name)
    try:
        rule = found(**options)
    except TypeError as error:
        raise ConfigError(f"stopping rule {name!r} cannot be made with {options}: {error}") from error
    if not isinstance(rule, StoppingRule):
        raise ConfigError(f"{name!r} must be a StoppingRule, but it made a {type(rule).__name__}")
    return rule
