"""What a benchmark runs: every table with every strategy, number of workers and seed."""

from __future__ import annotations

import hashlib
import itertools
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from nas_ray.config import SearchConfig, load_config
from nas_ray.errors import ConfigError
from nas_ray.spaces import canonical_json

SPEC = re.compile(r"\s*([^(),]+?)\s*(?:\(([^()]*)\))?\s*(?:,|$)")


@dataclass(frozen=True)
class Cell:
    """One simulated search of a benchmark.

    Args:
        table: Name or path of its table.
        strategy: The strategy as it was asked for, with its options: ``"optuna(sampler=gp)"``.
        workers: Virtual workers.
        seed: Of the strategy.
        config: All that says what is run.
    """

    table: str
    strategy: str
    workers: int
    seed: int
    config: SearchConfig

    @property
    def key(self) -> str:
        """Id of the search: the same for the same settings, whatever the run is called."""
        plain = self.config.model_dump(mode="json")
        settings = {name: plain[name] for name in ("strategy", "stopping", "simulation", "resources")}
        if self.config.estimation.prior:
            settings["prior"] = [plain["estimation"][name] for name in ("prior", "prior_networks")]
        if self.config.constraints.limits:
            settings["constraints"] = self.config.constraints.limits
        limits = {name: plain["run"][name] for name in ("trials", "epochs", "time_budget", "seed")}
        return hashlib.sha256(canonical_json({**settings, "run": limits}).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Plan:
    """A benchmark, before it is run.

    Args:
        config: What all searches share: stopping rule, limits, delays; its seed is the first one.
        tables: Names or paths.
        strategies: Strategies with options in brackets: ``("random", "evolution(population_size=50)")``.
        workers: Numbers of virtual workers.
        seeds: Number of seeds.

    Raises:
        ConfigError: If something is missing, named twice, or a strategy cannot be read.
    """

    config: SearchConfig
    tables: tuple[str, ...]
    strategies: tuple[str, ...]
    workers: tuple[int, ...] = (1,)
    seeds: int = 30

    def __post_init__(self) -> None:
        if self.seeds < 1:
            raise ConfigError(f"`seeds` must be at least 1, but got {self.seeds}")
        for name in ("tables", "strategies", "workers"):
            given = getattr(self, name)
            if not given:
                raise ConfigError(f"a benchmark must have {name}, but has none")
            if len(set(given)) < len(given):
                raise ConfigError(f"`{name}` must be named once each, but got {', '.join(map(str, given))}")
        for strategy in self.strategies:
            strategy_of(strategy)

    @property
    def axis(self) -> str:
        """The column that the budget limits: ``"trials"``, ``"epochs"`` or ``"seconds"``."""
        run = self.config.run
        if run.time_budget is not None:
            return "seconds"
        return "epochs" if run.epochs is not None else "trials"

    @property
    def budget(self) -> float:
        """How much of :attr:`axis` may be spent."""
        run = self.config.run
        limits = {"seconds": run.time_budget, "epochs": run.epochs, "trials": run.trials}
        limit = limits[self.axis]
        assert limit is not None
        return float(limit)

    def check_budgets(self, at: Iterable[float]) -> None:
        """Refuse budgets beyond what is spent.

        Raises:
            ConfigError: If one is not above 0 or above the budget.
        """
        for each in at:
            if not 0 < each <= self.budget:
                raise ConfigError(
                    f"`at` must be between 0 and the budget, {self.budget:g} {self.axis}, but got {each:g}"
                )

    def cells(self) -> Iterator[Cell]:
        """Yield every search; the seeds of one comparison lie together."""
        first = self.config.run.seed
        seeds = range(first, first + self.seeds)
        for table, workers, strategy, seed in itertools.product(
            self.tables, self.workers, self.strategies, seeds
        ):
            overrides = {
                "simulation.table": table,
                "strategy": strategy_of(strategy),
                "resources.concurrency": workers,
                "run.seed": seed,
            }
            yield Cell(table, strategy, workers, seed, load_config(self.config, overrides))


def strategies_of(text: str) -> tuple[str, ...]:
    """Return the strategies of a comma-separated list, options in brackets.

    Raises:
        ConfigError: If a bracket does not close.

    Example:
        >>> strategies_of("auto, optuna(sampler=gp), evolution(population_size=50, sample_size=10)")
        ('auto', 'optuna(sampler=gp)', 'evolution(population_size=50, sample_size=10)')
    """
    found, at = [], 0
    while at < len(text):
        match = SPEC.match(text, at)
        if match is None:
            raise ConfigError(f"strategies must be a list such as auto,optuna(sampler=gp), but got {text!r}")
        name, options = match.groups()
        found.append(name if options is None else f"{name}({options})")
        at = match.end()
    return tuple(found)


def strategy_of(text: str) -> dict[str, Any]:
    """Return the ``strategy`` block that a text such as ``"optuna(sampler=gp)"`` stands for.

    Raises:
        ConfigError: If the text is no name with options.

    Example:
        >>> strategy_of("optuna(sampler=gp)")
        {'name': 'optuna', 'sampler': 'gp'}
    """
    match = SPEC.fullmatch(text)
    pairs = [pair for pair in (match[2] or "").split(",") if pair.strip()] if match else []
    if match is None or not all("=" in pair for pair in pairs):
        raise ConfigError(
            f"a strategy must be a name, with options as in optuna(sampler=gp), but got {text!r}"
        )
    block: dict[str, Any] = {"name": match[1]}
    for pair in pairs:
        option, _, value = pair.partition("=")
        block[option.strip()] = yaml.safe_load(value)
    return block
