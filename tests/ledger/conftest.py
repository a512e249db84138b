"""Records as a driver writes them."""

from __future__ import annotations

import random

import pytest

START = 1_700_000_000.0


class Story:
    """Builds the records of a run, one second apart."""

    def __init__(self, **header):
        self.records, self.now = [], START
        settings = {"space": "chain", "strategy": "random", "seed": 3, "trials": 9, "max_epochs": 4}
        objective = [{"metric": "val_acc", "mode": "max"}]
        self.add("run", version=1, concurrency=2, **{**settings, "objective": objective, **header})

    def add(self, kind, after=1.0, **fields):
        self.now += after
        self.records.append({"kind": kind, "at": self.now, **fields})
        return self

    def attempt(self, number=1, **fields):
        return self.add("attempt", attempt=number, pid=1, host="here", **fields)

    def propose(self, number, outcome="running", reason="", config=None, parents=(), **fields):
        config = {"depth": number + 1, "op": "conv", "lr": 0.1} if config is None else config
        ids = {"config_id": f"c{number}", "architecture_id": f"a{number}"}
        place = {"trial_id": f"t{number:05d}", "number": number, "parents": list(parents)}
        rest = {"error": "", "note": {}, "seed": 10 + number}
        told = {"config": config, "outcome": outcome, "reason": reason}
        return self.add("propose", **{**place, **ids, **rest, **told, **fields})

    def start(self, number, attempt=1, **fields):
        return self.add(
            "start",
            trial_id=f"t{number:05d}",
            ray_trial_id=f"r{number}_{attempt}",
            attempt=attempt,
            node="n1",
            **fields,
        )

    def report(self, number, epoch, value, attempt=1, metric="val_acc", **fields):
        metrics = {metric: value, "val_loss": 1.0 / epoch}
        place = {"trial_id": f"t{number:05d}", "attempt": attempt, "epoch": epoch}
        told = {"seconds": 0.5, "decision": "continue", "params": 100 * (number + 1), "flops": 2000}
        return self.add("report", **{**place, "metrics": metrics, **told, **fields})

    def end(self, number, outcome="finished", reason="", **fields):
        told = {"score": None, "fidelity": 0.0, "complete": outcome == "finished", "curve": []}
        place = {"trial_id": f"t{number:05d}", "number": number, "error": ""}
        return self.add("end", **{**place, **told, "outcome": outcome, "reason": reason, **fields})

    def trial(self, number, values, outcome="finished", reason="", **fields):
        self.propose(number, **fields).start(number)
        for epoch, value in enumerate(values, 1):
            self.report(number, epoch, value)
        return self.end(number, outcome, reason)


def random_story(seed):
    """Any sequence of records about trials that were proposed, in no sensible order."""
    rng = random.Random(seed)
    story = Story().attempt()
    for number in range(rng.randint(1, 12)):
        story.propose(number, rng.choice(["running", "running", "infeasible", "cached"]))
        for _ in range(rng.randint(0, 8)):
            other = rng.randint(0, number)
            rng.choice(
                [
                    lambda o: story.start(o),
                    lambda o: story.report(o, rng.randint(1, 4), rng.choice([rng.random(), None])),
                    lambda o: story.end(o, rng.choice(["finished", "stopped", "failed", "infeasible"])),
                    lambda o: story.add("retry", trial_id=f"t{o:05d}", error="node died"),
                    lambda o: story.add("stop", attempt=1, reason=rng.choice(["done", "user", "epochs"])),
                    lambda o: story.attempt(rng.randint(2, 5)),
                    lambda o: story.add("of a later version", trial_id="t99999"),
                ]
            )(other)
    return story.records


@pytest.fixture
def new_story():
    return Story


@pytest.fixture
def story():
    return Story().attempt()


@pytest.fixture(params=range(30))
def random_records(request):
    return random_story(request.param)
