"""One architecture: a space and a configuration of it, to be built for any task and at any size."""

from __future__ import annotations

import inspect
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from nas_ray.errors import ConfigError, suggestion
from nas_ray.tasks import Task

if TYPE_CHECKING:
    from torch import nn

    from nas_ray.spaces.space import Config, SearchSpace


class Edge(NamedTuple):
    """An edge of a drawing: what ``operation`` makes of the node ``source`` goes into ``target``.

    Nodes are named as they shall be read, such as ``"input"``, ``"2"`` or ``"output"``.
    """

    source: str
    target: str
    operation: str = ""


@dataclass(frozen=True)
class Architecture:
    """A space and one of its configurations.

    :meth:`SearchSpace.scale` returns it; what a search found on small images is built larger and for other
    data by changing the task and the settings of the space alone::

        larger = NASBench201().scale(result.best.config, channels=32, cells=8)
        larger.build(Task(kind="classification", input_shape=(3, 224, 224), outputs=1000))

    Args:
        space: The space.
        config: A member of it.
    """

    space: SearchSpace
    config: Config

    def build(self, task: Task) -> nn.Module:
        """Return the untrained network for ``task``.

        Raises:
            Unsupported: If the space cannot serve the task.
            InvalidConfig: If the architecture breaks a rule on it, such as a feature map below 1x1.
        """
        self.space.check_task(task)
        self.space.check_rules(self.config, task)
        return self.space.build(self.config, task)

    def describe(self) -> str:
        """Draw the architecture as text."""
        return self.space.describe(self.config)

    def draw(self, path: str | os.PathLike[str]) -> Path:
        """Write the architecture's drawing; the ending of the file says the format, such as ``.svg``."""
        from nas_ray.spaces.drawing import draw  # matplotlib takes a second to load

        return draw(self.space, self.config, path)


def settings_of(space: SearchSpace) -> dict[str, Any]:
    """Return the options that a space was made with, by the names of its constructor's parameters.

    A space keeps each option as an attribute of the same name, as scikit-learn's estimators do.
    """
    parameters = inspect.signature(type(space).__init__).parameters
    return {name: getattr(space, name) for name in parameters if name != "self" and hasattr(space, name)}


def resettled(space: SearchSpace, changes: dict[str, Any]) -> SearchSpace:
    """Return a space of the same class with some options changed.

    Raises:
        ConfigError: If one is no option of the space.
    """
    known = settings_of(space)
    for name in changes:
        if name not in known:
            raise ConfigError(f"space {space.name!r} has no setting {name!r}{suggestion(name, known)}")
    return type(space)(**{**known, **changes})
