"""What goes wrong in a trial ends it with a reason, and costs nothing else."""

import gc
import math
import weakref

import pytest
import torch
from ray import tune
from torch import nn

from nas_ray.engine.paused import start_over_smaller
from nas_ray.estimation import Estimation, Estimator, Learner, failures, hardware
from nas_ray.estimation.estimator import MOVES
from nas_ray.spaces import SearchSpace

GOOD = {"kind": "good"}
ALIVE = weakref.WeakSet()


class Net(nn.Module):
    def __init__(self, kind, task):
        super().__init__()
        self.kind, self.inner = kind, nn.Linear(math.prod(task.input_shape), task.outputs)
        ALIVE.add(self)

    def forward(self, x):
        y = self.inner(x.flatten(1))
        # The counting of costs, a forward pass in evaluation mode, comes before.
        if not self.training or self.kind == "good":
            return y
        return getattr(self, self.kind)(y)

    def cuda(self, y):
        raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB")

    def half(self, y):
        return self.cuda(y) if len(y) > 16 else y

    def cpu(self, y):
        raise RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory")

    def absurd(self, y):
        return y + torch.empty(2**50)[:10]

    def overflow(self, y):
        return y + torch.empty(2**40, 2**40)

    def python(self, y):
        raise MemoryError

    def cause(self, y):
        try:
            self.absurd(y)
        except RuntimeError as error:
            raise ValueError("my model is too large") from error

    def diverging(self, y):
        return y * math.inf

    def shape(self, y):
        return y[:, :3]

    def error(self, y):
        held = torch.zeros(10**6)  # in a frame of the traceback, as activations are
        raise ZeroDivisionError(f"my own mistake with {len(held)} numbers")


def build(config, task):
    if config["kind"] == "build":
        raise ZeroDivisionError("cannot be built")
    return Net(config["kind"], task)


SPACE = SearchSpace.from_function({"kind": tune.choice(["good", "bad"])}, build, name="failing")

ENDS = [
    ("cuda", "out_of_memory", "CUDA out of memory"),
    ("cpu", "out_of_memory", "can't allocate memory"),
    ("absurd", "out_of_memory", "DefaultCPUAllocator"),
    ("overflow", "out_of_memory", "overflow"),
    ("python", "out_of_memory", "MemoryError"),
    ("cause", "out_of_memory", "my model is too large"),
    ("diverging", "diverged", "`train_loss` must be finite, but is nan in epoch 1"),
    ("shape", "error", "must give outputs of shape (batch, 10)"),
    ("error", "error", "ZeroDivisionError: my own mistake"),
    ("build", "error", "cannot be built"),
]


@pytest.mark.parametrize(("kind", "reason", "words"), ENDS)
def test_a_failure_has_a_reason_and_the_next_trial_trains(trainer, metrics, kind, reason, words):
    trial, untouched = trainer(space=SPACE), trainer(space=SPACE)
    (result,) = trial.run({"kind": kind}, "bad")
    assert (result["outcome"], result["reason"], result["done"]) == ("failed", reason, True)
    assert words in result["error"]
    assert math.isnan(result["val_acc"])
    assert len(result["error"].splitlines()) <= failures.ERROR_LINES
    good = trial.run(GOOD, "good")
    assert good[-1]["outcome"] == "finished"
    assert metrics(good) == metrics(untouched.run(GOOD, "good"))


def test_a_trial_that_runs_out_of_memory_starts_over_once_with_half_the_batch(trainer):
    trial = trainer(space=SPACE, settings=Estimation(batch_size=32, max_epochs=2))
    first, last = trial.run({"kind": "half"}, "large")
    assert (first["outcome"], last["outcome"]) == ("running", "finished")
    assert first["batch_size"] == 16
    assert "batch_size" not in trial.run(GOOD, "good")[0], "the next trial has its full batch"
    (lost,) = trial.run({"kind": "cuda"}, "larger")
    assert (lost["reason"], lost["batch_size"]) == ("out_of_memory", 16)


def test_a_trial_whose_node_ran_out_of_memory_starts_again_with_half_the_batch(trainer, tmp_path):
    start_over_smaller(tmp_path, "large")
    trial = trainer(space=SPACE, settings=Estimation(batch_size=32, max_epochs=1), folder=str(tmp_path))
    (result,) = trial.run({"kind": "half"}, "large")
    assert (result["outcome"], result["batch_size"]) == ("finished", 16)


