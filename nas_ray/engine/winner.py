"""The end of a search in a worker: the winner's weights, and its only reading of the test part."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ray

from nas_ray.data import Splits
from nas_ray.engine.cluster import Plan
from nas_ray.estimation.settings import Estimation
from nas_ray.spaces import Config, SearchSpace
from nas_ray.tasks import Task


def deliver_weights(
    plan: Plan,
    incumbent: Path,
    target: Path,
    *,
    space: SearchSpace,
    config: Config,
    task: Task,
    data: Splits,
    settings: Estimation,
    learner: type | None,
    test: bool,
) -> dict[str, float]:
    """Write the winner's weights and return its metrics on the test part, such as ``test_acc``.

    Args:
        plan: Resources of a trial, which the worker gets too.
        incumbent: The file of weights that the winner's worker kept.
        target: The file to write, a bare state_dict.
        space: The search space.
        config: The winner.
        task: The problem at the data's own resolution.
        data: The data set.
        settings: The recipe it was trained with, for the fidelity dials.
        learner: The recipe's class, None for nas_ray's own.
        test: Whether to read the test part; without it the metrics are empty.
    """
    work = ray.remote(_deliver).options(num_cpus=plan.cpus, num_gpus=plan.gpus)
    parts = (space, config, task, data, settings, learner) if test else None
    metrics: dict[str, float] = ray.get(work.remote(incumbent, target, parts))
    return metrics


def _deliver(incumbent: Path, target: Path, parts: tuple[Any, ...] | None) -> dict[str, float]:
    from nas_ray.estimation import weights

    state = weights.read(incumbent)
    assert state is not None, f"{incumbent} is damaged"
    weights.write(target, state["model"])
    return {} if parts is None else _test(state["model"], *parts)


def _test(
    model: dict[str, Any],
    space: SearchSpace,
    config: Config,
    task: Task,
    data: Splits,
    settings: Estimation,
    learner: Any,
) -> dict[str, float]:
    from nas_ray.estimation import hardware
    from nas_ray.estimation.device_data import DeviceData
    from nas_ray.estimation.learner import Learner

    ready = DeviceData(data, hardware.best_device(), resolution=settings.resolution)
    task = task.at(resolution=settings.resolution, width=settings.width)
    trained = (learner or Learner)(space, config, task, ready, settings, seed=0, weights=model)
    metrics: dict[str, float] = trained.evaluate("test")
    return metrics
