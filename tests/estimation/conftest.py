"""A small space, small data, and trials without Ray."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from ray import tune
from ray.tune.result import TRIAL_INFO
from torch import nn

from nas_ray import data
from nas_ray.estimation import Estimation, Estimator
from nas_ray.spaces import SearchSpace


def build(config, task):
    """Convolution, normalisation, dropout, and a dense layer."""
    width = task.scaled(config["width"])
    return nn.Sequential(
        nn.Conv2d(task.input_shape[0], width, 3, padding=1),
        nn.BatchNorm2d(width),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(2),
        nn.Flatten(),
        nn.Dropout(0.1),
        nn.Linear(4 * width, task.outputs),
    )


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def space():
    return SearchSpace.from_function({"width": tune.choice([4, 8])}, build)


@pytest.fixture(scope="session")
def digits():
    return data.load("digits")


@pytest.fixture(scope="session")
def small(digits):
    """A tenth of digits."""
    parts = {
        f"{axis}_{part}": getattr(digits, f"{axis}_{part}")[:110]
        for axis in "xy"
        for part in ("train", "val", "test")
    }
    return data.Splits.from_arrays(parts)


@pytest.fixture(scope="session")
def table():
    """Two linear functions of five columns."""
    rng = np.random.default_rng(0)
    parts = {}
    for part, count in (("train", 200), ("val", 60), ("test", 60)):
        inputs = rng.normal(size=(count, 5)).astype(np.float32)
        targets = np.stack([inputs.sum(1), inputs[:, 0] - inputs[:, 1]], axis=1)
        parts |= {f"x_{part}": inputs, f"y_{part}": targets}
    return data.Splits.from_arrays(parts)


def named(config, name):
    """A configuration as Tune hands it to an actor, with the name of its trial."""
    return {**config, TRIAL_INFO: SimpleNamespace(trial_name=name, trial_id=name, trial_resources=None)}


class Trainer:
    """One actor's Estimator, driven without Ray."""

    def __init__(self, **setup):
        self.setup, self.estimator = setup, None

    def begin(self, config, name="trial-0"):
        if self.estimator is None:
            given = self.setup

            class Direct(Estimator):
                def setup(self, config):
                    super().setup(config, **given)

            self.estimator = Direct(named(config, name))
        else:
            assert self.estimator.reset(named(config, name))
        return self.estimator

    def run(self, config, name="trial-0"):
        """Train to the end and return the reports."""
        estimator, results = self.begin(config, name), []
        while not results or not results[-1]["done"]:
            results.append(estimator.train())
        return results


@pytest.fixture
def trainer(space, small, tmp_path, monkeypatch):
    """Make Trainers: of the small space on the small data unless told otherwise."""
    monkeypatch.setattr("ray.tune.trainable.trainable.DEFAULT_STORAGE_PATH", str(tmp_path / "ray"))

    def make(**setup):
        chosen = {"space": space, "data": small, "settings": Estimation(max_epochs=3), **setup}
        chosen.setdefault("task", chosen["data"].task())
        return Trainer(**chosen)

    return make


TIMES = (
    "seconds", "date", "timestamp", "time_this_iter_s", "time_total_s", "time_since_restore", "trial_id",
    "training_iteration", "iterations_since_restore",
)  # fmt: skip


@pytest.fixture(scope="session")
def metrics():
    """Reports without what tells the time."""
    return lambda results: [
        {key: value for key, value in result.items() if key not in TIMES} for result in results
    ]
