"""Which actor a trial gets, and what becomes of one whose process is lost; Tune's controller is played."""

from collections import Counter
from types import SimpleNamespace

import pytest
from ray import tune
from ray.tune.experiment import Trial

from nas_ray.engine import ray_private
from nas_ray.engine.failing import ALIKE, Failing
from nas_ray.engine.load import BUSY, LOOK_S, Load
from nas_ray.engine.placing import Placing
from nas_ray.engine.proposing import Proposing
from nas_ray.spaces import CustomSpace
from nas_ray.stopping.none import NoStopping
from nas_ray.strategies.random import RandomSearch


@pytest.fixture
def strategy():
    return RandomSearch(CustomSpace({"x": tune.randint(0, 10**6)}), "score", "max", seed=0)


class Controller:
    """What the engine asks of Tune's controller, by the private names."""

    def __init__(self, monkeypatch):
        self.kept, self.waits, self.free, self.up, self.starting = Counter(), [], False, 0, set()
        self.ended = 0
        for name in (
            "keep_actors",
            "has_free_actor",
            "actors_up",
            "is_starting",
            "let_wait",
            "end_unstarted",
        ):
            monkeypatch.setattr(ray_private, name, getattr(self, f"_{name}"))

    def _keep_actors(self, controller, trial, by):
        self.kept[trial.gpus] += by

    def _has_free_actor(self, controller):
        return self.free

    def _actors_up(self, controller):
        return self.up

    def _is_starting(self, controller, trial):
        return trial.name in self.starting

    def _end_unstarted(self, controller):
        self.ended += 1

    def _let_wait(self, controller, trial):
        self.waits.append(trial.name)


def added(placing, *names, gpus=None):
    trials = [SimpleNamespace(name=name, status=Trial.PENDING, gpus=gpus) for name in names]
    for trial in trials:
        placing.on_trial_add(None, trial)
    return trials


def test_a_trial_whose_actor_starts_waits_for_it_and_a_free_one_goes_to_who_waits_longest(
    strategy, monkeypatch
):
    controller = Controller(monkeypatch)
    placing = Placing(NoStopping("score", "max"), strategy, size=3)
    first, second, third = added(placing, "first", "second", "third")
    assert placing.choose_trial_to_run(controller) is None, "Tune starts them by itself, in their order"
    assert (controller.waits, controller.kept) == (["first", "second", "third"], {None: 3})
    controller.free, controller.starting = True, {"first"}
    assert placing.choose_trial_to_run(controller) is second, (
        "an actor for it was requested, and has no place"
    )
    second.status = Trial.RUNNING
    controller.starting = {"first", "third"}
    assert placing.choose_trial_to_run(controller) is None, "the free actor is kept for the next proposal"
    strategy.closed = True
    assert placing.choose_trial_to_run(controller) is first, "no other trial comes"
    assert controller.kept == {None: 0}
    first.status = third.status = Trial.TERMINATED
    assert placing.choose_trial_to_run(controller) is None


def test_free_actors_of_another_size_give_way_to_a_trial_without_a_place(strategy, monkeypatch):
    controller = Controller(monkeypatch)
    placing = Placing(NoStopping("score", "max"), strategy, size=4)
    (small,) = added(placing, "small", gpus=0.25)
    controller.starting = {"small"}
    placing.choose_trial_to_run(controller)
    small.status = Trial.RUNNING
    added(placing, "large", gpus=1.0)
    placing.choose_trial_to_run(controller)
    assert controller.kept == {0.25: 0, 1.0: 4}, "what small ones hold may be what it lacks"
    controller.starting = {"large"}
    placing.choose_trial_to_run(controller)
    assert controller.kept == {0.25: 4, 1.0: 4}, "each size has a pool of its own"


def test_no_more_actors_start_at_a_time_than_there_are_cores_for(strategy, monkeypatch):
    controller = Controller(monkeypatch)
    load = SimpleNamespace(has_time=lambda: True)
    placing = Placing(NoStopping("score", "max"), strategy, size=8, starts=2, load=load)
    assert strategy.max_concurrent == 2
    for up, limit in ((0, 2), (1, 3), (5, 7), (3, 7), (8, 8)):
        controller.up = up
        placing.choose_trial_to_run(controller)
        assert strategy.max_concurrent == limit, "an actor that is lost takes no slot away"


def test_no_actor_more_starts_while_the_driver_is_busy_with_those_there_are(strategy, monkeypatch):
    controller, has_time = Controller(monkeypatch), iter((False, False, True))
    load = SimpleNamespace(has_time=lambda: next(has_time))
    placing = Placing(NoStopping("score", "max"), strategy, size=4, starts=2, load=load)
    placing.choose_trial_to_run(controller)  # nothing is up yet, so that nobody asks
    controller.up = 2
    for limit in (2, 2, 4, 4):
        placing.choose_trial_to_run(controller)
        assert strategy.max_concurrent == limit


def test_a_loop_has_time_where_it_was_seen_to_wait():
    clock, work = [0.0], [0.0]
    load = Load(lambda: clock[0], lambda: work[0])

    def later(seconds, worked):
        clock[0] += seconds
        work[0] += worked
        return load.has_time()

    assert not later(100, 0), "before the first question nobody watched"
    assert not later(LOOK_S / 2, 0), "not for long enough"
    assert later(LOOK_S / 2, 0)
    assert not later(LOOK_S, LOOK_S * BUSY)
    assert later(LOOK_S, LOOK_S * BUSY / 2)


def test_actors_that_nobody_needs_are_ended_once_no_trial_comes(strategy, monkeypatch):
    controller = Controller(monkeypatch)
    placing = Placing(NoStopping("score", "max"), strategy, size=3)
    placing.choose_trial_to_run(controller)
    assert controller.ended == 0
    strategy.closed = True
    placing.choose_trial_to_run(controller)
    assert controller.ended == 1


@pytest.mark.parametrize(
    ("reason", "tries"), [("lost", 3), ("out_of_memory", 2), ("error", 1), ("timeout", 1)]
)
def test_a_lost_trial_is_handed_out_again_under_its_id_and_the_strategy_hears_of_one_end(
    strategy, reason, tries
):
    strategy.why_failed, strategy.max_trials = lambda trial_id: reason, 1
    proposing = Proposing(strategy)
    for number in range(tries):
        strategy.suggest(f"ray-{number}")
        assert strategy.proposal_of(f"ray-{number}").trial_id == "t00000"
        assert not strategy.memory.observations
        proposing.on_trial_complete(f"ray-{number}", error=True)
    (observation,) = strategy.memory.observations
    assert (observation.outcome, observation.reason) == ("failed", reason)


def test_a_search_is_hopeless_where_its_first_trials_fail_alike():
    def told(*ends, trained=0):
        failing = Failing(trained)
        for outcome, reason in ends:
            failing.ended(outcome, reason, "a\nlast words")
        return failing

    failed, other = ("failed", "error"), ("failed", "diverged")
    hopeless = told(*[failed] * ALIKE, ("infeasible", "constraint"))
    assert hopeless.hopeless
    assert str(hopeless).endswith("the first 10 all failed (error): last words")
    assert not told(*[failed] * (ALIKE - 1)).hopeless
    assert not told(("finished", ""), *[failed] * ALIKE).hopeless
    assert not told(*[failed] * 5, other, *[failed] * ALIKE).hopeless
    assert not told(*[failed] * ALIKE, trained=1).hopeless