def test_a_trial_in_a_part_of_a_gpu_that_may_have_more_leaves_its_files_to_the_next_process(
    trainer, tmp_path, monkeypatch
):
    monkeypatch.setattr(hardware, "share_of_gpu", lambda: 0.5)
    trial = trainer(space=SPACE, settings=Estimation(max_epochs=1), folder=str(tmp_path), moves=True)
    (result,) = trial.run({"kind": "cuda"}, "large")
    assert (result["outcome"], result["reason"], result[MOVES]) == ("failed", "out_of_memory", True)
    assert "batch_size" not in result, "a larger part comes before a smaller batch"
    elsewhere = [tmp_path / "checkpoints" / "large.pt", tmp_path / "incumbents" / "0.9@1@large.open"]
    for path in elsewhere:
        path.parent.mkdir(exist_ok=True)
        path.touch()
    (good,) = trial.run(GOOD, "good")
    trial.estimator.cleanup()
    assert (good["outcome"], MOVES in good) == ("finished", False)
    assert all(path.exists() for path in elsewhere)


@pytest.mark.parametrize("kind", ["absurd", "cause", "shape", "error"])
def test_a_failure_frees_its_memory_at_once(trainer, kind):
    trial = trainer(space=SPACE)
    trial.run({"kind": kind}, "bad")
    assert not ALIVE


def test_the_network_is_gone_when_a_gpu_is_asked_to_give_its_cache_back(trainer, monkeypatch):
    free, alive = Estimator._free, []
    monkeypatch.setattr(Estimator, "_free", lambda self: (free(self), alive.append(len(ALIVE))))
    trainer(space=SPACE).run({"kind": "error"}, "bad")
    assert alive == [0], "the traceback, which is still being handled, holds nothing"


def test_a_network_is_freed_without_waiting_for_the_garbage_collector(trainer):
    gc.collect()
    gc.disable()
    try:
        trial = trainer(space=SPACE)
        trial.run(GOOD, "good")
        learner = trial.estimator.learner
        held = [weakref.ref(thing) for thing in (learner, learner.optimizer, learner.model.inner.weight)]
        del learner
        trial.begin(GOOD, "next")
        assert [thing() for thing in held] == [None, None, None]
        assert not ALIVE
    finally:
        gc.enable()


def test_weights_that_diverge_in_the_last_step_are_seen_in_the_loss(trainer):
    class LastStep(Learner):
        def train_epoch(self):
            values = super().train_epoch()
            with torch.no_grad():
                self.model.inner.weight.fill_(math.nan)
            return values

    (result,) = trainer(space=SPACE, learner=LastStep, settings=Estimation(max_epochs=1)).run(GOOD)
    assert (result["outcome"], result["reason"]) == ("failed", "diverged")
    assert "`val_loss` must be finite" in result["error"]


def test_a_real_divergence(trainer):
    results = trainer(
        space=SPACE, settings=Estimation(max_epochs=50, optimizer="sgd", learning_rate=1e30)
    ).run(GOOD)
    assert results[-1]["reason"] == "diverged"
    assert len(results) < 5


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_what_ends_a_process_is_not_swallowed(trainer, error):
    class Interrupted(Learner):
        def training_step(self, inputs, targets):
            raise error

    with pytest.raises(error):
        trainer(space=SPACE, learner=Interrupted).run(GOOD)


def test_an_error_that_leaves_the_device_useless_ends_the_process(trainer):
    class Asserting(Learner):
        def training_step(self, inputs, targets):
            raise RuntimeError("CUDA error: device-side assert triggered")

    with pytest.raises(RuntimeError, match="device-side assert"):
        trainer(space=SPACE, learner=Asserting).run(GOOD)
    assert not failures.spoils_process(RuntimeError("CUDA error: out of memory"))


@pytest.mark.parametrize("name", ["loss", "metrics", "configure_optimizer", "build"])
def test_errors_in_a_learner_of_ones_own_are_failures(trainer, name):
    def broken(*args):
        raise KeyError("no such thing")

    broken_learner = type("Broken", (Learner,), {name: broken})
    trial = trainer(space=SPACE, learner=broken_learner)
    (result,) = trial.run(GOOD)
    assert (result["outcome"], result["reason"]) == ("failed", "error")
    assert "no such thing" in result["error"]


def test_a_training_key_that_does_not_exist_is_a_failure_in_plain_words(trainer):
    (result,) = trainer(space=SPACE).run({**GOOD, "train.learning_rat": 0.1})
    assert result["error"].endswith(
        "`train.learning_rat` is no setting that a trial may choose; did you mean 'learning_rate'?"
    )
