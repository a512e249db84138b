"""Finding spaces, strategies and stopping rules by name, through package entry points.

A package that is installed beside nas_ray offers its own under the same groups::

    [project.entry-points."nas_ray.strategies"]
    my-strategy = "my_package.my_module:MyStrategy"

and anybody names a class of theirs that is not packaged as ``module:object``.
"""

from __future__ import annotations

import importlib
import inspect
import math
import os
import re
import sys
from collections.abc import Collection, Iterable, Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from nas_ray.errors import ConfigError, UnknownName, suggestion

SPACES = "nas_ray.spaces"
STRATEGIES = "nas_ray.strategies"
STOPPING = "nas_ray.stopping"
KINDS = {SPACES: "search space", STRATEGIES: "strategy", STOPPING: "stopping rule"}
PLAIN = (bool, int, float, str, list, dict, type(None))
GIVEN = frozenset({"space", "metric", "mode", "objectives", "seed", "task"})
"""What a run hands over itself; no options of a configuration."""

WORDS = {
    "bool": "true or false",
    "int": "an integer",
    "float": "a finite number",
    "str": "a text",
    "None": "none",
}
"""Annotations of options that are checked, in words."""


@cache
def _group(group: str) -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=group)}


def names(group: str) -> list[str]:
    """Return the sorted names that installed packages offer in ``group``."""
    return sorted(_group(group))


def load(group: str, name: str) -> Any:
    """Return the object called ``name`` in ``group``, or the one at ``module:object``.

    Raises:
        UnknownName: If no installed package offers ``name``.
        ConfigError: If ``module:object`` cannot be imported.
    """
    if ":" in name:
        return load_object(name)
    known = _group(group)
    if name not in known:
        raise UnknownName(KINDS[group], name, known)
    return known[name].load()


def make(group: str, name: str, options: dict[str, Any], base: type) -> Any:
    """Return a new object of the class called ``name``, made with ``options``.

    Args:
        group: One of the groups above.
        name: A name in it, or ``module:object``.
        options: Keywords of the class's constructor.
        base: What the object must be an instance of.

    Raises:
        UnknownName: If there is no thing of that name.
        ConfigError: If it does not take these options or is something else.
    """
    found, kind = load(group, name), KINDS[group]
    if isinstance(found, base):
        if options:
            raise ConfigError(f"{kind} {name!r} is an object and takes no options, but got {sorted(options)}")
        return found
    made = called(found, options, f"{kind} {name!r}")
    if not isinstance(made, base):
        raise ConfigError(f"{kind} {name!r} must be a {base.__name__}, but is a {type(made).__name__}")
    return made


def called(found: Any, options: Mapping[str, Any], what: str) -> Any:
    """Return what a class or function makes of ``options``.

    Args:
        found: The class or function.
        options: Its keywords.
        what: What is made, in words, such as ``"strategy 'evolution'"``.

    Raises:
        ConfigError: If it does not take these options.
    """
    check_options(found, options, what)
    check_types(found, options, what)
    try:
        return found(**options)
    except (TypeError, ValueError) as error:
        # A class that hands **options to its base says only there which of them it does not know.
        unknown = re.search(r"unexpected keyword argument '(\w+)'", str(error))
        if unknown and unknown[1] in options:
            offered = suggestion(unknown[1], defaults(found).keys() - GIVEN)
            raise ConfigError(f"{what} has no option {unknown[1]!r}{offered}") from error
        plain = {key: value for key, value in options.items() if isinstance(value, PLAIN)}
        raise ConfigError(f"{what} cannot be made with {plain}: {error}") from error


def defaults(function: Any) -> dict[str, Any]:
    """Return the keywords of a class or function with their defaults; ``**options`` stands for its base's."""
    return {name: parameter.default for name, parameter in _parameters(function).items()}


def _parameters(function: Any) -> dict[str, inspect.Parameter]:
    found: dict[str, inspect.Parameter] = {}
    for each in function.__mro__ if inspect.isclass(function) else (function,):
        if inspect.isclass(each) and "__init__" not in vars(each):
            continue
        parameters = inspect.signature(each).parameters.values()
        named = [one for one in parameters if one.kind in (one.KEYWORD_ONLY, one.POSITIONAL_OR_KEYWORD)]
        found |= {one.name: one for one in named if one.name not in found}
        if not any(one.kind is one.VAR_KEYWORD for one in parameters):
            break
    return found


def check_types(function: Any, options: Mapping[str, Any], what: str) -> None:
    """Check the plain values among ``options`` against annotations such as ``int`` or ``float | None``.

    Other annotations and other values are for the class or function itself to judge.

    Raises:
        ConfigError: If a value is of another type, or a number is not finite.
    """
    try:
        parameters = _parameters(function)
    except (TypeError, ValueError):  # a builtin does not tell
        return
    for name, value in options.items():
        kinds = _kinds(parameters[name].annotation) if name in parameters else []
        if kinds and type(value) in PLAIN and not _fits(value, kinds):
            words = " or ".join(WORDS[kind] for kind in kinds)
            raise ConfigError(f"option `{name}` of {what} must be {words}, but got {value!r}")


def _kinds(annotation: Any) -> list[str]:
    # With `from __future__ import annotations` an annotation is a text.
    text = annotation.__name__ if isinstance(annotation, type) else str(annotation)
    kinds = text.split(" | ")
    return kinds if all(kind in WORDS for kind in kinds) else []


def _fits(value: Any, kinds: Collection[str]) -> bool:
    if isinstance(value, float) and not math.isfinite(value):
        return False
    kind = "None" if value is None else type(value).__name__
    return kind in kinds or (kind == "int" and "float" in kinds)


def check_options(function: Any, options: Iterable[str], what: str) -> None:
    """Check that ``function`` takes keywords of these names.

    Raises:
        ConfigError: If it does not; the nearest valid option is offered.
    """
    parameters = option_names(function)
    for option in options:
        if parameters is not None and option not in parameters:
            offered = suggestion(option, set(parameters) - GIVEN)
            raise ConfigError(f"{what} has no option {option!r}{offered}")


def check_names(given: Iterable[str], known: Iterable[str], what: str) -> None:
    """Check that every name in ``given`` is one of ``known``.

    Raises:
        UnknownName: If one is not.
    """
    known = list(known)
    for name in given:
        if name not in known:
            raise UnknownName(what, name, known)


def option_names(function: Any) -> list[str] | None:
    """Return the keywords that a class or function takes, or None if it takes any."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return None
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        return None
    return [parameter.name for parameter in parameters if parameter.kind is not parameter.VAR_POSITIONAL]


def load_object(path: str) -> Any:
    """Import ``module:object``; modules in the current folder are found too.

    Raises:
        ConfigError: If the module cannot be imported or has no such object.
    """
    module_name, _, attribute = path.partition(":")
    if not module_name or not attribute:
        raise ConfigError(f"`module:object` must name a module and an object in it, but got {path!r}")
    if os.getcwd() not in sys.path and "" not in sys.path:
        sys.path.append(os.getcwd())
    try:
        found: Any = importlib.import_module(module_name)
        for part in attribute.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError) as error:
        raise ConfigError(f"{path!r} cannot be imported: {error}") from error
    return found
