"""Spaces made from a dict of domains, with or without a function that builds the network."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from ray.tune.search.sample import Domain

from nas_ray.errors import ConfigError, SpaceError, suggestion
from nas_ray.spaces.architecture import Architecture
from nas_ray.spaces.domains import check_param_space
from nas_ray.spaces.space import Config, SearchSpace
from nas_ray.tasks import Task

if TYPE_CHECKING:
    from torch import nn

Build = Callable[[Config, Task], "nn.Module"]
Rules = Callable[[Config, "Task | None"], list[str]]


class CustomSpace(SearchSpace):
    """A space of somebody's own domains.

    Args:
        params: Flat dict ``key -> ray.tune domain``; other values are constants, handed to ``build``, which
            :meth:`scale` changes.
        build: Makes the network of a configuration; None where only proposals are needed.
        name: Part of every id.
        violations: Names the rules that a configuration breaks; by default there are none.
        absent: For a space of graphs, key -> the value with which that piece of the graph is not there.

    Raises:
        SpaceError: If ``params`` is nested or holds something that is no usable domain.
    """

    def __init__(
        self,
        params: Mapping[str, Any],
        build: Build | None = None,
        *,
        name: str = "custom",
        violations: Rules | None = None,
        absent: Mapping[str, Any] | None = None,
    ) -> None:
        self.name = name
        self._domains = check_param_space(params)
        self._constants = {key: value for key, value in params.items() if key not in self._domains}
        self._build, self._rules = build, violations
        self._absent = None if absent is None else dict(absent)
        self.offers = frozenset() if absent is None else frozenset({"graph"})

    def param_space(self) -> dict[str, Domain]:
        """Return the domains that were given."""
        return dict(self._domains)

    def absent(self) -> dict[str, Any]:
        """Return what was given."""
        return dict(self._absent or {})

    def build(self, config: Config, task: Task) -> nn.Module:
        """Call the function that was given, with the constants added to ``config``.

        Raises:
            SpaceError: If none was given.
        """
        if self._build is None:
            raise SpaceError(f"space {self.name!r} has no `build`; pass one to `SearchSpace.from_function`")
        return self._build({**self._constants, **config}, task)

    def scale(self, config: Config, **settings: Any) -> Architecture:
        """Return the same architecture with other constants, which are the settings of such a space.

        Raises:
            ConfigError: If one is no constant of the space.
        """
        for name in settings.keys() - self._constants.keys():
            raise ConfigError(
                f"space {self.name!r} has no setting {name!r}{suggestion(name, self._constants)}"
            )
        params = {**self._domains, **self._constants, **settings}
        other = CustomSpace(params, self._build, name=self.name, violations=self._rules, absent=self._absent)
        return Architecture(other, self.check(config))

    def violations(self, config: Config, task: Task | None = None) -> list[str]:
        """Return what the function that was given says of ``config``."""
        return self._rules(config, task) if self._rules else []
