"""The record of a simulated search: the ledger, dataframes and files of a real run, in virtual time."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from nas_ray.config import SearchConfig
from nas_ray.engine import run_folder
from nas_ray.engine.progress import Snapshot
from nas_ray.engine.recorder import Recorder
from nas_ray.ledger import LEDGER, VERSION, Ledger, RunRecord, read, write_parquet, write_stop
from nas_ray.results.best import find_best
from nas_ray.simulation.events import Cluster


def run(cluster: Cluster, config: SearchConfig, folder: Path) -> Path:
    """Let a cluster run with a recorder, and return the run's folder.

    Raises:
        RunError: If the folder exists or cannot be made.
    """
    made = run_folder.create(config)
    run_folder.write_environment(made, 1, simulation=cluster.table.name)
    with Ledger(made / LEDGER, clock=lambda: cluster.clock) as ledger:
        ledger.append("run", version=VERSION, **_facts(cluster, config))
        ledger.append(
            "attempt",
            attempt=1,
            trials=config.run.trials,
            epochs=config.run.epochs,
            concurrency=cluster.workers,
        )
        cluster.listener = Recorder(
            ledger,
            cluster.strategy,
            rule=cluster.rule,
            attempt=1,
            snapshot=Snapshot(
                cluster.table.objective, config.run.trials, cluster.table.max_epochs, cluster.workers
            ),
            seed=config.run.seed,
        )
        cluster.run()
        write_stop(ledger, 1, cluster.reason)
        _report(cluster, ledger)
    write_parquet(read(made / LEDGER), made)
    return made


def _report(cluster: Cluster, ledger: Ledger) -> None:
    """Write what the table reports of the winner, as a real run writes its reading of the test part."""
    best = find_best(RunRecord(read(ledger.path)))
    if best is not None:
        number = next(
            each.number for each in cluster.strategy.memory.proposals if each.trial_id == best.trial_id
        )
        metrics = {cluster.table.report: cluster.entries[number].reported}
        ledger.append("test", trial_id=best.trial_id, epoch=best.epoch, metrics=metrics)


def _facts(cluster: Cluster, config: SearchConfig) -> dict[str, Any]:
    return {
        "space": config.space.name,
        "strategy": config.strategy.name,
        "stopping": config.stopping.name,
        "data": f"table:{cluster.table.name}",
        "seed": config.run.seed,
        "trials": config.run.trials,
        "max_epochs": cluster.table.max_epochs,
        "epochs": config.run.epochs,
        "time_budget": config.run.time_budget,
        "objective": [asdict(objective) for objective in cluster.strategy.goal],
        "concurrency": cluster.workers,
    }
