"""The only reading of the test part: the winner's, in a worker."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ray

from nas_ray.data import Splits
from nas_ray.engine.cluster import Plan
from nas_ray.estimation.settings import Estimation
from nas_ray.spaces import Config, SearchSpace
from nas_ray.tasks import Task


def test_metrics(
    plan: Plan,
    space: SearchSpace,
    config: Config,
    task: Task,
    data: Splits,
    settings: Estimation,
    learner: type | None,
    weights: Path,
) -> dict[str, float]:
    """Return the metrics of the winner on the test part, such as ``test_acc``.

    Args:
        plan: Resources of a trial, which the worker gets too.
        space: The search space.
        config: The winner.
        task: The problem at the data's own resolution.
        data: The data set.
        settings: The recipe it was trained with, for the fidelity dials.
        learner: The recipe's class, None for nas_ray's own.
        weights: File of its weights.
    """
    remote = ray.remote(_test).options(num_cpus=plan.cpus, num_gpus=plan.gpus)
    reading = remote.remote(space, config, task, data, settings, learner, str(weights))
    metrics: dict[str, float] = ray.get(reading)
    return metrics


def _test(
    space: SearchSpace,
    config: Config,
    task: Task,
    data: Splits,
    settings: Estimation,
    learner: Any,
    weights: str,
) -> dict[str, float]:
    import torch

    from nas_ray.estimation.device_data import DeviceData
    from nas_ray.estimation.learner import Learner
    from nas_ray.estimation.weights import read

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    ready = DeviceData(data, device, resolution=settings.resolution, data_share=settings.data_share)
    task = task.at(resolution=settings.resolution, width=settings.width)
    trained = (learner or Learner)(space, config, task, ready, settings, seed=0)
    state = read(Path(weights))
    assert state is not None
    trained.model.load_state_dict(state["model"])
    metrics: dict[str, float] = trained.evaluate("test")
    return metrics
