"""Conformance of a space: what the driver of a search asks of it; see :mod:`nas_ray.testing.spaces`."""

# ruff: noqa: D102 - a test's name is its sentence

from __future__ import annotations

import atexit
import json
import os
import subprocess
import sys
from functools import cache, partial
from pathlib import Path
from typing import IO, Any, Literal

import pytest
from ray import cloudpickle

from nas_ray import plugins
from nas_ray.errors import Unsupported
from nas_ray.spaces import Config, SearchSpace
from nas_ray.spaces.space import LISTED
from nas_ray.strategies import Strategy, bayesian, candidates, load_strategy
from nas_ray.tasks import Task
from nas_ray.testing.driving import EPOCHS, METRIC, drive
from nas_ray.testing.space_fixtures import SpaceFixtures, assert_valid

PROPOSALS = 50

AS_A_DRIVER = """
import json, os, pickle, sys, traceback
from pathlib import Path
answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)  # what a space prints is no answer
if sys.argv[1] == "blocked":
    sys.modules["torch"] = None  # importing it raises
import numpy as np
from nas_ray.strategies import load_strategy
from nas_ray.testing.driving import drive

def work(space, task, config):
    space.check_task(task), space.size(), space.active(config), space.violations(config, task)
    space.features(config), space.describe(config), space.graphs(config), space.members(), space.scale(config)
    other = space.mutate(config, np.random.default_rng(0), task)
    space.crossover(config, other, np.random.default_rng(0), task), next(space.neighbours(config, task), None)
    drive(load_strategy("evolution", space=space, metric="score", mode="max", seed=0, task=task), 20)
    return [space.architecture_id(config), space.config_id(config)]

for line in sys.stdin:
    try:
        answer = work(*pickle.loads(Path(line.strip()).read_bytes()))
    except Exception:
        answer = traceback.format_exc()
    print(json.dumps(answer), file=answers, flush=True)
"""


class DriverConformance(SpaceFixtures):
    """Tests of a space in the process that proposes."""

    torch_free = True
    """Whether the space itself gets by without torch, which only ``build`` needs; not one made of modules."""

    @pytest.mark.parametrize("name", plugins.names(plugins.STRATEGIES))
    def test_every_strategy_works_on_it_and_builds_nothing(
        self, space: SearchSpace, task: Task, name: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        _let_pools_be_small(monkeypatch)
        monkeypatch.setattr(type(space), "build", _refuse)
        kind: type[Strategy] = plugins.load(plugins.STRATEGIES, name)
        options = {"metric": METRIC, "mode": "max", "seed": 0, "max_fidelity": EPOCHS, "task": task}
        if kind.requires - space.offers:
            with pytest.raises(Unsupported):
                load_strategy(name, space=space, **options)
            return
        configs = drive(load_strategy(name, space=space, **options), PROPOSALS, workers=2)
        for config in configs:
            assert_valid(space, config, task)
        ids = {space.config_id(config) for config in configs}
        assert len(ids) == len(configs)
        if len(configs) < PROPOSALS:
            assert space.size() <= LISTED, "a strategy ends where the space is exhausted, and not before"
            assert ids == {space.config_id(config) for config in space.enumerate(task)}

    def test_a_driver_needs_no_torch_and_finds_the_same_ids(
        self, space: SearchSpace, task: Task, configs: list[Config], tmp_path: Path
    ) -> None:
        """Another process, with another hash seed and without torch, gives the same ids and proposals."""
        module = sys.modules[type(self).__module__]  # a test file cannot be imported elsewhere
        cloudpickle.register_pickle_by_value(module)
        try:
            (tmp_path / "space.pkl").write_bytes(cloudpickle.dumps((space, task, configs[0])))
        finally:
            cloudpickle.unregister_pickle_by_value(module)
        requests, answers = _driver("blocked" if self.torch_free else "allowed")
        print(tmp_path / "space.pkl", file=requests, flush=True)
        answer = json.loads(answers.readline() or '"the driver died"')
        assert answer == [space.architecture_id(configs[0]), space.config_id(configs[0])], answer


@cache
def _driver(torch: Literal["blocked", "allowed"]) -> tuple[IO[str], IO[str]]:
    """Return the input and the output of a process that works as a driver does.

    One serves all spaces of a run, since it takes seconds to start.
    """
    process = subprocess.Popen(  # noqa: S603 - our own interpreter and our own text
        [sys.executable, "-c", AS_A_DRIVER, torch],
        env={**os.environ, "PYTHONHASHSEED": "1234", "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    atexit.register(process.communicate)  # closes its input, which ends it
    assert process.stdin is not None
    assert process.stdout is not None
    return process.stdin, process.stdout


def _let_pools_be_small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let models of performance choose among few networks: what they find is not the question here."""
    monkeypatch.setattr(candidates, "pool", partial(candidates.pool, samples=20))
    monkeypatch.setattr(candidates, "CHILDREN", 2)
    monkeypatch.setattr(bayesian, "DESIGN", 10)
    monkeypatch.setattr(bayesian, "REFERENCE", 50)


def _refuse(*_: Any) -> None:
    raise AssertionError("a network must be built in a worker, but the driver builds one")
