"""The folder of a run as a driver leaves it."""

from __future__ import annotations

import json

import pytest
import yaml

from nas_ray.ledger import LEDGER, Ledger
from nas_ray.tasks import Task

START = 1_700_000_000.0
SPACE = """
from ray import tune
from nas_ray.spaces import SearchSpace

class Widths(SearchSpace):
    name = "widths"

    def __init__(self, largest=9):
        self.largest = largest

    def param_space(self):
        return {"hidden": tune.randint(1, self.largest)}

    def build(self, config, task):
        from torch import nn
        return nn.Sequential(nn.Linear(3, config["hidden"]), nn.Linear(config["hidden"], task.outputs))

    def describe(self, config):
        return f"in -> {config['hidden']} -> out\\nof at most {self.largest}"
"""


class Driver:
    """Writes a run second by second."""

    def __init__(self, folder, **header):
        folder.mkdir(parents=True)
        self.folder, self.now = folder, START
        config = {"space": {"name": "our_space:Widths", "largest": 7}, "data": {"name": "digits"}}
        (folder / "config.yaml").write_text(yaml.safe_dump(config))
        self.ledger = Ledger(folder / LEDGER, clock=lambda: self.now)
        objective = [{"metric": "val_acc", "mode": "max"}]
        settings = {"space": "widths", "strategy": "random", "trials": 10, "concurrency": 2, "max_epochs": 3}
        self.add("run", after=0, version=1, **{"objective": objective, **settings, **header})
        self.add("attempt", after=1, attempt=1, pid=1, host="here")

    def add(self, kind, after=1.0, **fields):
        self.now += after
        self.ledger.append(kind, **fields)
        return self

    def propose(self, number, outcome="running", reason=""):
        ids = {
            "trial_id": f"t{number:05d}",
            "number": number,
            "config_id": "c",
            "architecture_id": f"a{number}",
        }
        told = {"outcome": outcome, "reason": reason, "error": "", "parents": [], "note": {}, "seed": number}
        return self.add("propose", after=0, config={"hidden": number + 2}, **ids, **told)

    def start(self, number, attempt=1):
        ids = {"trial_id": f"t{number:05d}", "ray_trial_id": f"r{number}"}
        return self.add("start", after=0, attempt=attempt, **ids)

    def report(self, number, epoch, value, attempt=1, decision="continue"):
        told = {"metrics": {"val_acc": value, "val_loss": 0.5}, "params": 1_234_567, "flops": 2000}
        place = {"trial_id": f"t{number:05d}", "attempt": attempt, "epoch": epoch}
        return self.add("report", **place, **told, seconds=0.5, decision=decision)

    def end(self, number, outcome="finished", reason=""):
        told = {"score": None, "fidelity": 0.0, "complete": False, "curve": []}
        place = {"trial_id": f"t{number:05d}", "number": number, "error": ""}
        return self.add("end", after=0, outcome=outcome, reason=reason, **place, **told)

    def trial(self, number, values, outcome="finished", reason=""):
        self.propose(number).start(number)
        for epoch, value in enumerate(values, 1):
            self.report(number, epoch, value)
        return self.end(number, outcome, reason)

    def leave(self, reason):
        self.add("stop", attempt=1, reason=reason)
        self.ledger.close()
        return self.folder

    def die(self):
        """Leave without a word; the lock goes as the system takes it back."""
        self.ledger.close()
        return self.folder

    def write_best(self, number, **changes):
        """Write best/, with weights that are all one."""
        import torch
        from our_space import Widths

        task = Task(kind="classification", input_shape=(3,), outputs=2)
        space = {"name": "our_space:Widths", "largest": 7}
        plain = {"space": space, "config": {"hidden": number + 2}, "task": task.to_json(), "trial_id": "t"}
        best = self.folder / "best"
        best.mkdir()
        (best / "architecture.json").write_text(json.dumps({**plain, **changes}))
        weights = Widths().build(plain["config"], task).state_dict()
        torch.save({name: torch.ones_like(value) for name, value in weights.items()}, best / "weights.pt")


@pytest.fixture(autouse=True)
def our_space(tmp_path, monkeypatch):
    (tmp_path / "our_space.py").write_text(SPACE)
    monkeypatch.syspath_prepend(tmp_path)
    yield
    import sys

    sys.modules.pop("our_space", None)


@pytest.fixture
def new_driver(tmp_path):
    drivers = []

    def new(name="run-1", **header):
        drivers.append(Driver(tmp_path / "runs" / name, **header))
        return drivers[-1]

    yield new
    for driver in drivers:
        driver.ledger.close()


@pytest.fixture
def driver(new_driver):
    return new_driver()


@pytest.fixture
def finished(driver):
    """Three trials that trained (the second is the best, in its first epoch), two that did not."""
    driver.trial(0, [0.5, 0.6, 0.7]).propose(1, "infeasible", "constraint").propose(2, "cached", "known")
    driver.trial(3, [0.9, 0.8], "stopped", "asha").trial(4, [0.95], "failed", "diverged")
    driver.add("test", after=5, trial_id="t00003", metrics={"test_acc": 0.875, "test_loss": 0.4})
    driver.write_best(3)
    return driver.leave("done")
