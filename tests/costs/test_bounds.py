"""Limits and rules: what is counted, what is said, and how a process beside the driver judges."""

import os
import signal

import pytest
import torch
import torchvision
from ray import tune
from torch import nn

from nas_ray.costs import Bounds, Verdict
from nas_ray.costs.beside import Beside
from nas_ray.costs.survey import check_possible
from nas_ray.costs.tracing import Trace, trace
from nas_ray.errors import ConfigError
from nas_ray.spaces import SearchSpace
from nas_ray.tasks import Task

IMAGES = Task(kind="classification", input_shape=(3, 8, 8), outputs=10)
TABLE = Task(kind="regression", input_shape=(7,), outputs=2)


class Branches(nn.Module):
    """Two layers on one side, one on the other."""

    def __init__(self):
        super().__init__()
        self.deep = nn.Sequential(nn.Linear(7, 5), nn.ReLU(inplace=True), nn.Linear(5, 2))
        self.flat = nn.Linear(7, 2)

    def forward(self, x):
        return self.deep(x) + self.flat(x)


def network(config, task):
    return nn.Sequential(nn.Linear(task.input_shape[0], config["width"]), nn.Linear(config["width"], 2))


def space():
    return SearchSpace.from_function(
        {"width": tune.choice([1, 2, 4, 8]), "other": tune.choice([0, 1])}, network
    )


def narrow(config, task):
    return None if config["width"] < 4 else f"width must be below 4, but is {config['width']}"


def even(config, task):
    return config["other"] == 0


def broken(config, task):
    raise KeyError("depth")


@pytest.mark.parametrize(
    ("model", "task", "depth", "activations"),
    [
        (nn.Linear(7, 5), TABLE, 1, 5),
        (nn.Sequential(nn.Linear(7, 5), nn.ReLU(), nn.Linear(5, 2)), TABLE, 2, 5 + 5 + 2),
        (nn.Sequential(nn.Linear(7, 5), nn.ReLU(inplace=True), nn.Linear(5, 2)), TABLE, 2, 5 + 2),
        (Branches(), TABLE, 2, 5 + 2 + 2 + 2),
        (nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.MaxPool2d(2), nn.Flatten()), IMAGES, 1, None),
        (nn.Sequential(nn.Flatten(), nn.LazyLinear(10)), IMAGES, 1, 10),
        (nn.Flatten(), IMAGES, 0, 0),
    ],
)
def test_depth_and_activations_of_known_networks(model, task, depth, activations):
    found = trace(model, task)
    assert found.depth == depth
    assert activations is None or found == Trace(depth, activations)
    assert model.training


@pytest.mark.parametrize(("name", "depth"), [("resnet18", 18), ("densenet121", 121), ("vgg16", 16)])
def test_networks_are_as_deep_as_their_names_say(name, depth):
    with torch.device("meta"):
        model = torchvision.models.get_model(name)
    assert trace(model, Task(kind="classification", input_shape=(3, 64, 64), outputs=1000)).depth == depth


def test_memory_is_by_the_stated_formula():
    bounds = Bounds({"memory_mb": 1}, batch_size=100)
    costs = bounds.costs(nn.Linear(7, 5), {}, TABLE)
    assert costs["memory_mb"] == (4 * 40 + 100 * 5) * 4 / 2**20
    of_its_own = bounds.costs(nn.Linear(7, 5), {"train.batch_size": 10}, TABLE)
    assert of_its_own["memory_mb"] == (4 * 40 + 10 * 5) * 4 / 2**20


def test_broken_limits_and_rules_are_told_by_name():
    bounds = Bounds({"params": 40, "depth": 1, "flops": 10**6}, {"narrow": narrow, "even": even})
    verdict = bounds.foreseen(space(), {"width": 8, "other": 1}, TABLE)
    assert dict(verdict.broken) == {
        "params": "`params` must be at most 40, but got 82",
        "depth": "`depth` must be at most 1, but got 2",
        "narrow": "width must be below 4, but is 8",
        "even": "rule `even` must hold",
    }
    assert (verdict.costs["params"], verdict.costs["depth"]) == (82, 2)
    assert str(verdict) == "; ".join(verdict.broken.values())
    assert not Bounds({"depth": 2}, {"even": even}).foreseen(space(), {"width": 8, "other": 0}, TABLE).broken


@pytest.mark.parametrize("answer", [[], ["too wide"]])
def test_a_rule_that_returns_a_list_is_told_what_it_must_return(answer):
    verdict = Bounds(rules={"listed": lambda config, task: answer}).foreseen(space(), {"width": 8}, TABLE)
    assert verdict.broken["listed"].endswith(
        f"must return a text, True, False or None, but returned {answer}"
    )


def test_a_rule_that_raises_lets_nothing_pass_and_says_so():
    verdict = Bounds(rules={"broken": broken}).foreseen(space(), {"width": 8, "other": 1}, TABLE)
    assert (
        str(verdict)
        == "rule `broken` must say whether a network may be trained, but raised KeyError('depth')"
    )


def test_what_the_meta_device_cannot_run_is_left_to_the_workers():
    odd = SearchSpace.from_function({"width": tune.choice([1])}, lambda config, task: nn.Linear(3, 3))
    assert Bounds({"params": 1}).foreseen(odd, {"width": 1}, TABLE) == Verdict()


@pytest.fixture
def judge():
    with Beside(space(), TABLE, Bounds({"params": 40}, {"even": even})) as process:
        yield process


def test_a_process_beside_judges_as_this_one_does(judge):
    for config in space().enumerate():
        assert judge(config, 60) == judge.bounds.foreseen(space(), config, TABLE)
    check_possible(judge, [], seed=0)
    os.kill(judge._process.pid, signal.SIGKILL)
    assert judge({"width": 8, "other": 1}) is not None, "known before"
    judge._verdicts.clear()
    assert judge({"width": 8, "other": 1}) is None


class Here(Beside):
    """Judges in this process, which takes no time to start."""

    def __init__(self, space, bounds):
        self.space, self.task, self.bounds = space, TABLE, bounds

    def __call__(self, config, patience=0):
        return self.bounds.foreseen(self.space, config, self.task)


@pytest.mark.parametrize(
    ("bounds", "words"),
    [
        (
            Bounds({"params": 5, "depth": 2, "memory_mb": 1}, {"even": even}),
            r"`params` at most 5 \(the least is 12\) rejects 100%, rule `even` rejects \d+%, "
            r"`depth` at most 2 \(the least is 2\) rejects 0%.*; loosen `params`, or name a network",
        ),
        (
            Bounds(rules={"broken": broken}),
            r"of \d+ sampled networks rule `broken` \(.*raised KeyError\('depth'\)",
        ),
    ],
)
def test_constraints_that_leave_nothing_are_found_out_by_sampling(bounds, words):
    with pytest.raises(ConfigError, match=words):
        check_possible(Here(space(), bounds), [], seed=0)


def test_a_point_that_keeps_rare_constraints_lets_the_search_begin():
    wide = SearchSpace.from_function({"width": tune.randint(1, 10**6), "other": tune.choice([0, 1])}, network)
    judge = Here(wide, Bounds({"params": 40}))
    check_possible(judge, [{"width": 2, "other": 0}], seed=0)
    with pytest.raises(ConfigError, match="name a network that keeps them all in `strategy"):
        check_possible(judge, [], seed=0)
