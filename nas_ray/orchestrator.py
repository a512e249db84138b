"""From a configuration through Ray Tune to a result."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

import ray
from ray import tune
from ray.tune.logger import TBXLoggerCallback

from nas_ray.config import SearchConfig, load_config
from nas_ray.data import data_id
from nas_ray.engine import cluster, run_folder
from nas_ray.engine.ahead import Ahead
from nas_ray.engine.failing import Failing
from nas_ray.engine.finish import deliver, test_winner, tidy
from nas_ray.engine.history import Past
from nas_ray.engine.hung import Watch
from nas_ray.engine.judging import judged
from nas_ray.engine.limits import Limits
from nas_ray.engine.lineage import Lineage
from nas_ray.engine.paused import untold
from nas_ray.engine.pool import PooledEstimator, put_parts
from nas_ray.engine.prior import begin_with_best
from nas_ray.engine.progress import Progress, Silent, Snapshot
from nas_ray.engine.quiet import quiet_tune
from nas_ray.engine.recorder import Recorder
from nas_ray.engine.resuming import begun, check_data, check_left, check_totals, delivered, relived
from nas_ray.engine.shipping import ship
from nas_ray.engine.sizes import Sizes, data_mb
from nas_ray.engine.tuner import make_tuner
from nas_ray.errors import RunError
from nas_ray.estimation.heritage import HERITAGE, Heritage
from nas_ray.ledger import LEDGER, VERSION, Ledger, RunRecord, write_stop
from nas_ray.parts import Parts, make_parts, name_of, rules_in
from nas_ray.results import SearchResult
from nas_ray.spaces import SearchSpace
from nas_ray.stopping import StoppingRule
from nas_ray.strategies import Strategy


def search(
    config: str | Path | Mapping[str, Any] | SearchConfig | None = None,
    overrides: Sequence[str] | Mapping[str, Any] = (),
    *,
    space: str | SearchSpace | type[SearchSpace] | None = None,
    strategy: str | Strategy | type[Strategy] | None = None,
    stopping: str | StoppingRule | type[StoppingRule] | None = None,
    data: Any = None,
    learner: type | None = None,
    constraints: Any = None,
    trials: int | None = None,
    epochs: int | None = None,
    max_epochs: int | None = None,
    time_budget: float | None = None,
    concurrency: int | None = None,
    gpus_per_trial: float | Literal["auto"] | None = None,
    seed: int | None = None,
    name: str | None = None,
    runs_dir: str | os.PathLike[str] | None = None,
    address: str | None = None,
    callbacks: Sequence[tune.Callback] = (),
    progress: Progress | None = None,
) -> SearchResult:
    """Search architectures; what ``nas-ray search`` does.

    Example::

        result = nas_ray.search(space="chain", strategy="evolution", data="digits", trials=24)
        print(result.best, result.trials)

    Args:
        config: A YAML file, a nested dict or a :class:`SearchConfig`; keywords win over it.
        overrides: ``"block.key=value"`` texts, or a dict of them.
        space: A name, or an object or class of one's own.
        strategy: Likewise.
        stopping: Likewise.
        data: A name, or :class:`Splits`, six arrays by name, or three map-style data sets.
        learner: A :class:`Learner` subclass: the training recipe.
        constraints: Limits by name and ``rules``, as in the block ``constraints``; or a rule, or several:
            ``rule(config, task)`` returns False, or a text that says why, for a network not to be trained.
        trials: Trials that begin training; 24 by default, or any number where epochs or time are limited.
        epochs: Epochs trained over all trials.
        max_epochs: Epochs of a full training.
        time_budget: Seconds.
        concurrency: Trials at once.
        gpus_per_trial: GPUs of a trial; fractions are allowed, and ``"auto"`` takes what each needs.
        seed: Seed of every random choice.
        name: Name of the run's folder.
        runs_dir: Folder of all runs.
        address: ``"auto"`` joins the Ray cluster of this machine.
        callbacks: Tune callbacks, for instance loggers for MLflow or W&B.
        progress: Shows the run while it goes on.

    Returns:
        The result, with the winner and the dataframes.

    Raises:
        ConfigError: If a key, name or value cannot be.
        SpaceError: If the space is empty.
        DataError: If the data are missing, damaged or do not fit together.
        RunError: If the run's folder exists or cannot be written.
        ClusterError: If Ray cannot be reached or has not the resources asked for.
    """
    objects = {"space": space, "strategy": strategy, "stopping": stopping, "data": data}
    rules = [] if constraints is None else rules_in(constraints)
    limits = dict(constraints) if isinstance(constraints, Mapping) else {}
    given = {
        "run.trials": trials,
        "run.epochs": epochs,
        "run.time_budget": time_budget,
        "run.seed": seed,
        "run.name": name,
        "run.dir": None if runs_dir is None else os.fspath(runs_dir),
        "estimation.max_epochs": max_epochs,
        "estimation.learner": None if learner is None else name_of(learner),
        "resources.concurrency": concurrency,
        "resources.gpus_per_trial": gpus_per_trial,
        "resources.address": address,
        **{f"constraints.{limit}": value for limit, value in limits.items()},
        "constraints.rules": [name_of(rule) for rule in rules] or None,
        **{f"{block}.name": name_of(thing) for block, thing in objects.items() if thing is not None},
    }
    resolved = load_config(load_config(config, overrides), {k: v for k, v in given.items() if v is not None})
    run_folder.check(resolved)
    parts = make_parts(resolved, {**objects, "learner": learner, "constraints": rules or None})
    with judged(resolved, parts, begins=True):
        cluster.connect(resolved.resources.address)
        plan = cluster.plan(resolved.resources, resolved.run.trials)
        cluster.check_shared(run_folder.home(resolved))
        folder = run_folder.create(resolved)
        with Ledger(folder / LEDGER) as ledger:
            ledger.append("run", version=VERSION, **_facts(resolved, parts, plan))
            _attempt(folder, resolved, parts, plan, ledger, Past(), callbacks, progress)
    return SearchResult.load(folder)


def resume(
    folder: str | os.PathLike[str],
    *,
    trials: int | None = None,
    epochs: int | None = None,
    time_budget: float | None = None,
    address: str | None = None,
    callbacks: Sequence[tune.Callback] = (),
    progress: Progress | None = None,
    **objects: Any,
) -> SearchResult:
    """Continue a run that was interrupted, or give a finished one more to do; what ``nas-ray resume`` does.

    Trials that ended stay ended; those that were running continue from their last checkpoint, or start
    again, under the same id. Strategy and stopping rule are rebuilt from the ledger.

    Args:
        folder: The run.
        trials: The new total of trials.
        epochs: The new total of epochs.
        time_budget: The new total of seconds.
        address: ``"auto"`` joins the Ray cluster of this machine.
        callbacks: Tune callbacks.
        progress: Shows the run while it goes on.
        objects: ``space=``, ``strategy=``, ``stopping=``, ``data=``, ``learner=``, ``constraints=`` where the
            run was given objects that have no name.

    Raises:
        RunError: If the folder is no run, or another process works on it.
        ConfigError: If the new total is below what was done, or a limit is spent and no new total given.
    """
    path = Path(folder).expanduser().resolve()
    if not (path / run_folder.CONFIG).is_file() or not (path / LEDGER).is_file():
        raise RunError(
            f"a run's folder must hold {run_folder.CONFIG} and {LEDGER}, but {str(path)!r} does not"
        )
    given = {"run.trials": trials, "run.epochs": epochs, "run.time_budget": time_budget}
    changes = {key: value for key, value in given.items() if value is not None}
    resolved = load_config(path / run_folder.CONFIG, changes)
    if address or resolved.resources.address != "auto":  # any other address of back then may be gone
        resolved = load_config(resolved, {"resources.address": address})
    with Ledger(path / LEDGER) as ledger:
        records = begun(path)
        run_folder.check_versions(path)
        parts = make_parts(relived(resolved), objects)
        past = Past.of(records, parts.task.objectives[0])
        check_data(records, parts.data)
        check_totals(resolved, changes, past)
        if past.over and not changes and delivered(path):
            return SearchResult.load(path)
        if changes or delivered(path):
            check_left(resolved, past)
        with judged(resolved, parts):
            cluster.connect(resolved.resources.address)
            plan = cluster.plan(resolved.resources, past.trials_left(resolved.run.trials))
            cluster.check_shared(path)
            if changes:
                (path / run_folder.CONFIG).write_text(resolved.to_yaml())
            tidy(path, RunRecord(records))  # a driver that was killed could not
            _attempt(path, resolved, parts, plan, ledger, past, callbacks, progress)
    return SearchResult.load(path)


def _attempt(
    folder: Path,
    config: SearchConfig,
    parts: Parts,
    plan: cluster.Plan,
    ledger: Ledger,
    past: Past,
    callbacks: Sequence[tune.Callback],
    progress: Progress | None,
) -> None:
    attempt = past.attempts + 1
    _announce(attempt, folder, config, parts, plan, ledger)
    begin_with_best(config, parts, plan, ledger, past)
    _prepare(parts, config, plan, past)
    failing = Failing(past.outcomes["finished"] + past.outcomes["stopped"])
    limits = Limits(config.run.epochs, config.run.time_budget, past.epochs, past.seconds, failing)
    show = progress or Silent()
    recorder = Recorder(
        ledger,
        parts.strategy,
        rule=parts.rule,
        attempt=attempt,
        snapshot=_snapshot(config, parts, plan, past),
        progress=show,
        gpus=plan.gpus,
        seed=config.run.seed,
        recorded=past.recorded,
        folder=folder,
        watch=Watch(config.run.epoch_timeout),
        failing=failing,
    )
    heirs = [Lineage(parts.strategy, Heritage(folder / HERITAGE))] if config.estimation.inherits else []
    boards = [TBXLoggerCallback()] if config.run.tensorboard else []
    ahead = Ahead(parts.strategy, plan.concurrency)
    show.start(folder.name)
    reason, in_order = "error", False
    try:
        with quiet_tune(plan.concurrency):
            make_tuner(
                _trainable(folder, config, parts, plan, past),
                strategy=parts.strategy,
                rule=parts.rule,
                plan=plan,
                limits=limits,
                recorder=recorder,
                folder=folder,
                attempt=attempt,
                ahead=ahead,
                sizes=_sizes(config, parts, plan),
                callbacks=[*heirs, *boards, *callbacks],
            ).fit()
        over = parts.strategy.closed and not parts.strategy.memory.running
        reason, in_order = limits.reason or ("done" if over else "user"), True
    except (KeyboardInterrupt, SystemExit):  # a second Ctrl-C, or a program that is told to end
        reason = "user"
        raise
    finally:
        ahead.close()
        write_stop(ledger, attempt, reason)
        show.stop()
        deliver(folder, parts, config, clean=in_order)
    if failing.hopeless:
        raise RunError(f"{failing}; `nas-ray results {folder}` shows all")
    if reason != "user":
        test_winner(folder, parts, config, plan, ledger)


def _announce(
    attempt: int, folder: Path, config: SearchConfig, parts: Parts, plan: cluster.Plan, ledger: Ledger
) -> None:
    """Record where the attempt runs, and within which limits."""
    run_folder.write_environment(folder, attempt, data=data_id(parts.data), cluster=ray.cluster_resources())
    ledger.append(
        "attempt",
        attempt=attempt,
        pid=os.getpid(),
        host=socket.gethostname(),
        trials=config.run.trials,
        epochs=config.run.epochs,
        time_budget=config.run.time_budget,
        concurrency=plan.concurrency,
    )


def _snapshot(config: SearchConfig, parts: Parts, plan: cluster.Plan, past: Past) -> Snapshot:
    snapshot = Snapshot(
        parts.task.objectives[0],
        config.run.trials,
        config.estimation.max_epochs,
        plan.concurrency,
        config.run.time_budget,
        past.seconds,
        config.run.epochs,
    )
    snapshot.relive(past.reports, past.outcomes, past.epochs)
    return snapshot


def _prepare(parts: Parts, config: SearchConfig, plan: cluster.Plan, past: Past) -> None:
    strategy = parts.strategy
    strategy.max_trials = config.run.trials
    strategy.max_fidelity = strategy.max_fidelity or config.estimation.max_epochs
    strategy.replay(past.events)
    strategy.resume()
    strategy.set_max_concurrency(plan.concurrency)
    parts.rule.max_fidelity = parts.rule.max_fidelity or config.estimation.max_epochs
    parts.rule.budget, parts.rule.trials = config.run.epochs, config.run.trials
    parts.rule.workers, parts.rule.guided = past.workers or plan.concurrency, strategy.learns
    parts.rule.replay(past.reports, past.ended)
    ship(parts.space, parts.data, parts.learner or object())


def _sizes(config: SearchConfig, parts: Parts, plan: cluster.Plan) -> Sizes | None:
    if not plan.packs:
        return None
    memory_mb, settings = cluster.gpu_memory_mb(config.resources), config.estimation
    inputs = parts.task.at(resolution=settings.resolution).input_shape
    data = data_mb(parts.data, inputs, settings.data_share)
    return Sizes(plan, memory_mb, data, parts.strategy.constraints)


def _trainable(folder: Path, config: SearchConfig, parts: Parts, plan: cluster.Plan, past: Past) -> Any:
    return tune.with_parameters(
        PooledEstimator,
        parts=put_parts(
            space=parts.space,
            task=parts.task,
            data=parts.data,
            settings=config.estimation,
            seed=config.run.seed,
            limits=parts.bounds.limits,
            rules=parts.bounds.rules,
            shares=config.constraints.proxies,
            folder=str(folder),
            recorded=untold(parts.rule, past.recorded),
            learner=parts.learner,
            threads=plan.threads,
            moves=bool(plan.packs),
        ),
    )


def _facts(config: SearchConfig, parts: Parts, plan: cluster.Plan) -> dict[str, Any]:
    return {
        "space": config.space.name,
        "strategy": config.strategy.name,
        "stopping": config.stopping.name,
        "data": config.data.name,
        "data_id": data_id(parts.data),
        "seed": config.run.seed,
        "trials": config.run.trials,
        "max_epochs": config.estimation.max_epochs,
        "epochs": config.run.epochs,
        "time_budget": config.run.time_budget,
        "objective": [asdict(objective) for objective in parts.task.objectives],
        "concurrency": plan.concurrency,
    }
