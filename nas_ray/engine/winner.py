"""The only reading of the test part: the winner's, in a worker, after the search."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nas_ray.data import Splits
from nas_ray.estimation.settings import Estimation
from nas_ray.spaces import Config, SearchSpace
from nas_ray.tasks import Task


def test_metrics(
    weights: Path,
    *,
    space: SearchSpace,
    config: Config,
    task: Task,
    data: Splits,
    settings: Estimation,
    learner: Any,
) -> dict[str, float]:
    """Return the metrics of a trained network on the test part, such as ``test_acc``; runs in a worker.

    Args:
        weights: File of its state_dict, on a path that the worker sees.
        space: The search space.
        config: The network.
        task: The problem at the data's own resolution.
        data: The data set.
        settings: The recipe it was trained with, for the fidelity dials.
        learner: The recipe's class, None for nas_ray's own.
    """
    from nas_ray.estimation import hardware
    from nas_ray.estimation.device_data import DeviceData
    from nas_ray.estimation.learner import Learner
    from nas_ray.estimation.weights import read

    state = read(weights)
    assert state is not None, f"{weights} is damaged"
    ready = DeviceData(data, hardware.best_device(), resolution=settings.resolution)
    task = task.at(resolution=settings.resolution, width=settings.width)
    trained = (learner or Learner)(space, config, task, ready, settings, seed=0, weights=state)
    metrics: dict[str, float] = trained.evaluate("test")
    return metrics
