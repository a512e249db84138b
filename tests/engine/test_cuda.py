"""Searches on a GPU itself, whole and in parts. Left out where there is none."""

import pytest
import ray
import torch

import nas_ray
from nas_ray.estimation import hardware

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU with CUDA")


@pytest.fixture(scope="module")
def gpu():
    ray.shutdown()
    ray.init("local", num_cpus=4, num_gpus=1, include_dashboard=False, log_to_driver=False)
    yield
    ray.shutdown()


def searched(folder, gpus, **named):
    given = {"trials": 8, "max_epochs": 2, "seed": 3, **named}
    return nas_ray.search(gpus_per_trial=gpus, stopping="none", runs_dir=folder, **given)


@pytest.mark.parametrize("gpus", [1, 0.25, "auto"])
def test_a_search_trains_on_the_gpu_in_the_parts_that_it_asks_for(gpu, gpus, tmp_path):
    result = searched(tmp_path, gpus)
    trials = result.trials
    assert set(trials["outcome"]) == {"finished"}
    assert set(trials["gpus"]) == {gpus if gpus != "auto" else 0.25}
    assert trials["peak_memory_mb"].between(0.1, 2_000).all(), "so it was trained there"
    assert result.best.value > 0.3


def test_a_run_on_the_gpu_takes_more_trials_later(gpu, tmp_path):
    first = searched(tmp_path, 0.5, trials=3, name="more")
    more = nas_ray.resume(first.path, trials=5)
    assert len(more.trials) == 5
    assert first.trials["trial_id"].isin(more.trials["trial_id"]).all()


def test_the_driver_leaves_the_gpu_alone(gpu, tmp_path):
    """A context of its own would take half a gigabyte from the trials."""
    assert not ray.get(ray.remote(num_gpus=0)(_on_gpu).remote())
    assert ray.get(ray.remote(num_gpus=0.5)(_on_gpu).remote())


def _on_gpu():
    return hardware.best_device().type == "cuda"
