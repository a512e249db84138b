"""The objects of a run, made from its configuration or given by the caller."""

from __future__ import annotations

import sys
from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

import numpy as np

from nas_ray import plugins
from nas_ray.config import Named, SearchConfig
from nas_ray.costs import Bounds, Rule
from nas_ray.data import Splits
from nas_ray.data import load as load_data
from nas_ray.errors import ConfigError
from nas_ray.spaces import SearchSpace, is_module, load_space
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

PARTS = ("space", "strategy", "stopping", "data", "learner", "constraints")

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
        bounds: What a network must keep to be trained.
    """

    data: Splits
    task: Task
    space: SearchSpace
    strategy: Strategy
    rule: StoppingRule
    learner: type | None
    bounds: Bounds


def make_parts(config: SearchConfig, objects: Mapping[str, Any] | None = None) -> Parts:
    """Make the objects of a run; everything that can be wrong with them is found here, before any compute.

    Args:
        config: The resolved configuration.
        objects: Objects or classes that take the place of names.
    """
    given = {key: value for key, value in (objects or {}).items() if value is not None}
    plugins.check_names(given, PARTS, "part of a run")
    root = {"root": config.data.root} if config.data.root else {}
    if "data" not in given:
        _check_name("data", config.data.name)
    data = load_data(given.get("data", config.data.name), **root, **config.data.options)
    task = data.task(config.objectives)
    config.estimation.check_task(task)
    space = _made("space", SearchSpace, given, load_space, config.space)
    space.check_task(task)
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
    check_free("strategy", config.strategy.options)
    strategy = _made("strategy", Strategy, given, load_strategy, config.strategy, **known)
    _fit(strategy, space, trained)
    learner = _learner(given.get("learner", config.estimation.learner))
    if learner is None:
        plugins.check_names(
            [each.metric for each in task.objectives], REPORTED[task.kind], "metric that an epoch reports"
        )
    counted = {"memory_mb"} if config.resources.gpus_per_trial == "auto" else set[str]()
    bounds = Bounds(
        config.constraints.limits, _rules(given, config), config.estimation.batch_size, frozenset(counted)
    )
    return Parts(data, task, space, strategy, rule, learner, bounds)


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
    check_free(part, options, known)
    if given is None or isinstance(given, str):
        _check_name(part, block.name)
        return load(block.name, **known, **options)
    made = given
    if kind is SearchSpace and is_module(given):
        made = SearchSpace.from_module(given, **options)
    elif isinstance(given, type):
        made = plugins.called(given, {**known, **options}, f"{part} {given.__name__!r}")
    if not isinstance(made, kind):
        raise ConfigError(f"`{part}` must be a {kind.__name__} of nas_ray, but is a {type(made).__name__}")
    return made


def check_free(part: str, options: Iterable[str], given: Container[str] = SET_BY) -> None:
    """Check that ``options`` of a part hold nothing that a run gives it.

    Args:
        part: Block of the configuration.
        options: Names of options.
        given: What the run gives; by default all that it gives to any part.

    Raises:
        ConfigError: If they do; it says where the option is set.
    """
    for option in options:
        if option in SET_BY and option in given:
            raise ConfigError(f"`{part}.{option}` cannot be set there; it follows from {SET_BY[option]}")


def _learner(given: Any) -> type | None:
    if isinstance(given, str):
        _check_name("learner", given)
        given = plugins.load_object(given)
    if given is None:
        return None
    from nas_ray.estimation import Learner  # it loads torch

    if not (isinstance(given, type) and issubclass(given, Learner)):
        raise ConfigError(
            f"`learner` must be a subclass of nas_ray.Learner, but is {given!r}; "
            "`Learner.from_function` makes one of a function that trains an epoch"
        )
    return given


def rules_in(constraints: Any) -> list[Any]:
    """Return the rules in what ``nas_ray.search(constraints=...)`` takes: a rule, a list, or a block.

    Raises:
        ConfigError: If it is none of them.
    """
    given = constraints.get("rules", ()) if isinstance(constraints, Mapping) else constraints
    rules = [given] if isinstance(given, str) or callable(given) else given
    if not isinstance(rules, (list, tuple)):
        raise ConfigError(
            "`constraints` must be a function of (config, task), a list of them, or a dict of limits and "
            f"`rules`, but got {constraints!r}"
        )
    return list(rules)


def _rules(given: Mapping[str, Any], config: SearchConfig) -> dict[str, Rule]:
    rules = rules_in(given["constraints"]) if "constraints" in given else list(config.constraints.rules)
    named: dict[str, Rule] = {}
    for rule in rules:
        name = rule if isinstance(rule, str) else getattr(rule, "__name__", type(rule).__name__)
        if isinstance(rule, str):
            _check_name("constraints", rule)
            rule = plugins.load_object(rule)
        if not callable(rule):
            raise ConfigError(
                f"a rule of `constraints` must be a function of (config, task), but is {rule!r}"
            )
        named[f"{name} ({len(named) + 1})" if name in named else name] = rule
    return named


def _check_name(part: str, name: str) -> None:
    if name.startswith(OBJECT):
        raise ConfigError(
            f"this run was given an object for its {part}, {name}, which its record cannot hold; "
            f"hand it over again: nas_ray.resume(run, {part}=...)"
        )


def name_of(thing: Any) -> str:
    """Return a name for the record: itself, ``module:name`` of a class or function, or ``<module:class>``.

    The last form stands for what a later process cannot import: an object (what it was made with is not in
    its name), or a class or function that was defined in a script or made by a function.
    """
    if isinstance(thing, str):
        return thing
    if _importable(thing):
        return f"{thing.__module__}:{thing.__qualname__}"
    named = thing if hasattr(thing, "__qualname__") else type(thing)
    return f"{OBJECT}{named.__module__}:{named.__qualname__}>"


def _importable(thing: Any) -> bool:
    module, path = getattr(thing, "__module__", None), getattr(thing, "__qualname__", None)
    if path is None or module in (None, "__main__"):
        return False
    try:
        return attrgetter(path)(sys.modules[module]) is thing
    except (AttributeError, KeyError):
        return False
