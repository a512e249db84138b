"""A trial trains where Ray has put it."""

import pytest
import ray
import torch

from nas_ray.estimation import hardware


@pytest.fixture(scope="module")
def one_gpu():
    """A Ray that counts one GPU, whether or not the machine has it."""
    ray.shutdown()
    ray.init("local", num_cpus=1, num_gpus=1, include_dashboard=False, log_to_driver=False)
    yield
    ray.shutdown()


def device_of_this_process():
    """Return the device where torch sees a GPU."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.cuda, "is_available", lambda: True)
        return hardware.best_device().type


@pytest.mark.parametrize(("gpus", "device"), [(0, "cpu"), (0.5, "cuda"), (1, "cuda")])
def test_only_a_process_that_was_given_a_gpu_uses_one(one_gpu, gpus, device):
    asked = ray.remote(device_of_this_process).options(num_gpus=gpus, num_cpus=0)
    assert ray.get(asked.remote()) == device


def test_without_ray_the_machine_s_gpu_is_used():
    ray.shutdown()
    assert device_of_this_process() == "cuda"
