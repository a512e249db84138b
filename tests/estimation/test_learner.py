import pytest
import torch
from torch import nn
from torch.nn import functional as F

from nas_ray.errors import ConfigError, SpaceError
from nas_ray.estimation import Estimation, Learner, hardware
from nas_ray.estimation.device_data import DeviceData
from nas_ray.spaces import SearchSpace

CPU = torch.device("cpu")
SETTINGS = Estimation(max_epochs=4, batch_size=32)


def make(space, splits, config=None, settings=SETTINGS, kind=Learner, seed=0):
    task = splits.task().at(resolution=settings.resolution, width=settings.width)
    return kind(space, config or {"width": 8}, task, DeviceData(splits, CPU), settings, seed)


def dense(config, task):
    return nn.Linear(*task.input_shape, task.outputs)


def test_it_learns_digits(space, digits):
    learner = make(space, digits)
    first = learner.step()
    last = [learner.step() for _ in range(3)][-1]
    assert last.keys() == {"train_loss", "samples", "val_loss", "val_acc"}
    assert last["samples"] == len(digits.x_train)
    assert last["train_loss"] < first["train_loss"]
    assert 0.5 < last["val_acc"] <= 1
    assert learner.evaluate("test")["test_acc"] > 0.5


def test_it_learns_a_regression(table):
    settings = Estimation(max_epochs=12, batch_size=16, learning_rate=0.05)
    learner = make(SearchSpace.from_function({"width": 1, "x": _any()}, dense), table, settings=settings)
    first, *_, last = [learner.step() for _ in range(12)]
    assert last.keys() == {"train_loss", "samples", "val_loss", "val_mae"}
    assert last["val_loss"] < 0.1 < first["val_loss"]
    assert last["val_mae"] < 0.3


def _any():
    from ray import tune

    return tune.choice([1])


@pytest.mark.parametrize(
    ("name", "kind"), [("adamw", torch.optim.AdamW), ("adam", torch.optim.Adam), ("sgd", torch.optim.SGD)]
)
def test_optimizers_come_by_name_with_their_settings(space, small, name, kind):
    settings = Estimation(optimizer=name, learning_rate=0.02, weight_decay=0.3)
    optimizer = make(space, small, settings=settings).optimizer
    assert type(optimizer) is kind
    assert optimizer.defaults["lr"] == 0.02
    assert optimizer.defaults["weight_decay"] == 0.3


def test_training_keys_of_a_configuration_replace_settings(space, small):
    config = {"width": 4, "train.learning_rate": 0.5, "train.batch_size": 10, "train.max_epochs": 2}
    learner = make(space, small, config)
    assert learner.optimizer.defaults["lr"] == 0.5
    assert learner.schedule.steps == 2 * 11
    with pytest.raises(ConfigError, match=r"`train.rate` is no setting"):
        make(space, small, {"width": 4, "train.rate": 0.5})


def test_every_part_of_the_recipe_may_be_replaced(space, small):
    called = []

    class Mine(Learner):
        def build(self):
            called.append("build")
            return super().build()

        def configure_optimizer(self):
            called.append("optimizer")
            return torch.optim.RMSprop(self.model.parameters(), lr=0.01)

        def loss(self, outputs, targets):
            called.append("loss")
            return F.cross_entropy(outputs, targets, label_smoothing=0.1)

        def training_step(self, inputs, targets):
            called.append("step")
            return super().training_step(inputs + 0.01, targets)

        def metrics(self, outputs, targets):
            called.append("metrics")
            return {**super().metrics(outputs, targets), "top2": torch.tensor(0.5)}

        def evaluate(self, part="val"):
            called.append("evaluate")
            return super().evaluate(part)

    learner = make(space, small, kind=Mine)
    values = learner.step()
    assert set(called) == {"build", "optimizer", "loss", "step", "metrics", "evaluate"}
    assert values["val_top2"] == 0.5
    assert type(values["val_top2"]) is float
    assert learner.optimizer.param_groups[0]["lr"] < 0.01, "the schedule drives anybody's optimizer"


def test_a_function_is_an_epoch(space, small):
    def train_epoch(learner):
        for inputs, targets in learner.data.batches("train", 50):
            learner.optimizer.zero_grad()
            F.cross_entropy(learner.model(inputs), targets).backward()
            learner.optimizer.step()
        return {"my_loss": 0.25}

    learner = make(space, small, kind=Learner.from_function(train_epoch))
    before = learner.model[0].weight.detach().clone()
    values = learner.step()
    assert values["my_loss"] == 0.25
    assert "val_acc" in values
    assert not torch.equal(before, learner.model[0].weight)


def test_networks_with_lazy_layers_train(small):
    def lazy(config, task):
        return nn.Sequential(nn.Flatten(), nn.LazyLinear(8), nn.ReLU(), nn.LazyLinear(task.outputs))

    space = SearchSpace.from_function({"a": _any()}, lazy)
    drawn = torch.get_rng_state()
    first, second = make(space, small, {"a": 1}), make(space, small, {"a": 1})
    assert torch.equal(torch.get_rng_state(), drawn)
    assert first.step() == second.step()
    assert first.costs.params == 64 * 8 + 8 + 8 * 10 + 10


@pytest.mark.parametrize("outputs", [1, 12])
def test_outputs_of_another_shape_are_refused(table, outputs):
    space = SearchSpace.from_function({"a": _any()}, lambda config, task: nn.Linear(5, outputs))
    with pytest.raises(SpaceError, match=r"must give outputs of shape \(batch, 2\), but for 32 inputs"):
        make(space, table, {"a": 1}).step()


@pytest.mark.parametrize("precision", [torch.bfloat16, torch.float16])
def test_the_path_of_mixed_precision_and_channels_last(space, small, monkeypatch, precision):
    monkeypatch.setattr(hardware, "mixed_precision", lambda device: precision)
    monkeypatch.setattr(hardware, "image_layout", lambda device: torch.channels_last)
    types = set()

    class Spy(Learner):
        def loss(self, outputs, targets):
            types.add(outputs.dtype)
            return super().loss(outputs, targets)

    learner = make(space, small, kind=Spy)
    assert learner.scaler.is_enabled() == (precision is torch.float16)
    first, *_, last = [learner.step() for _ in range(4)]
    assert types == {precision, torch.float32}, "half in training, single in the metrics"
    assert last["train_loss"] < first["train_loss"]
    assert {weight.dtype for weight in learner.model.parameters()} == {torch.float32}
    single = make(space, small, settings=SETTINGS.replaced({"amp": False}), kind=Spy)
    types.clear()
    single.step()
    assert types == {torch.float32}


def test_a_large_evaluation_is_taken_in_pieces(space, small):
    sizes = []

    class Spy(nn.Module):
        def __init__(self, inner):
            super().__init__()
            self.inner = inner

        def forward(self, x):
            sizes.append(len(x))
            return self.inner(x)

    learner = make(space, small, settings=Estimation(batch_size=10))
    learner.model = Spy(learner.model)
    learner.evaluate()
    assert sizes == [40, 40, 30]
