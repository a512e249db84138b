"""Trials on several GPUs: several processes train one network as one process would."""

import os
import signal
import time
import traceback
from pathlib import Path

import numpy as np
import pytest
import ray
import torch
from ray import tune
from torch import distributed, nn

import nas_ray
from nas_ray import Learner, Splits
from nas_ray.errors import ConfigError
from nas_ray.estimation import parallel
from nas_ray.ledger import read
from nas_ray.spaces import CustomSpace

STATED = {"stopping.name": "none", "estimation.batch_size": 50}


@pytest.fixture(scope="module")
def ray_of_two_gpus(tmp_path_factory):
    ray.shutdown()
    with pytest.MonkeyPatch.context() as patch:  # workers have the environment of their Ray
        patch.setenv("PEERS_MARK", str(tmp_path_factory.mktemp("peers") / "mark"))
        ray.init("local", num_cpus=2, num_gpus=2, include_dashboard=False, log_to_driver=False)
        yield Path(os.environ["PEERS_MARK"])
    ray.shutdown()


@pytest.fixture
def two_gpus(ray_of_two_gpus):
    ray_of_two_gpus.unlink(missing_ok=True)


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


class OnceLost(Plain):
    """The further process is killed in the second epoch of the first trial that gets there."""

    def train_epoch(self):
        if self.rank == 1 and self.epoch == 1 and not marked():
            os.kill(os.getpid(), signal.SIGKILL)
        return super().train_epoch()


class OnceWrong(Plain):
    """The first process fails by an exception of the user's own, which is no RuntimeError."""

    def train_epoch(self):
        if self.rank == 0 and self.epoch == 1 and not marked():
            raise KeyError("of the user's own")
        return super().train_epoch()


def marked():
    """Return whether the test's mark was there, and leave it."""
    mark = Path(os.environ["PEERS_MARK"])
    was, _ = mark.exists(), mark.touch()
    return was


class Unprepared(CustomSpace):
    """A space that a further process cannot unpickle."""

    def __setstate__(self, state):
        if any(frame.name == "prepare" for frame in traceback.extract_stack()):
            raise ValueError("not in this process")
        self.__dict__.update(state)


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
        overrides=STATED, concurrency=1, **{"trials": 2, **named},
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


def test_a_trial_that_lost_one_of_its_processes_is_lost_and_begins_again(two_gpus, data, tmp_path):
    result = searched(tmp_path, 2, data, OnceLost)
    assert set(result.trials["outcome"]) == {"finished"}
    records = read(result.path / "ledger.jsonl")
    assert [record["kind"] for record in records].count("retry") == 1
    reports = [(record["trial_id"], record["epoch"]) for record in records if record["kind"] == "report"]
    assert len(reports) == len(set(reports)) == 6
    assert set(result.epochs["val_ranks"]) == {2}


def test_an_exception_of_the_first_process_ends_its_trial_alone(two_gpus, data, tmp_path):
    started = time.monotonic()
    result = searched(tmp_path, 2, data, OnceWrong)
    assert time.monotonic() - started < 60, "the other process does not wait for it"
    assert sorted(result.trials["outcome"]) == ["failed", "finished"]
    (failed,) = result.trials[result.trials["outcome"] == "failed"].to_dict("records")
    assert failed["reason"] == "error"
    assert "of the user's own" in failed["error"]


def test_a_further_process_that_cannot_be_prepared_is_told(two_gpus, data, tmp_path):
    space = Unprepared({"units": tune.choice([8, 16])}, name="unprepared")
    result = searched(tmp_path, 2, data, space=space)
    assert set(result.trials["outcome"]) == {"failed"}
    assert set(result.trials["reason"]) == {"error"}
    assert result.trials["error"].str.contains("ValueError: not in this process").all()


def test_metrics_of_several_processes_are_means_by_samples():
    own = {"train_loss": 1.0, "samples": 30, "val_acc": 0.5}
    assert parallel.together(own, [{"train_loss": 4.0, "samples": 10}]) == {
        "train_loss": 1.75, "samples": 40, "val_acc": 0.5,
    }  # fmt: skip
    assert parallel.together(own, []) == own


@pytest.fixture
def alone():
    """A group of this process alone."""
    parallel.open_group(parallel.open_store("127.0.0.1"), 0, 1, torch.device("cpu"))
    yield
    parallel.close_group()


def test_a_recipe_whose_gradients_cannot_be_averaged_is_refused(alone):
    weight = nn.Parameter(torch.ones(3))
    averaging, optimizer = parallel.Averaging([weight]), torch.optim.LBFGS([weight])
    optimizer.register_step_pre_hook(averaging)
    with pytest.raises(ConfigError, match=r"LBFGS was given a closure .* or one GPU for each trial"):
        optimizer.step(lambda: weight.sum())
    with pytest.raises(ConfigError, match=r"must train by `self\.optimizer\.step\(\)`, but none was made"):
        averaging.check()
    plain = torch.optim.SGD([weight], lr=1.0)
    plain.register_step_pre_hook(averaging)
    weight.sum().backward()
    plain.step()
    averaging.check()
    assert (weight == 0).all()
