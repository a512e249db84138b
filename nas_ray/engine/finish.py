"""The end of an attempt: the winner's files, its one reading of the test part, the dataframes, no litter."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import RayError

from nas_ray.config import SearchConfig
from nas_ray.data import Splits
from nas_ray.data.statistics import Statistics
from nas_ray.engine import crashes
from nas_ray.engine.cluster import Plan
from nas_ray.engine.winner import test_metrics
from nas_ray.estimation.estimator import HALF
from nas_ray.estimation.weights import Incumbents
from nas_ray.ledger import Ledger, RunRecord, write_parquet
from nas_ray.parts import Parts
from nas_ray.results import BestTrial, SearchResult
from nas_ray.results.folder import ARCHITECTURE, DRAWING, WEIGHTS


def deliver(folder: Path, parts: Parts, config: SearchConfig, clean: bool = True) -> None:
    """Write the dataframes and ``best/``, from the ledger and the workers' files: Ray may be gone.

    Args:
        folder: The run.
        parts: Its objects.
        config: The resolved configuration.
        clean: Whether its workers are gone, so that the files that nobody needs can be removed.
    """
    result = SearchResult.load(folder)
    write_parquet(result.record, folder)
    if result.best is not None and (weights := _weights(folder, result.best)) is not None:
        part = (folder / WEIGHTS).with_suffix(".part")
        part.parent.mkdir(exist_ok=True)
        with contextlib.suppress(FileNotFoundError):  # a worker that still trains has a better one
            shutil.copyfile(weights, part)
            _describe(folder, result.best, config, parts)
            os.replace(part, folder / WEIGHTS)
            _draw(folder, result.best, parts)
    if clean:
        tidy(folder, result.record)


def tidy(folder: Path, record: RunRecord) -> None:
    """Remove the workers' files that nobody needs; called where no worker is at work.

    These are the checkpoints of trials that ended, and their weights where they failed or the ledger lacks
    the epoch.
    """
    outcomes = {name: record.outcome(trial)[0] for name, trial in record.trials.items()}
    reported = {(report["trial_id"], report["epoch"]) for report in record.reports}
    Incumbents(folder / "incumbents").reconcile(outcomes, reported)
    checkpoints = folder / "checkpoints"
    for path in (*checkpoints.glob("*.pt"), *checkpoints.glob(f"*{HALF}")):
        if path.stem in record.trials and record.trials[path.stem].end is not None:
            path.unlink(missing_ok=True)
    if checkpoints.is_dir() and not any(checkpoints.iterdir()):
        shutil.rmtree(checkpoints)


def test_winner(folder: Path, parts: Parts, config: SearchConfig, plan: Plan, ledger: Ledger) -> None:
    """Show the winner the test part, once the search is over, and record its metrics.

    Args:
        folder: The run, after :func:`deliver`.
        parts: Its objects.
        config: The resolved configuration.
        plan: Resources of a trial.
        ledger: Takes the metrics.
    """
    best = SearchResult.load(folder).best
    if best is not None and not best.test and _weights(folder, best) is not None:
        metrics, error = {}, ""
        try:
            metrics = _read_test_part(folder, best, parts, config, plan)
        except RayError as failure:  # a user's code runs once more; the search is over, whatever it does
            error = crashes.telling(str(failure))
        ledger.append("test", trial_id=best.trial_id, epoch=best.epoch, metrics=metrics, error=error)


def _read_test_part(
    folder: Path, best: BestTrial, parts: Parts, config: SearchConfig, plan: Plan
) -> dict[str, float]:
    work = ray.remote(test_metrics).options(num_cpus=plan.cpus, num_gpus=min(1.0, plan.most_gpus))
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
    # The epoch of the ledger: a worker may have been ahead of what the driver has read.
    wanted = (best.trial_id, best.epoch)
    kept = Incumbents(folder / "incumbents").entries()
    return next((each.path for each in kept if (each.trial, each.epoch) == wanted), None)


def _preparation(data: Splits, resolution: int | None) -> dict[str, Any] | None:
    """What raw inputs go through before the network; None of tokens, which go in as they are."""
    if data.vocabulary is not None:
        return None
    known = Statistics.of(data.x_train)
    return {"mean": known.mean.tolist(), "spread": known.spread.tolist(), "resolution": resolution}


def _draw(folder: Path, best: BestTrial, parts: Parts) -> None:
    (folder / DRAWING).unlink(missing_ok=True)  # of an earlier winner
    # A picture, made by somebody's own space perhaps, is no reason to lose a run.
    with contextlib.suppress(Exception):
        best.draw(folder / DRAWING, parts.space)


def _describe(folder: Path, best: BestTrial, config: SearchConfig, parts: Parts) -> None:
    settings = config.estimation
    description = {
        "space": {"name": config.space.name, **config.space.options},
        "config": best.config,
        "task": parts.task.at(resolution=settings.resolution, width=settings.width).to_json(),
        "inputs": _preparation(parts.data, settings.resolution),
        "architecture_id": best.architecture_id,
        "trial_id": best.trial_id,
        "epoch": best.epoch,
        "metric": best.metric,
        "value": best.value,
    }
    (folder / ARCHITECTURE).write_text(json.dumps(description, indent=2) + "\n")
