"""The spaces, strategies and stopping rules that are installed, as text for people."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Collection
from typing import Any

import numpy as np
from ray.tune.search.sample import Domain, Float, LogUniform

from nas_ray import plugins
from nas_ray.errors import ConfigError
from nas_ray.plugins import GIVEN, KINDS, SPACES, STOPPING, STRATEGIES
from nas_ray.spaces import SearchSpace, load_space
from nas_ray.spaces import domains as reading
from nas_ray.spaces.module import TASK, ModuleSpace
from nas_ray.stopping import StoppingRule
from nas_ray.strategies import Strategy

VALUES_SHOWN = 12
RULES_SHOWN = 6
DRAWS = 300
"""Random draws that show which rules there are."""

ADDRESS = re.compile(r"https?://[^\s)`>]*[^\s)`>.,;:]")

BASES = {STRATEGIES: Strategy, STOPPING: StoppingRule}

__all__ = ["SPACES", "STOPPING", "STRATEGIES", "class_text", "listing", "options", "size_text", "space_text"]


def listing(group: str) -> str:
    """Return the names in a group of plugins, each with the first line of its docstring."""
    lines = {name: _first_paragraph(plugins.load(group, name)) for name in plugins.names(group)}
    width = max(map(len, lines), default=0)
    return "\n".join(f"{name:{width}}  {text}" for name, text in lines.items())


def space_text(name: str) -> str:
    """Return what there is to know of a search space: description, source, keys, size, rules, members.

    Raises:
        UnknownName: If there is no such space.
        SpaceError: If it is empty.
    """
    space = load_space(name)
    sample = space.sample(np.random.default_rng(0))
    about, given = (space.module, TASK) if isinstance(space, ModuleSpace) else (type(space), GIVEN)
    parts = {
        "": _description(about),
        "source": _sources(about),
        "inputs": ", ".join(sorted(space.inputs)),
        "options": _option_lines("space", about, given),
        "size": f"{size_text(space.size())} configurations",
        "keys": _key_lines(space),
        "rules": _rules(space),
        "members": "\n".join(space.members()),
        "a sample": space.describe(sample),
    }
    return _sections(parts)


def class_text(group: str, name: str) -> str:
    """Return what there is to know of a strategy or a stopping rule: description and options.

    Args:
        group: ``STRATEGIES`` or ``STOPPING``.
        name: A name in it, or ``module:object``.

    Raises:
        UnknownName: If there is no such thing.
        ConfigError: If it is no class of that kind.
    """
    kind, base = plugins.load(group, name), BASES[group]
    if not (inspect.isclass(kind) and issubclass(kind, base)):
        raise ConfigError(f"{KINDS[group]} {name!r} must be a {base.__name__} class, but is {kind!r}")
    block = group.rpartition(".")[2].replace("strategies", "strategy")
    return _sections(
        {"": _description(kind), "source": _sources(kind), "options": _option_lines(block, kind)}
    )


def options(kind: Any, given: Collection[str] = GIVEN) -> dict[str, Any]:
    """Return the options of a class or function that a configuration can set, with their defaults.

    Args:
        kind: The class or function.
        given: Parameters that a run hands over itself.
    """
    return {name: default for name, default in plugins.defaults(kind).items() if name not in given}


def size_text(size: float) -> str:
    """Return a number of configurations for people.

    Example:
        >>> size_text(12_000), size_text(3.2e21), size_text(float("inf"))
        ('12,000', '3.20e+21', 'infinitely many')
    """
    if size == float("inf"):
        return "infinitely many"
    return f"{size:,}" if size < 1e9 else f"{size:.2e}"


def _first_paragraph(thing: Any) -> str:
    return _plain((inspect.getdoc(thing) or "").partition("\n\n")[0].replace("\n", " "))


def _description(thing: Any) -> str:
    # The sections of a docstring repeat what is shown below it in the terms of the command line.
    return _plain(re.split(r"\n\s*\n(?=(?:Args|Example|Raises|Returns):)", inspect.getdoc(thing) or "")[0])


def _sources(thing: Any) -> str:
    """Return the papers that a class and its module name, by their addresses."""
    texts = [inspect.getdoc(thing) or "", getattr(inspect.getmodule(thing), "__doc__", None) or ""]
    return "\n".join(dict.fromkeys(address for text in texts for address in ADDRESS.findall(text)))


def _rules(space: SearchSpace) -> str:
    """Return how many random draws break a rule that needs no data, and an example of each such rule."""
    rng, examples, valid = np.random.default_rng(0), dict[str, str](), 0
    for _ in range(DRAWS):
        broken = space.violations({key: reading.draw(domain, rng) for key, domain in space.domains.items()})
        valid += not broken
        for text in broken:
            examples.setdefault(text.partition(":")[0], text)
    if not examples:
        return "every configuration is valid, as far as that needs no data"
    share = f"{1 - valid / DRAWS:.0%} of random draws break one, such as"
    return "\n".join([share, *(f"- {text}" for text in list(examples.values())[:RULES_SHOWN])])


def _plain(text: str) -> str:
    return re.sub(r":\w+:`~?([^`]*)`", r"\1", text).replace("``", "")


def _option_lines(block: str, kind: Any, given: Collection[str] = GIVEN) -> str:
    return "\n".join(f"{block}.{name}={_shown(default)}" for name, default in options(kind, given).items())


def _shown(value: Any) -> str:
    if value is inspect.Parameter.empty:
        return "(must be given)"
    if isinstance(value, str):
        return value
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_shown, value))}]"
    # YAML reads JSON's words: true, false and null.
    return json.dumps(value) if value is None or isinstance(value, (bool, int, float)) else "..."


def _key_lines(space: SearchSpace) -> str:
    # The keys of a repeated layer differ in its number alone and are shown once.
    alike: dict[tuple[str, str], list[str]] = {}
    for key, domain in space.domains.items():
        alike.setdefault((re.sub(r"\d+", "*", key), _domain_text(domain)), []).append(key)
    lines = []
    for (pattern, text), keys in alike.items():
        name = keys[0] if len(keys) == 1 else f"{pattern} ({len(keys)} keys)"
        lines.append(f"{name}: {text}")
    return "\n".join(lines)


def _domain_text(domain: Domain) -> str:
    listed = reading.values(domain)
    if listed is not None and len(listed) <= VALUES_SHOWN:
        return ", ".join(map(_shown, listed))
    if isinstance(domain, Float):
        scale = ", log scale" if isinstance(domain.get_sampler(), LogUniform) else ""
        return f"{domain.lower:g} to {domain.upper:g}{scale}"
    assert listed is not None
    return f"{_shown(listed[0])} to {_shown(listed[-1])} ({len(listed)} values)"


def _sections(parts: dict[str, str]) -> str:
    shown = [
        f"{title}:\n{_indented(text)}" if title else text for title, text in parts.items() if text.strip()
    ]
    return "\n\n".join(shown)


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" if line else "" for line in text.splitlines())
