"""The end of an attempt: the winner's files, its one reading of the test part, the dataframes, no litter."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import ray

from nas_ray.config import SearchConfig
from nas_ray.data.statistics import Statistics
from nas_ray.engine.cluster import Plan
from nas_ray.engine.winner import test_metrics
from nas_ray.estimation.weights import Incumbents, trial_of
from nas_ray.ledger import Ledger, read, write_parquet
from nas_ray.parts import Parts
from nas_ray.results import BestTrial, SearchResult
from nas_ray.results.folder import ARCHITECTURE, WEIGHTS


def deliver(folder: Path, parts: Parts, config: SearchConfig, plan: Plan, ledger: Ledger, test: bool) -> None:
    """Write ``best/`` and the dataframes, and remove the checkpoints of trials that ended.

    Args:
        folder: The run.
        parts: Its objects.
        config: The resolved configuration.
        plan: Resources of a trial.
        ledger: Takes the winner's test metrics.
        test: Whether the search is over, so that the winner may be shown the test part.
    """
    best = SearchResult.load(folder).best
    weights = _weights(folder, best) if best else None
    if best is not None and weights is not None:
        _describe(folder, best, config, parts)
        part = (folder / WEIGHTS).with_suffix(".part")
        shutil.copyfile(weights, part)
        os.replace(part, folder / WEIGHTS)
    records = read(ledger.path)
    write_parquet(records, folder)
    _tidy(folder, {record["trial_id"] for record in records if record["kind"] == "end"})
    # Last, since it runs a user's code once more: whatever that does, the rest is delivered.
    if best is not None and weights is not None and test and not best.test:
        metrics = _read_test_part(folder, best, parts, config, plan)
        ledger.append("test", trial_id=best.trial_id, epoch=best.epoch, metrics=metrics)


def _read_test_part(
    folder: Path, best: BestTrial, parts: Parts, config: SearchConfig, plan: Plan
) -> dict[str, float]:
    work = ray.remote(test_metrics).options(num_cpus=plan.cpus, num_gpus=plan.gpus)
    reading = work.remote(
        folder / WEIGHTS,
        space=parts.space,
        config=best.config,
        task=parts.task,
        data=parts.data,
        settings=config.estimation,
        learner=parts.learner,
    )
    metrics: dict[str, float] = ray.get(reading)
    return metrics


def _weights(folder: Path, best: BestTrial) -> Path | None:
    kept = Incumbents(folder / "incumbents").entries()
    return next((path for _, path in kept if trial_of(path) == best.trial_id), None)


def _describe(folder: Path, best: BestTrial, config: SearchConfig, parts: Parts) -> None:
    settings, known = config.estimation, Statistics.of(parts.data.x_train)
    description = {
        "space": {"name": config.space.name, **config.space.options},
        "config": best.config,
        "task": parts.task.at(resolution=settings.resolution, width=settings.width).to_json(),
        "inputs": {
            "mean": known.mean.tolist(),
            "spread": known.spread.tolist(),
            "resolution": settings.resolution,
        },
        "architecture_id": best.architecture_id,
        "trial_id": best.trial_id,
        "epoch": best.epoch,
        "metric": best.metric,
        "value": best.value,
    }
    (folder / ARCHITECTURE).parent.mkdir(exist_ok=True)
    (folder / ARCHITECTURE).write_text(json.dumps(description, indent=2) + "\n")


def _tidy(folder: Path, ended: set[str]) -> None:
    checkpoints = folder / "checkpoints"
    for path in checkpoints.glob("*.pt"):
        if path.stem in ended:
            path.unlink(missing_ok=True)
    if checkpoints.is_dir() and not any(checkpoints.iterdir()):
        shutil.rmtree(checkpoints)
