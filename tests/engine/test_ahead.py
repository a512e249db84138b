"""Proposals of a slow strategy, prepared in a process beside the driver."""

import time
from contextlib import closing

import pytest
from ray import tune

from nas_ray.engine import ahead as engine
from nas_ray.engine.ahead import Ahead
from nas_ray.spaces import CustomSpace
from nas_ray.strategies import Strategy
from nas_ray.strategies.evolution import Evolution
from nas_ray.strategies.records import Candidate


def made(kind=Evolution, **options):
    return kind(CustomSpace({"x": tune.randint(0, 10**6)}), "score", "max", seed=0, **options)


def trained(strategy, name):
    config = strategy.suggest(name)
    strategy.on_trial_complete(name, {"score": config["x"], "training_iteration": 1, "done": True})
    return config["x"]


def until_prepared(ahead):
    deadline = time.monotonic() + 30
    while not (ahead.ready() and ahead._candidates):
        assert time.monotonic() < deadline, "the twin did not answer"
        time.sleep(0.01)


def test_a_quick_strategy_thinks_in_the_loop():
    strategy, alone = made(population_size=4, sample_size=2), made(population_size=4, sample_size=2)
    with closing(Ahead(strategy, at_once=2)) as ahead:
        assert ahead.ready()
        assert [trained(strategy, f"t{n}") for n in range(9)] == [trained(alone, f"t{n}") for n in range(9)]
        assert ahead._twin is None


def test_a_slow_one_is_prepared_beside_and_knows_of_all_that_had_ended(monkeypatch):
    monkeypatch.setattr(engine, "SLOW_S", -1.0)
    options = {"population_size": 2, "sample_size": 2}
    strategy, alone = made(**options), made(**options)
    with closing(Ahead(strategy, at_once=2)) as ahead:
        for number in range(4):
            x = trained(strategy, f"t{number}")
            note = strategy.memory.proposals[-1].note
            assert note.get("behind", 0) == 0
            if "source" not in note:
                assert x == trained(alone, f"t{number}")
            if number:
                until_prepared(ahead)
        strategy.suggest("prepared")
        running = strategy.memory.proposals[-1]
        assert running.note == {"behind": 0}
        assert running.config == {"x": trained(alone, "t4")}, "what it would have proposed by itself"
        strategy.suggest("free worker")
        assert strategy.memory.proposals[-1].note["source"] == "fallback"
        until_prepared(ahead)
        strategy.on_trial_complete("prepared", {"score": 1, "training_iteration": 1, "done": True})
        strategy.suggest("later")
        assert strategy.memory.proposals[-1].note == {"behind": 1}, "an end that came after it was prepared"


def test_with_one_trial_at_a_time_nothing_is_prepared(monkeypatch):
    monkeypatch.setattr(engine, "SLOW_S", -1.0)
    strategy = made()
    with closing(Ahead(strategy, at_once=1)) as ahead:
        for number in range(3):
            trained(strategy, f"t{number}")
        assert ahead._twin is None


class Broken(Strategy):
    """Cannot propose three times."""

    name = "broken"

    def propose(self, rng):
        if len(self.memory) > 1:
            raise ZeroDivisionError("in the strategy")
        return Candidate({"x": len(self.memory)})


def test_an_error_of_the_strategy_is_raised_in_the_driver(monkeypatch):
    monkeypatch.setattr(engine, "SLOW_S", -1.0)
    strategy = made(Broken)
    with closing(Ahead(strategy, at_once=2)) as ahead:
        trained(strategy, "t0")
        trained(strategy, "t1")
        with pytest.raises(ZeroDivisionError, match="in the strategy"):
            ahead.ready()


def test_a_twin_that_dies_is_replaced(monkeypatch):
    monkeypatch.setattr(engine, "SLOW_S", -1.0)
    strategy = made()
    with closing(Ahead(strategy, at_once=2)) as ahead:
        trained(strategy, "t0")
        trained(strategy, "t1")
        twin = ahead._twin
        twin.kill()
        twin.wait()
        assert ahead.ready()
        trained(strategy, "t2")
        assert ahead._twin not in (None, twin)
