import tracemalloc

import pytest
import torch
from ray import tune
from torch import nn

from nas_ray.costs import Costs, count, measure
from nas_ray.spaces import SearchSpace
from nas_ray.tasks import Task

IMAGES = Task(kind="classification", input_shape=(3, 8, 8), outputs=10)
TABLE = Task(kind="regression", input_shape=(7,), outputs=2)


class Spread(nn.Module):
    def forward(self, x):
        return x.expand(-1, 4)


@pytest.mark.parametrize(
    ("model", "task", "params", "flops"),
    [
        (nn.Linear(7, 5), TABLE, 7 * 5 + 5, 2 * 7 * 5),
        (nn.Linear(7, 5, bias=False), TABLE, 7 * 5, 2 * 7 * 5),
        (nn.Sequential(nn.Linear(7, 5), nn.ReLU(), nn.Linear(5, 2)), TABLE, 40 + 12, 2 * (35 + 10)),
        (nn.Conv2d(3, 16, 3, padding=1), IMAGES, 3 * 16 * 9 + 16, 2 * 3 * 16 * 9 * 64),
        (nn.Conv2d(3, 16, 3), IMAGES, 3 * 16 * 9 + 16, 2 * 3 * 16 * 9 * 36),
        (nn.Conv2d(3, 16, 5, padding=2, stride=2), IMAGES, 3 * 16 * 25 + 16, 2 * 3 * 16 * 25 * 16),
        (nn.Conv2d(3, 6, 3, padding=1, groups=3, bias=False), IMAGES, 6 * 9, 2 * 6 * 9 * 64),
        (nn.Sequential(nn.BatchNorm2d(3), nn.AvgPool2d(2), nn.Flatten()), IMAGES, 6, 0),
        (nn.Sequential(nn.Flatten(), nn.LazyLinear(10)), IMAGES, 192 * 10 + 10, 2 * 192 * 10),
    ],
)
def test_known_networks(model, task, params, flops):
    assert measure(model, task) == Costs(params, flops)


def test_costs_do_not_depend_on_the_device():
    space = SearchSpace.from_function(
        {"width": tune.choice([8, 16])}, lambda config, task: nn.Conv2d(3, config["width"], 3)
    )
    assert count(space, {"width": 8}, IMAGES) == measure(nn.Conv2d(3, 8, 3), IMAGES)


def test_the_meta_device_allocates_nothing():
    terabytes = SearchSpace.from_function(
        {"width": tune.choice([10**7])},
        lambda config, task: nn.Sequential(nn.Flatten(), nn.Linear(192, 10**6), nn.Linear(10**6, 10**7)),
    )
    tracemalloc.start()
    costs = count(terabytes, {"width": 10**7}, IMAGES)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert costs.params > 10**13
    assert costs.flops > 2 * 10**13
    assert peak < 10**8


def test_the_module_is_left_as_it_was():
    model = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Dropout(), nn.Flatten(), nn.LazyLinear(10)
    )
    measure(model, IMAGES)
    model[1].eval()
    model(torch.ones(2, 3, 8, 8)).sum().backward()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    grads = [weight.grad.clone() for weight in model.parameters()]
    drawn = torch.get_rng_state()
    measure(model, IMAGES)
    assert [module.training for module in model] == [True, False, True, True, True]
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert all(torch.equal(w.grad, g) for w, g in zip(model.parameters(), grads, strict=True))
    assert torch.equal(torch.get_rng_state(), drawn)


def test_the_module_is_left_as_it_was_also_after_an_error():
    model = nn.Sequential(nn.Dropout(), nn.Linear(3, 3))
    with pytest.raises(RuntimeError):
        measure(model, TABLE)
    assert model.training
    assert model[0].training


def test_frozen_weights_are_not_trainable_parameters():
    model = nn.Sequential(nn.Linear(7, 5), nn.Linear(5, 2))
    model[0].requires_grad_(False)
    assert measure(model, TABLE) == Costs(12, 2 * (35 + 10))


def test_a_network_without_weights_costs_nothing():
    one = Task(kind="regression", input_shape=(1,), outputs=4)
    assert measure(Spread(), one) == Costs(0, 0)
