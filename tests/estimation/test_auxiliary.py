"""Networks with a second classifier, and modules that change over the training."""

import pytest
import torch
from ray import tune
from torch import nn

from nas_ray.estimation import Estimation, Learner
from nas_ray.estimation.device_data import DeviceData
from nas_ray.spaces import SearchSpace, load_space

CPU = torch.device("cpu")


class TwoHeads(nn.Module):
    """One linear layer for the outputs and one for those of the second classifier."""

    auxiliary_outputs = None

    def __init__(self, inputs, outputs, weight):
        super().__init__()
        self.main, self.second = nn.Linear(inputs, outputs), nn.Linear(inputs, outputs)
        self.auxiliary_weight = weight

    def forward(self, x):
        x = x.flatten(1)
        self.auxiliary_outputs = self.second(x) if self.training else None
        return self.main(x)


def two_heads(weight):
    def build(config, task):
        return TwoHeads(64, task.outputs, weight)

    return SearchSpace.from_function({"x": tune.choice([1])}, build)


def make(space, splits, config, **settings):
    settings = Estimation(max_epochs=4, **settings)
    return Learner(space, config, splits.task(), DeviceData(splits, CPU), settings, 0)


@pytest.mark.parametrize("weight", [0.4, 0.0])
def test_the_loss_of_a_second_classifier_counts_with_its_weight(small, weight):
    learner = make(two_heads(weight), small, {"x": 1})
    learner.model.train()
    inputs, targets = next(learner.data.batches("train", 16, torch.Generator().manual_seed(0)))
    with torch.no_grad():
        expected = learner.loss(learner.model(inputs), targets)
        expected = expected + weight * learner.loss(learner.model.auxiliary_outputs, targets)
    before = learner.model.second.weight.detach().clone()
    assert learner.training_step(inputs, targets) == pytest.approx(float(expected))
    assert (learner.model.second.weight.grad.abs().sum() > 0) == (weight > 0)
    if weight:
        assert not torch.equal(learner.model.second.weight, before)
    assert learner.model.auxiliary_outputs is None  # the graph of the batch is let go


def test_evaluation_sees_the_outputs_alone(small):
    learner = make(two_heads(100.0), small, {"x": 1})
    before = learner.evaluate("val")
    with torch.no_grad():
        learner.model.second.weight.add_(1.0)
    assert learner.evaluate("val") == before


def test_modules_are_told_how_far_the_training_is(small):
    class Told(nn.Linear):
        def set_progress(self, share):
            shares.append(share)

    shares = []
    space = SearchSpace.from_function(
        {"x": tune.choice([1])}, lambda config, task: nn.Sequential(nn.Flatten(), Told(64, task.outputs))
    )
    learner = make(space, small, {"x": 1})
    state = [learner.step() and learner.state_dict() for _ in range(4)][1]
    assert shares == [0, 1 / 4, 2 / 4, 3 / 4]
    learner.load_state_dict(state)
    learner.step()
    assert shares[-1] == 2 / 4


def test_cells_with_drop_path_and_a_second_classifier_learn(digits):
    space = load_space("darts", channels=4, cells=3, auxiliary=0.4, drop_path=0.2)
    learner = make(space, digits, space.members()["darts-v2"], learning_rate=0.01)
    before = learner.evaluate("val")["val_acc"]
    reports = [learner.step() for _ in range(2)]
    assert before < 0.3 < 0.6 < reports[-1]["val_acc"]
    assert reports[1]["train_loss"] < reports[0]["train_loss"]


def test_stopping_and_going_on_with_drop_path_changes_nothing(small):
    space = load_space("nasnet", channels=2, cells=1, auxiliary=0.4, drop_path=0.4)
    config = space.members()["amoebanet-a"]
    through, stopped, later = (make(space, small, config) for _ in range(3))
    for _ in range(2):
        whole = through.step()
    stopped.step()
    later.load_state_dict(stopped.state_dict())
    assert later.step() == whole
