"""On a GPU itself: mixed precision, memory between trials, a group of NCCL. Left out where there is none."""

import numpy as np
import pytest
import torch
from ray import tune
from torch import nn

from nas_ray.data import Splits
from nas_ray.estimation import Estimation, Learner, hardware, parallel
from nas_ray.estimation.device_data import DeviceData
from nas_ray.spaces import SearchSpace, load_space

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU with CUDA")

GPU, CPU = torch.device("cuda", 0), torch.device("cpu")
RECIPE = Estimation(max_epochs=2, batch_size=50)
SEQUENCES, TEXTS = ("conv1d", "recurrent"), ("recurrent", "transformer")
IMAGES = (
    "chain", "darts", "hierarchical", "macro", "mlp", "mobile", "multibranch", "nasbench201", "nasnet",
    "transformer", "joint",
)  # fmt: skip


def splits(inputs, **named):
    """Return learnable data of four classes: the first number of an input tells the class."""
    labels = np.arange(len(inputs)) % 4
    inputs[:, 0, ...] = inputs[:, 0, ...] // 4 * 4 + labels.reshape(-1, *[1] * (inputs.ndim - 2))
    cuts = (slice(0, 200), slice(200, 300), slice(300, 400))
    return Splits(*(part[cut] for cut in cuts for part in (inputs, labels)), **named)


@pytest.fixture(scope="module")
def problems():
    rng = np.random.default_rng(0)
    return {
        "images": splits(rng.integers(0, 256, (400, 3, 32, 32)).astype(np.uint8)),
        "sequences": splits(rng.integers(0, 16, (400, 4, 32)).astype(np.float32)),
        "texts": splits(rng.integers(0, 40, (400, 16)), vocabulary=44),
    }


def learner(name, data, device, number=0, settings=RECIPE):
    space, task = load_space(name), data.task()
    config = space.sample(np.random.default_rng(number), task)
    return Learner(space, config, task, DeviceData(data, device), settings, seed=1)


CASES = [
    *((name, "images") for name in IMAGES),
    *((name, "sequences") for name in SEQUENCES),
    *((name, "texts") for name in TEXTS),
]


@pytest.mark.parametrize(("name", "kind"), CASES)
def test_networks_of_every_space_train_in_mixed_precision(name, kind, problems):
    for number in range(3):
        trained = learner(name, problems[kind], GPU, number)
        assert all(weight.device.type == "cuda" for weight in trained.model.parameters())
        reports = [trained.step(), trained.step()]
        assert all(np.isfinite(list(report.values())).all() for report in reports), trained.config
        again = learner(name, problems[kind], GPU, number)
        again.load_state_dict(trained.state_dict())
        assert again.evaluate("test") == pytest.approx(trained.evaluate("test"), rel=1e-2)


@pytest.mark.parametrize("name", ["chain", "nasbench201", "transformer"])
def test_a_gpu_evaluates_as_a_cpu_does(name, problems):
    """Same weights, same data; bfloat16 keeps three digits."""
    on_gpu, on_cpu = (learner(name, problems["images"], device) for device in (GPU, CPU))
    assert on_gpu.costs == on_cpu.costs
    assert on_gpu.evaluate()["val_loss"] == pytest.approx(on_cpu.evaluate()["val_loss"], rel=3e-2)


def test_the_data_set_lies_on_the_gpu_and_batches_are_laid_out_for_it(problems):
    data = DeviceData(problems["images"], GPU)
    assert data._parts["train"][0].device.type == "cuda"
    inputs, targets = next(data.batches("train", 50, torch.Generator().manual_seed(0)))
    assert inputs.is_contiguous(memory_format=torch.channels_last)
    assert targets.device.type == "cuda"


class Wide(nn.Module):
    """Takes as many MiB for a sample as it is wide."""

    def __init__(self, task, width):
        super().__init__()
        self.width, self.out = width, nn.Linear(3, task.outputs)

    def forward(self, x):
        room = torch.ones(len(x), self.width, 2**18, device=x.device) * self.out.weight[0, 0]
        return self.out(x.mean((2, 3))) + 0 * room.square().mean()


@pytest.fixture
def wide():
    domain = {"width": tune.choice([1, 2, 10_000])}
    return SearchSpace.from_function(domain, lambda config, task: Wide(task, config["width"]))


def test_a_network_too_large_ends_alone_and_the_next_finds_the_memory_free(wide, problems, trainer):
    trial = trainer(space=wide, data=problems["images"], settings=RECIPE)
    trial.run({"width": 1}, "first")
    held = torch.cuda.memory_allocated()
    (lost,) = trial.run({"width": 10_000}, "large")
    assert (lost["outcome"], lost["reason"]) == ("failed", "out_of_memory")
    assert lost["batch_size"] == 25, "it was tried once with half the batch"
    reports = trial.run({"width": 2}, "last")
    assert [report["outcome"] for report in reports] == ["running", "finished"]
    assert 50 < reports[-1]["peak_memory_mb"] < 5_000, "its own, and not the one's before"
    trial.estimator._free()
    assert torch.cuda.memory_allocated() <= held
    assert torch.cuda.memory_reserved() < 2**30


def test_a_process_gets_no_more_than_its_part(wide, problems):
    total = hardware.total_memory_mb()
    try:
        hardware.keep_to(0.05, GPU)
        assert torch.empty(int(0.02 * total), 2**20, dtype=torch.uint8, device=GPU).numel()
        with pytest.raises(torch.cuda.OutOfMemoryError):
            torch.empty(int(0.06 * total), 2**20, dtype=torch.uint8, device=GPU)
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0, GPU)


def test_a_trial_goes_on_from_a_checkpoint_of_the_gpu(problems, trainer, tmp_path):
    space = load_space("chain", max_depth=2)
    config = space.sample(np.random.default_rng(0), problems["images"].task())
    settings = Estimation(max_epochs=3, batch_size=50)
    whole = trainer(space=space, data=problems["images"], settings=settings).run(config)
    first = trainer(space=space, data=problems["images"], settings=settings).begin(config)
    first.train()
    first.save_checkpoint(str(tmp_path))
    second = trainer(space=space, data=problems["images"], settings=settings).begin(config)
    second.load_checkpoint(str(tmp_path))
    reports = [second.train(), second.train()]
    assert [report["epoch"] for report in reports] == [2, 3]
    assert reports[-1]["train_loss"] == pytest.approx(whole[-1]["train_loss"], rel=0.05)


@pytest.fixture
def alone():
    """A group of NCCL of this process alone: more would need as many GPUs."""
    parallel.open_group(parallel.open_store("127.0.0.1"), 0, 1, GPU)
    yield
    parallel.close_group()


def test_one_process_of_a_group_trains_as_one_without(alone, problems):
    shared, own = (learner("nasbench201", problems["images"], GPU) for _ in range(2))
    parallel.share_out(shared)
    assert any(isinstance(layer, nn.SyncBatchNorm) for layer in shared.model.modules())
    for _ in range(2):
        assert shared.step()["train_loss"] == pytest.approx(own.step()["train_loss"], rel=0.05)
    shared.averaging.check()
