"""The search space in the constructor of somebody's own network; see :mod:`nas_ray.spaces.mutable`."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ray import tune
from ray.tune.search.sample import Domain

from nas_ray.errors import ConfigError, SpaceError, Unsupported, suggestion
from nas_ray.spaces.architecture import Architecture
from nas_ray.spaces.decisions import Decisions, Path
from nas_ray.spaces.space import Config, SearchSpace
from nas_ray.tasks import Task

if TYPE_CHECKING:
    from torch import nn

EXAMPLES = (
    Task(kind="classification", input_shape=(3, 32, 32), outputs=10),
    Task(kind="classification", input_shape=(3, 64), outputs=10),
    Task(kind="classification", input_shape=(16,), outputs=10),
    Task(kind="classification", input_shape=(16,), outputs=10, vocabulary=100),
)
"""Problems that the decisions of a constructor are collected for, the first that it takes."""


TASK = frozenset({"task", "input_shape", "outputs"})
"""What a constructor is given, if it asks for it by name."""


class ModuleSpace(SearchSpace):
    """The networks that a class of modules makes, with what its constructor leaves open.

    The constructor is called with what it asks for by name: ``task``, ``input_shape``, ``outputs``. Its other
    parameters are settings of the space.

    Args:
        module: A class of modules, or a function that returns one; its decisions are those of
            :mod:`nas_ray.spaces.mutable`.
        name: Part of every id; the name of the class by default.
        violations: Names the rules that a configuration breaks.
        settings: Other parameters of the constructor.

    Raises:
        ConfigError: If ``module`` has no name, or a setting is none of its parameters.
    """

    def __init__(
        self,
        module: Callable[..., nn.Module],
        *,
        name: str | None = None,
        violations: Callable[[Config, Task | None], list[str]] | None = None,
        **settings: Any,
    ) -> None:
        self.module, self.settings, self._rules = module, settings, violations
        self.name = name or str(getattr(module, "__name__", ""))
        if not self.name:
            raise ConfigError(
                f"a space of modules must be a class or a function, but got a {type(module).__name__}; "
                "pass the class and no network that it made, or give a `name`"
            )
        known = self._parameters.keys() - TASK
        takes_any = any(each.kind is each.VAR_KEYWORD for each in self._parameters.values())
        for setting in settings.keys() - known if not takes_any else ():
            raise ConfigError(f"space {self.name!r} has no setting {setting!r}{suggestion(setting, known)}")

    @cached_property
    def _parameters(self) -> dict[str, inspect.Parameter]:
        return dict(inspect.signature(self.module).parameters)

    @cached_property
    def decisions(self) -> Decisions:
        """What the constructor leaves open; it is run once, on the meta device.

        Raises:
            SpaceError: If it cannot be run, or leaves nothing open.
        """
        for task in EXAMPLES:
            try:
                found = self._collected(task)
                break
            except SpaceError:
                raise
            except Exception as error:  # somebody's own code
                last = error
        else:
            raise SpaceError(f"the constructor of {self.name!r} cannot be run: {last!r}") from last
        if not found.options:
            raise SpaceError(
                f"the constructor of {self.name!r} must leave something open, with Choice, Width, Repeat, "
                "Optional or InputChoice"
            )
        return found

    def _collected(self, task: Task) -> Decisions:
        import torch

        with Decisions().open() as decisions, torch.device("meta"):
            self._make(task)
        return decisions

    def _make(self, task: Task) -> nn.Module:
        values = {"task": task, "input_shape": task.input_shape, "outputs": task.outputs}
        given = {name: values[name] for name in TASK & self._parameters.keys()}
        return self.module(**{**given, **self.settings})

    def param_space(self) -> dict[str, Domain]:
        """Return a choice for each decision, in the order of the constructor."""
        return {key: tune.choice(list(options)) for key, options in self.decisions.options.items()}

    def active(self, config: Config) -> frozenset[str]:
        """Return the decisions that the constructor comes upon."""
        return frozenset(
            key for key, paths in self.decisions.paths.items() if any(_taken(path, config) for path in paths)
        )

    def size(self) -> float:
        """Return the number of configurations that differ in a key that matters.

        Where a name stands in several branches, all combinations are counted if they are more than 20,000.
        """
        paths = self.decisions.paths
        if any(len(set(places)) > 1 for places in paths.values()):
            return super().size()
        return math.prod(self._size(key) for key, (path, *_) in paths.items() if not path)

    def _size(self, key: str) -> int:
        inside = [
            (path[-1][1], other)
            for other, (path, *_) in self.decisions.paths.items()
            if path and path[-1][0] == key
        ]
        return sum(
            math.prod(self._size(other) for answers, other in inside if option in answers)
            for option in self.decisions.options[key]
        )

    def violations(self, config: Config, task: Task | None = None) -> list[str]:
        """Return what the function that was given says of ``config``."""
        return self._rules(config, task) if self._rules else []

    def check_task(self, task: Task) -> None:
        """Check that the constructor takes ``task``, with every branch; nothing is allocated.

        Raises:
            Unsupported: If it does not.
        """
        _ = self.decisions  # what is wrong for every task
        try:
            self._collected(task)
        except Exception as error:  # somebody's own code
            raise Unsupported(
                f"{self.name!r} cannot be made for {task.inputs} of shape {task.input_shape} and "
                f"{task.outputs} outputs: {error!r}"
            ) from error

    def build(self, config: Config, task: Task) -> nn.Module:
        """Return the module, as its constructor makes it with these decisions."""
        with Decisions(config, task).open():
            return self._make(task)

    def scale(self, config: Config, **settings: Any) -> Architecture:
        """Return the same architecture with other settings of the constructor.

        Raises:
            ConfigError: If one is none of its parameters.
        """
        changed = {**self.settings, **settings}
        other = ModuleSpace(self.module, name=self.name, violations=self._rules, **changed)
        return Architecture(other, other.check(config))


def _taken(path: Path, config: Config) -> bool:
    return all(config[key] in answers for key, answers in path)
