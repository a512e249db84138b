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

OBJECT = "<"
"""First character of a name that stands for an object, which a later process cannot make again."""

SET_BY = {
    "metric": "`objective`",
    "mode": "`objective`",
    "objectives": "`objective`",
    "seed": "`run.seed`",
    "space": "`space`",
    "task": "the data",
}


REPORTED = {
    "classification": ("val_acc", "val_loss", "train_loss", "params", "flops"),
    "regression": ("val_loss", "val_mae", "train_loss", "params", "flops"),
}
"""What the Learner of nas_ray reports of an epoch, by kind of task; one of somebody's own may report more."""


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
    if "data" not in given:
        _check_name("data", config.data)
    data = load_data(given.get("data", config.data.name), **root, **config.data.options)
    task = data.task(config.objectives)
    space = _made("space", SearchSpace, given, load_space, config.space)
    space.sample(np.random.default_rng(config.run.seed), task.at(resolution=config.estimation.resolution))
    objective = task.objectives[0]
    known: dict[str, Any] = {"metric": objective.metric, "mode": objective.mode}
    rule = _made("stopping", StoppingRule, given, load_rule, config.stopping, **known)
    if rule.started:
        raise ConfigError(
            f"a stopping rule object serves one run, but this {rule.name!r} has; make a new one"
        )
    if not rule.set_search_properties(**known):
        raise ConfigError(
            f"the stopping rule must have the objective of the run, {objective.metric!r} ({objective.mode}); "
            "leave its metric and mode out"
        )
    trained = task.at(resolution=config.estimation.resolution, width=config.estimation.width)
    known |= {"space": space, "seed": config.run.seed, "task": trained}
    if len(task.objectives) > 1:
        known["objectives"] = task.objectives
    strategy = _made("strategy", Strategy, given, load_strategy, config.strategy, **known)
    _fit(strategy, space, trained)
    learner = given.get("learner") or config.estimation.learner
    if isinstance(learner, str):
        learner = plugins.load_object(learner)
    if learner is None:
        plugins.check_names(
            [each.metric for each in task.objectives], REPORTED[task.kind], "metric that an epoch reports"
        )
    return Parts(data, task, space, strategy, rule, learner)


def _fit(strategy: Strategy, space: SearchSpace, task: Task) -> None:
    """Give a strategy that came as an object what a named one is made with."""
    if len(strategy.memory):
        raise ConfigError(
            f"a strategy object serves one run, but this {strategy.name!r} has made "
            f"{len(strategy.memory)} proposals; make a new one"
        )
    if len(task.objectives) > 1:
        strategy.aim(task.objectives)
    if strategy.space is None:
        strategy.task = task
        strategy.bind(space)
    objective = task.objectives[0]
    if not strategy.set_search_properties(objective.metric, objective.mode, space.param_space()):
        raise ConfigError(
            f"the strategy must have the search space of the run, {space.name!r}, but it was made with "
            f"{strategy.space.name if strategy.space else None!r}; leave its space out"
        )


def _made(
    part: str, kind: type, objects: Mapping[str, Any], load: Callable[..., Any], block: Named, **known: Any
) -> Any:
    given, options = objects.get(part), block.options
    for option in options.keys() & known.keys():
        raise ConfigError(f"`{part}.{option}` cannot be set there; it follows from {SET_BY[option]}")
    if given is None or isinstance(given, str):
        _check_name(part, block)
        return load(block.name, **known, **options)
    made = given(**known, **options) if isinstance(given, type) else given
    if not isinstance(made, kind):
        raise ConfigError(f"`{part}` must be a {kind.__name__} of nas_ray, but is a {type(made).__name__}")
    return made


def _check_name(part: str, block: Named) -> None:
    if block.name.startswith(OBJECT):
        raise ConfigError(
            f"this run was given an object for its {part}, {block.name}, which its record cannot hold; "
            f"hand it over again: nas_ray.resume(run, {part}=...)"
        )


def name_of(thing: Any) -> str:
    """Return a name for the record: itself, ``module:name`` of a class or function, or ``<module:class>``.

    The last form stands for an object: what it was made with is not in its name.
    """
    if isinstance(thing, str):
        return thing
    if hasattr(thing, "__qualname__"):
        return f"{thing.__module__}:{thing.__qualname__}"
    return f"{OBJECT}{type(thing).__module__}:{type(thing).__qualname__}>"
