"""Trials on several GPUs: several processes train one network as one process would."""

import numpy as np
import pytest
import ray
import torch
from torch import distributed, nn

import nas_ray
from nas_ray import Learner, Splits
from nas_ray.estimation import parallel

STATED = {"stopping.name": "none", "estimation.batch_size": 50}


@pytest.fixture
def two_gpus():
    ray.shutdown()
    ray.init(num_cpus=2, num_gpus=2, include_dashboard=False, log_to_driver=False)
    yield
    ray.shutdown()


class Plain(Learner):
    """A network without batch normalisation, whose second branch is not used."""

    def build(self):
        parts = {"used": nn.Sequential(nn.Flatten(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))}
        return Branches(nn.ModuleDict({**parts, "unused": nn.Linear(3, 3)}))

    def metrics(self, outputs, targets):
        ranks = distributed.get_world_size() if distributed.is_initialized() else 1
        return {**super().metrics(outputs, targets), "ranks": ranks}


class Branches(nn.Module):
    def __init__(self, branches):
        super().__init__()
        self.branches = branches

    def forward(self, inputs):
        return self.branches["used"](inputs)


class OnceOutOfMemory(Plain):
    """The further process fails in the second epoch, at the whole batch."""

    def train_epoch(self):
        if self.rank == 1 and self.epoch == 1 and self.settings.batch_size == 50:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory, on the second GPU")
        return super().train_epoch()


@pytest.fixture(scope="module")
def data():
    """Return 410 images for training: the last batch of 10 has shares of 5."""
    rng = np.random.default_rng(0)
    images, labels = rng.normal(size=(510, 1, 8, 8)).astype(np.float32), np.arange(510) % 10
    images += 3 * rng.normal(size=(10, 1, 8, 8))[labels].astype(np.float32)
    return Splits(images[:410], labels[:410], images[410:460], labels[410:460], images[460:], labels[460:])


def searched(folder, gpus, data, learner=Plain, **named):
    return nas_ray.search(
        data=data, learner=learner, max_epochs=3, gpus_per_trial=gpus, seed=4, runs_dir=folder,
        overrides=STATED, **{"trials": 2, **named},
    )  # fmt: skip


def test_two_processes_train_a_network_as_one_does(two_gpus, data, tmp_path):
    alone, both = (searched(tmp_path, gpus, data).epochs for gpus in (1, 2))
    assert (set(alone["val_ranks"]), set(both["val_ranks"])) == ({1}, {2})
    alone, both = (epochs.sort_values(["trial_id", "epoch"]) for epochs in (alone, both))
    for name in ("train_loss", "val_loss", "val_acc", "samples"):
        np.testing.assert_allclose(both[name], alone[name], rtol=1e-5, err_msg=name)
    assert set(both["samples"]) == {410}


def test_an_error_of_one_process_is_the_trials_and_its_next_attempt_has_new_processes(
    two_gpus, data, tmp_path
):
    result = searched(tmp_path, 2, data, OnceOutOfMemory)
    assert set(result.trials["outcome"]) == {"finished"}
    assert set(result.trials["gpus"]) == {2.0}
    assert result.epochs.groupby("trial_id")["epoch"].max().tolist() == [3, 3]
    assert set(result.trials["batch_size"]) == {25.0}, "as one that runs out of memory alone"


def test_metrics_of_several_processes_are_means_by_samples():
    own = {"train_loss": 1.0, "samples": 30, "val_acc": 0.5}
    assert parallel.together(own, [{"train_loss": 4.0, "samples": 10}]) == {
        "train_loss": 1.75, "samples": 40, "val_acc": 0.5,
    }  # fmt: skip
    assert parallel.together(own, []) == own
