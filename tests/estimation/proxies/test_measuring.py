"""Proxies as a worker computes them: before training, without a trace in the network."""

import math
import random

import pytest
import torch
from torch import nn

from nas_ray.estimation import Estimation, Learner
from nas_ray.estimation.device_data import DeviceData
from nas_ray.estimation.proxies import PROXIES, measuring
from nas_ray.estimation.standing import Standing


@pytest.fixture
def learner(space, small):
    ready = DeviceData(small, torch.device("cpu"))
    return Learner(space, {"width": 4}, small.task(), ready, Estimation(batch_size=16), seed=3)


def test_every_proxy_is_the_same_again_and_leaves_no_trace(learner):
    state = {name: value.clone() for name, value in learner.model.state_dict().items()}
    chance = torch.get_rng_state(), random.getstate()
    learner.model[1].eval()
    modes = [module.training for module in learner.model.modules()]
    found = measuring.of_learner(learner, PROXIES)
    assert found.keys() == set(PROXIES)
    assert measuring.of_learner(learner, PROXIES) == found
    for name, value in learner.model.state_dict().items():
        assert torch.equal(value, state[name]), name
        assert value.dtype == state[name].dtype
    assert all(weight.grad is None for weight in learner.model.parameters())
    assert [module.training for module in learner.model.modules()] == modes
    assert torch.equal(torch.get_rng_state(), chance[0])
    assert random.getstate() == chance[1]


def test_a_proxy_that_cannot_be_computed_is_left_out(learner):
    learner.model = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    assert measuring.of_learner(learner, ["naswot", "snip"]).keys() == {"snip"}

    class Single(nn.Linear):
        def forward(self, x):
            assert x.dtype == torch.float32
            return super().forward(x)

    learner.model = nn.Sequential(nn.Flatten(), Single(64, 10))
    assert measuring.of_learner(learner, ["synflow", "grad_norm"]).keys() == {"grad_norm"}


def test_a_trial_reports_its_proxies_once_and_trains_as_without(trainer, metrics):
    plain = trainer().run({"width": 4})
    told = trainer(settings=Estimation(max_epochs=3, proxies=PROXIES)).run({"width": 4})
    assert all(math.isfinite(told[0][name]) for name in PROXIES)
    for name in PROXIES:
        del told[0][name]
    assert metrics(told) == metrics(plain)


def test_the_best_share_is_trained_and_the_others_are_infeasible_with_their_proxy(trainer, tmp_path):
    trial = trainer(shares={"synflow": 0.5}, folder=str(tmp_path))
    assert len(trial.run({"width": 8}, "wide")) == 3
    (narrow,) = trial.run({"width": 4}, "narrow")
    assert (narrow["outcome"], narrow["reason"], narrow["epoch"]) == ("infeasible", "constraint", 0)
    assert "proxy `synflow` must be among the best 50% of the 2 networks" in narrow["error"]
    assert narrow["synflow"] > 0
    assert narrow["params"] == 218
    again = trainer(shares={"synflow": 0.5}, folder=str(tmp_path))
    assert len(again.run({"width": 8}, "wide")) == 3, "in another process, after a retry"


@pytest.mark.parametrize("kept_in", ["folder", "process"])
def test_rank_among_those_measured_so_far(tmp_path, kept_in):
    standing = Standing({"snip": 0.4}, tmp_path if kept_in == "folder" else None)
    values = [5.0, 4.0, 6.0, 5.0, 5.5, 1.0]
    passed = [not standing.beaten(f"t{at}", {"snip": value}) for at, value in enumerate(values)]
    # Better before it, against 0.4 n: 0 < 0.4, 1 < 0.8 no, 0 < 1.2, 1 < 1.6, 1 < 2, 5 < 2.4 no.
    assert passed == [True, False, True, True, True, False]
    assert standing.beaten("t0", {"snip": -1.0}) == [], "let through before"
    assert standing.beaten("t9", {}) == []
