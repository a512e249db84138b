"""Spaces end to end: whole searches, with one Ray and one trial at a time for all of them."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import nas_ray
from nas_ray import Choice, Width

SETTINGS: dict[str, Any] = {
    "strategy": "random",
    "stopping": "none",
    "data": "digits",
    "trials": 2,
    "max_epochs": 1,
}
ONE_BY_ONE = {"resources.concurrency": 1}

pytestmark = pytest.mark.usefixtures("local_ray")


class Net(nn.Module):
    def __init__(self, task: nas_ray.Task) -> None:
        super().__init__()
        width = Width("width", [4, 8])
        self.layers = nn.Sequential(nn.Flatten(), nn.LazyLinear(width), Choice("act", [nn.ReLU, nn.Tanh]))
        self.head = nn.Linear(width, task.outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = self.head(self.layers(x))
        return y


def test_a_class_of_modules_is_searched(tmp_path: Path) -> None:
    result = nas_ray.search(space=Net, overrides=ONE_BY_ONE, runs_dir=tmp_path, **SETTINGS)
    assert list(result.trials["outcome"]) == ["finished"] * 2
    model = result.best_model(space=Net)
    assert model(torch.zeros(2, 1, 8, 8)).shape == (2, 10)


def test_networks_and_trainings_are_searched_together(tmp_path: Path) -> None:
    of = {"space.of": "nasbench201", "space.options": {"channels": 4, "cells": 1}}
    settings = {**of, "space.batch_sizes": [64, 128], **ONE_BY_ONE}
    result = nas_ray.search(space="joint", overrides=settings, runs_dir=tmp_path, **SETTINGS)
    assert list(result.trials["outcome"]) == ["finished"] * 2
    assert set(result.trials["config.train.batch_size"]) <= {64, 128}
    assert result.best_model()(torch.zeros(2, 1, 8, 8)).shape == (2, 10)
    assert "train.learning_rate: 0." in result.summary()
