"""The objects of a run, made from its configuration or given by the caller."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from nas_ray import plugins
from nas_ray.config import Named, SearchConfig
from nas_ray.data import Splits
from nas_ray.data import load as load_data
from nas_ray.errors import ConfigError
from nas_ray.spaces import SearchSpace, load_space
from nas_ray.stopping import StoppingRule, load_rule
from nas_ray.strategies import Strategy, load_strategy
from nas_ray.tasks import Task


@dataclass(frozen=True)
class Parts:
    """The objects of a run, made from its configuration or given by the caller.

    Args:
        data: The data set.
        task: The problem at the data's own resolution.
        space: What exists.
        strategy: Which next.
        rule: How good, for less.
        learner: The training recipe, None for nas_ray's own.
    """

    data: Splits
    task: Task
    space: SearchSpace
    strategy: Strategy
    rule: StoppingRule
    learner: type | None


def make_parts(config: SearchConfig, objects: Mapping[str, Any] | None = None) -> Parts:
    """Make the objects of a run; everything that can be wrong with them is found here, before any compute.

    Args:
        config: The resolved configuration.
        objects: Objects or classes that take the place of names.
    """
    given = {key: value for key, value in (objects or {}).items() if value is not None}
    plugins.check_names(given, ("space", "strategy", "stopping", "data", "learner"), "part of a run")
    root = {"root": config.data.root} if config.data.root else {}
    data = load_data(given.get("data", config.data.name), **root, **config.data.options)
    task = data.task(config.objectives)
    space = _made(given.get("space"), load_space, config.space)
    space.sample(np.random.default_rng(config.run.seed), task.at(resolution=config.estimation.resolution))
    objective = task.objectives[0]
    known: dict[str, Any] = {"metric": objective.metric, "mode": objective.mode}
    rule = _made(given.get("stopping"), load_rule, config.stopping, **known)
    rule.set_search_properties(**known)
    trained = task.at(resolution=config.estimation.resolution, width=config.estimation.width)
    known |= {"space": space, "seed": config.run.seed, "task": trained}
    strategy = _made(given.get("strategy"), load_strategy, config.strategy, **known)
    _fit(strategy, space, trained)
    learner = given.get("learner") or config.estimation.learner
    if isinstance(learner, str):
        learner = plugins.load_object(learner)
    return Parts(data, task, space, strategy, rule, learner)


def _fit(strategy: Strategy, space: SearchSpace, task: Task) -> None:
    """Give a strategy that came as an object what a named one is made with."""
    if len(strategy.memory):
        raise ConfigError(
            f"a strategy object serves one run, but this {strategy.name!r} has made "
            f"{len(strategy.memory)} proposals; make a new one"
        )
    if strategy.space is None:
        strategy.task = task
        strategy.bind(space)
    objective = task.objectives[0]
    if not strategy.set_search_properties(objective.metric, objective.mode, space.param_space()):
        raise ConfigError(
            f"the strategy must have the search space of the run, {space.name!r}, but it was made with "
            f"{strategy.space.name if strategy.space else None!r}; leave its space out"
        )


def _made(given: Any, load: Callable[..., Any], block: Named, **known: Any) -> Any:
    if given is None or isinstance(given, str):
        return load(block.name, **known, **block.options)
    return given(**known, **block.options) if isinstance(given, type) else given


def name_of(thing: Any) -> str:
    """Return the name of a thing for the record: itself if it is one, else ``module:class``."""
    if isinstance(thing, str):
        return thing
    kind = thing if isinstance(thing, type) else type(thing)
    return f"{kind.__module__}:{kind.__qualname__}"
