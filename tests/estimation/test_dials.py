"""The four dials of fidelity: each changes what is trained, and costs less time."""

import statistics

import numpy as np
import pytest
import torch
from torch import nn

from nas_ray.data import Splits
from nas_ray.estimation import Estimation
from nas_ray.spaces import SearchSpace

SHAPES = []


class Watched(nn.Module):
    """Heavy enough that a step's fixed costs do not count."""

    def __init__(self, task):
        super().__init__()
        width = task.scaled(32)
        self.inner = nn.Sequential(
            nn.Conv2d(3, width, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(width, width, 3, padding=1),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(width, task.outputs),
        )

    def forward(self, x):
        SHAPES.append(tuple(x.shape[1:]))
        return self.inner(x)


@pytest.fixture(scope="module")
def images():
    rng = np.random.default_rng(0)
    parts = {}
    for part, count in (("train", 256), ("val", 10), ("test", 10)):
        parts[f"x_{part}"] = rng.integers(0, 256, (count, 3, 24, 24), dtype=np.uint8)
        parts[f"y_{part}"] = np.arange(count) % 4
    return Splits.from_arrays(parts)


@pytest.fixture
def trained(trainer, images):
    from ray import tune

    space = SearchSpace.from_function({"a": tune.choice([1])}, lambda config, task: Watched(task))

    def run(**dials):
        SHAPES.clear()
        settings = Estimation(max_epochs=dials.pop("max_epochs", 3), **dials)
        trial = trainer(space=space, data=images, settings=settings)
        return trial.run({"a": 1})

    return run


def seconds(results):
    # The first epoch builds the network; the median is not disturbed by a busy machine for a moment.
    return statistics.median(result["seconds"] for result in results[1:])


def test_each_dial_changes_what_is_trained_and_saves_time(trained):
    torch.set_num_threads(1)
    full = trained()
    shapes = set(SHAPES)
    assert shapes == {(3, 24, 24)}
    assert {result["samples"] for result in full} == {256}

    share = trained(data_share=0.25)
    assert {result["samples"] for result in share} == {64}
    assert share[0]["data_share"] == 0.25
    assert share[0]["params"] == full[0]["params"]

    small = trained(resolution=12)
    assert set(SHAPES) == {(3, 12, 12)}
    assert small[0]["resolution"] == 12
    assert small[0]["params"] == full[0]["params"]
    assert small[0]["flops"] < full[0]["flops"] / 3

    narrow = trained(width=0.25)
    assert narrow[0]["width"] == 0.25
    assert narrow[0]["params"] < full[0]["params"] / 8

    # A quarter of the work in each, or less; the margin is for what does not shrink, and for other load.
    for cheap in (share, small, narrow):
        assert seconds(cheap) < 0.7 * seconds(full)


def test_epochs_are_the_length_of_a_trial(trained):
    assert [result["epoch"] for result in trained(max_epochs=2, data_share=0.1)] == [1, 2]
    results = trained(max_epochs=1, data_share=0.1)
    assert [(result["epoch"], result["max_epochs"], result["outcome"]) for result in results] == [
        (1, 1, "finished")
    ]
