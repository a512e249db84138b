"""From names to a simulated search: the one place that builds a virtual cluster."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

from nas_ray.config import ObjectiveBlock, SearchConfig
from nas_ray.errors import ConfigError
from nas_ray.parts import check_free, name_of
from nas_ray.plugins import check_names
from nas_ray.simulation import record
from nas_ray.simulation.budget import Budget
from nas_ray.simulation.events import Cluster
from nas_ray.simulation.result import Simulation
from nas_ray.simulation.wrappers import Failing, Slow, Wrapper
from nas_ray.spaces import Config
from nas_ray.stopping import StoppingRule, load_rule
from nas_ray.strategies import Candidate, Strategy, load_strategy
from nas_ray.strategies.prior import Measured, drawn, first_of
from nas_ray.tables import Table, load_table
from nas_ray.tasks import Objective


def simulate(
    table: str | os.PathLike[str] | Table,
    strategy: str | Strategy | type[Strategy] = "random",
    stopping: str | StoppingRule | type[StoppingRule] = "none",
    *,
    workers: int = 1,
    budget: str | Budget = "300trials",
    seed: int = 0,
    startup_s: float = 0.0,
    delay_s: float = 0.0,
    wrappers: Sequence[Wrapper] = (),
    strategy_options: Mapping[str, Any] | None = None,
    stopping_options: Mapping[str, Any] | None = None,
    objectives: Sequence[Objective] = (),
    prior: Sequence[str] = (),
    prior_networks: int = 100,
    constraints: Mapping[str, float] | None = None,
    folder: str | os.PathLike[str] | None = None,
) -> Simulation:
    """Search a table on a virtual cluster; what ``nas-ray simulate`` does.

    The same arguments give the same run, bit for bit.

    Example::

        run = simulate("nasbench201-cifar10", "evolution", workers=8, budget="12000s", seed=1)
        print(run.best, run.reported, run.utilisation)

    Args:
        table: A name, the path of a description, or a table.
        strategy: A name, ``module:object``, or a class or object of one's own.
        stopping: Likewise.
        workers: Virtual workers.
        budget: ``12000s``, ``300trials``, ``2700epochs``, or several limits.
        seed: Of the strategy.
        startup_s: Virtual seconds before a worker's first trial.
        delay_s: Virtual seconds between a proposal and its training.
        wrappers: Failures and slow workers, the innermost first.
        strategy_options: Options of a strategy that is named or a class.
        stopping_options: Likewise of the stopping rule.
        objectives: Several, the table's signal first, the others among its facts; none means the
            signal alone.
        prior: Facts of the table by which random networks are compared before the first training, such as
            ``params``; the best tenth of them is trained first. Of each a larger value is better.
        prior_networks: How many are compared.
        constraints: Upper limits on facts of the table, in its units, as ``{"params": 500_000}``; a network
            beyond them is infeasible and not trained.
        folder: Where a run's folder is made, with the ledger and dataframes of a real run; None writes
            nothing.

    Raises:
        ConfigError: If an argument cannot be.
        Unsupported: If the strategy needs what the table's space does not offer.
        DataError: If the table's files are missing or damaged.
        RunError: If the folder exists.
    """
    limits = Budget.parse(budget) if isinstance(budget, str) else budget
    if workers < 1:
        raise ConfigError(f"`workers` must be at least 1, but got {workers}")
    for name, seconds in (("startup_s", startup_s), ("delay_s", delay_s)):
        if seconds < 0:
            raise ConfigError(f"`{name}` must be at least 0, but got {seconds}")
    found = (table if isinstance(table, Table) else load_table(table)).within(constraints or {})
    rule = _rule(stopping, found, stopping_options or {})
    _check_objectives(objectives, found)
    known = {"seed": seed, **({"objectives": objectives} if len(objectives) > 1 else {})}
    made = _strategy(strategy, found, {**known, **(strategy_options or {})})
    made.constraints = found.judge if found.limits else None
    if prior:
        made.propose_first(_first(found, prior, prior_networks, seed))
    cluster = Cluster(
        found,
        made,
        rule,
        limits,
        workers=workers,
        startup_s=startup_s,
        delay_s=delay_s,
        wrappers=wrappers,
    )
    if folder is None:
        cluster.run()
        return Simulation(cluster, seed)
    config = _config(found, name_of(strategy), name_of(stopping), cluster, seed, Path(folder))
    return Simulation(cluster, seed, record.run(cluster, config, Path(folder)))


def check_config(config: SearchConfig) -> None:
    """Find out whether a configuration can be simulated, without doing so.

    Raises:
        ConfigError: If it names no table, or an option cannot be.
        UnknownName: If its table, strategy or stopping rule is not known.
        Unsupported: If the strategy cannot serve the table's space.
    """
    table = load_table(_table_of(config)).within(config.constraints.limits)
    _check_objectives(config.objectives, table)
    check_names(config.estimation.prior, table.facts, f"fact of table {table.name!r}")
    several = {"objectives": config.objectives} if len(config.objectives) > 1 else {}
    _check_options(config)
    _strategy(config.strategy.name, table, {"seed": config.run.seed, **several, **config.strategy.options})
    _rule(config.stopping.name, table, config.stopping.options)


def _check_options(config: SearchConfig) -> None:
    check_free("strategy", config.strategy.options)
    check_free("stopping", config.stopping.options, ("metric", "mode"))
    for name in ("rules", "proxies"):
        if getattr(config.constraints, name):
            raise ConfigError(
                f"the constraints of a simulation must be limits on facts of its table, but got `{name}`; "
                f"leave `constraints.{name}` out"
            )


def _check_objectives(objectives: Sequence[Objective], table: Table) -> None:
    if not objectives:
        return
    first, signal = objectives[0], table.objective
    if (first.metric, first.mode) != (signal.metric, signal.mode):
        raise ConfigError(
            f"the first objective on table {table.name!r} must be its signal, "
            f"{signal.metric} ({signal.mode}), but got {first.metric} ({first.mode})"
        )
    check_names([each.metric for each in objectives[1:]], table.facts, f"fact of table {table.name!r}")


def _table_of(config: SearchConfig) -> str:
    if config.simulation.table is None:
        raise ConfigError(
            "a simulation must have a table: --table nasbench201-cifar10, or `simulation.table`"
        )
    return config.simulation.table


def simulate_config(config: SearchConfig, folder: Path | None = None) -> Simulation:
    """Simulate what a configuration states: its table, strategy, rule, workers and limits.

    Raises:
        ConfigError: If it names no table, or an option cannot be.
    """
    _check_options(config)
    settings, run = config.simulation, config.run
    wrappers: list[Wrapper] = []
    wrappers += [Failing(settings.failure_rate, run.seed)] if settings.failure_rate else []
    wrappers += [Slow(settings.speed_spread, run.seed)] if settings.speed_spread else []
    return simulate(
        _table_of(config),
        config.strategy.name,
        config.stopping.name,
        workers=config.resources.concurrency or 1,
        budget=Budget(run.trials, run.epochs, run.time_budget),
        seed=run.seed,
        startup_s=settings.startup_s,
        delay_s=settings.delay_s,
        wrappers=wrappers,
        strategy_options=config.strategy.options,
        stopping_options=config.stopping.options,
        objectives=config.objectives,
        prior=config.estimation.prior,
        prior_networks=config.estimation.prior_networks,
        constraints=config.constraints.limits,
        folder=folder,
    )


def _first(table: Table, names: Sequence[str], count: int, seed: int) -> list[Candidate]:
    check_names(names, table.facts, f"fact of table {table.name!r}")
    networks = drawn(table.space, count, seed, None, lambda config: _is_allowed(table, config))
    entries = [(config, table.find(config)) for config in networks]
    return first_of([Measured(config, entry.facts) for config, entry in entries if entry], names)


def _is_allowed(table: Table, config: Config) -> bool:
    verdict = table.judge(config)
    return verdict is not None and not verdict.broken


def _rule(
    given: str | StoppingRule | type[StoppingRule], table: Table, options: Mapping[str, Any]
) -> StoppingRule:
    known = {"metric": table.objective.metric, "mode": table.objective.mode}
    if isinstance(given, str):
        return load_rule(given, **known, **options)
    # Ray ships no types for the bases of rules and strategies, so that mypy cannot tell class from object.
    rule = cast("StoppingRule", given(**known, **options) if isinstance(given, type) else given)
    rule.set_search_properties(**known)
    return rule


def _strategy(given: str | Strategy | type[Strategy], table: Table, options: Mapping[str, Any]) -> Strategy:
    objective = table.objective
    known: dict[str, Any] = {
        "space": table.space,
        "metric": objective.metric,
        "mode": objective.mode,
        "max_fidelity": table.max_epochs,
        **options,
    }
    if isinstance(given, str):
        return load_strategy(given, **known)
    if isinstance(given, type):
        return given(**known)
    made = cast("Strategy", given)
    if len(made.memory):
        raise ConfigError(
            f"a strategy object serves one run, but this {made.name!r} has made proposals already"
        )
    if made.space is None:
        made.bind(table.space)
    if "objectives" in options:
        made.aim(options["objectives"])
    made.set_search_properties(objective.metric, objective.mode, table.space.param_space())
    made.max_fidelity = made.max_fidelity or table.max_epochs
    return made


def _config(
    table: Table, strategy: str, stopping: str, cluster: Cluster, seed: int, folder: Path
) -> SearchConfig:
    plain = SearchConfig()
    limits = {
        name: limit for name, limit in table.limits.items() if name in type(plain.constraints).model_fields
    }
    run = plain.run.model_copy(
        update={
            "trials": cluster.budget.trials,
            "epochs": cluster.budget.epochs,
            "time_budget": cluster.budget.seconds,
            "seed": seed,
            "name": folder.name,
            "dir": str(folder.parent),
        }
    )
    return plain.model_copy(
        update={
            "space": plain.space.model_copy(update={"name": table.description.space or table.name}),
            "strategy": plain.strategy.model_copy(update={"name": strategy}),
            "stopping": plain.stopping.model_copy(update={"name": stopping}),
            "estimation": plain.estimation.model_copy(update={"max_epochs": table.max_epochs}),
            "objective": tuple(ObjectiveBlock(**asdict(each)) for each in cluster.strategy.objectives),
            "constraints": plain.constraints.model_copy(update=limits),
            "resources": plain.resources.model_copy(update={"concurrency": cluster.workers}),
            "simulation": plain.simulation.model_copy(
                update={"table": table.name, "startup_s": cluster.startup_s, "delay_s": cluster.delay_s}
            ),
            "run": run,
        }
    )
