"""The flags of the command line: each is a shorthand of one key of the configuration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from nas_ray.errors import ConfigError, UnknownName

if TYPE_CHECKING:
    from nas_ray.config import SearchConfig

SEARCH = {
    "space": "space.name",
    "strategy": "strategy.name",
    "stopping": "stopping.name",
    "data": "data.name",
    "trials": "run.trials",
    "epochs": "run.epochs",
    "max_epochs": "estimation.max_epochs",
    "time_budget": "run.time_budget",
    "concurrency": "resources.concurrency",
    "gpus_per_trial": "resources.gpus_per_trial",
    "seed": "run.seed",
    "name": "run.name",
    "runs_dir": "run.dir",
    "address": "resources.address",
    "tensorboard": "run.tensorboard",
}
"""Flag of ``nas-ray search``, as its Python name, -> key; docs/command-line.md prints this table."""

RESUME = {
    "trials": "run.trials",
    "epochs": "run.epochs",
    "time_budget": "run.time_budget",
    "address": "resources.address",
}
"""Likewise of ``nas-ray resume``, which changes nothing else of a run."""

SIMULATE = {
    "table": "simulation.table",
    "strategy": "strategy.name",
    "stopping": "stopping.name",
    "seed": "run.seed",
    "startup": "simulation.startup_s",
    "delay": "simulation.delay_s",
    "name": "run.name",
    "runs_dir": "run.dir",
}
"""Likewise of ``nas-ray simulate``.

``--workers`` is ``resources.concurrency``, ``--budget`` the limits of ``run``.
"""


FIDELITY = {
    "table": "simulation.table",
    "space": "space.name",
    "data": "data.name",
    "max_epochs": "estimation.max_epochs",
    "concurrency": "resources.concurrency",
    "gpus_per_trial": "resources.gpus_per_trial",
    "seed": "run.seed",
    "name": "run.name",
    "runs_dir": "run.dir",
    "address": "resources.address",
}
"""Likewise of ``nas-ray check-fidelity``."""

BENCHMARK = {
    "stopping": "stopping.name",
    "seed": "run.seed",
    "startup": "simulation.startup_s",
    "delay": "simulation.delay_s",
}
"""Likewise of ``nas-ray benchmark``, whose tables, strategies, workers and seeds are lists."""


def search_config(
    words: Sequence[str],
    pairs: Sequence[str],
    flags: Mapping[str, Any],
    keys: Mapping[str, str] = SEARCH,
) -> SearchConfig:
    """Return the configuration that a command line states.

    Args:
        words: The positional arguments; the first one is a file if it has no ``=``.
        pairs: ``key=value`` texts of ``--set``; they win over ``words``.
        flags: Values by flag, None where it was not given; they win over everything.
        keys: Flag -> key of the verb.

    Raises:
        ConfigError: If the file cannot be read, or a key or value cannot be.
    """
    from nas_ray.config import load_config  # pydantic, which --help does without

    has_file = bool(words) and "=" not in words[0]
    stated = load_config(words[0] if has_file else None, [*words[has_file:], *pairs])
    return load_config(stated, {keys[name]: value for name, value in flags.items() if value is not None})


def resume_totals(pairs: Sequence[str], flags: Mapping[str, Any]) -> dict[str, Any]:
    """Return the new totals that a command line states, by keyword of :func:`nas_ray.resume`.

    Args:
        pairs: ``key=value`` texts.
        flags: Values by flag, None where it was not given; they win.

    Raises:
        ConfigError: If a text is no pair, or a key is none that a resume can change.
    """
    import yaml

    keywords, totals = {key: name for name, key in RESUME.items()}, dict[str, Any]()
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals:
            raise ConfigError(f"a change must be `key=value`, but got {pair!r}")
        if key not in keywords:
            raise UnknownName("key that a resume can change", key, keywords)
        totals[keywords[key]] = yaml.safe_load(value)
    return totals | {name: value for name, value in flags.items() if value is not None}


def with_budget(config: SearchConfig, budget: str | None) -> SearchConfig:
    """Return a configuration whose only limit is ``budget``; None leaves the limits as they are.

    Raises:
        ConfigError: If the text is no number with a unit.
    """
    if budget is None:
        return config
    from nas_ray.config import load_config
    from nas_ray.simulation.budget import Budget

    limits = Budget.parse(budget)
    keys = {"run.trials": limits.trials, "run.epochs": limits.epochs, "run.time_budget": limits.seconds}
    return load_config(config, keys)


def numbers(text: str, flag: str) -> list[int]:
    """Return the whole numbers of a comma-separated list.

    Raises:
        ConfigError: If one is no whole number, or below 1.
    """
    try:
        listed = [int(part) for part in text.split(",")]
    except ValueError:
        listed = []
    if not listed or min(listed) < 1:
        raise ConfigError(f"`{flag}` must be whole numbers of at least 1, such as 1,8,64, but got {text!r}")
    return listed
