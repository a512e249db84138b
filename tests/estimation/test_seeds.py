import random

import numpy as np
import pytest
import torch
from torch import nn

from nas_ray.spaces import SearchSpace

CONFIG = {"width": 4}


def test_the_same_seed_gives_the_same_metrics_to_the_last_bit(trainer, metrics):
    first, second = (metrics(trainer(seed=7).run(CONFIG)) for _ in range(2))
    assert first == second


def test_another_seed_and_another_configuration_give_others(trainer, metrics):
    runs = [
        metrics(trainer(seed=seed).run(config))
        for seed, config in [(7, CONFIG), (8, CONFIG), (7, {"width": 8})]
    ]
    losses = [run[-1]["train_loss"] for run in runs]
    assert len(set(losses)) == 3


def test_a_trial_does_not_depend_on_what_ran_before_it(trainer, metrics):
    used, fresh = trainer(seed=7), trainer(seed=7)
    used.run({"width": 8}, "trial-0")
    torch.rand(13)
    np.random.rand(5)  # noqa: NPY002
    random.random()
    assert metrics(used.run(CONFIG, "trial-1")) == metrics(fresh.run(CONFIG, "trial-9"))


@pytest.mark.parametrize("draw", [lambda: torch.rand(1), lambda: np.random.rand(), lambda: random.random()])  # noqa: NPY002
def test_a_users_network_may_draw_from_any_generator(trainer, metrics, draw):
    class Noisy(nn.Module):
        def __init__(self, task):
            super().__init__()
            self.inner = nn.Sequential(nn.Flatten(), nn.Linear(64, task.outputs))

        def forward(self, x):
            return self.inner(x + float(draw()))

    from ray import tune

    space = SearchSpace.from_function({"a": tune.choice([1])}, lambda config, task: Noisy(task))
    first, second = (metrics(trainer(space=space, seed=7).run({"a": 1})) for _ in range(2))
    assert first == second


def test_the_global_generators_are_left_alone(trainer):
    trial = trainer(seed=7)
    before = torch.get_rng_state(), np.random.get_state()[1].tolist(), random.getstate()  # noqa: NPY002
    trial.run(CONFIG)
    after = torch.get_rng_state(), np.random.get_state()[1].tolist(), random.getstate()  # noqa: NPY002
    assert torch.equal(before[0], after[0])
    assert before[1:] == after[1:]
