"""The limits of a run and its live numbers."""

import pytest

from nas_ray.engine.limits import Limits
from nas_ray.engine.progress import Snapshot
from nas_ray.tasks import Objective


def snapshot(**changes):
    return Snapshot(
        **{"objective": Objective("val_acc"), "trials": 4, "max_epochs": 8, "concurrency": 2} | changes
    )


def test_no_limit_never_ends_a_run():
    limits = Limits(None, None)
    assert not limits("trial", {})
    assert not limits.stop_all()
    assert limits.reason == ""


def test_epochs_count_over_attempts():
    limits = Limits(epochs=5, seconds=None, epochs_before=3)
    limits("a", {"epoch": 1})
    assert not limits.stop_all()
    limits("b", {"epoch": 0})
    assert not limits.stop_all(), "an infeasible trial is no epoch"
    limits("c", {"epoch": 1})
    assert limits.stop_all()
    assert limits.reason == "epochs"


def test_time_counts_over_attempts():
    limits = Limits(None, seconds=10, seconds_before=10)
    assert limits.stop_all()
    assert limits.reason == "time_budget"


def test_the_snapshot_knows_the_best_and_its_trial():
    now = snapshot(objective=Objective("val_loss", "min"))
    for trial, score in (("t00000", -2.0), ("t00001", -1.5), ("t00002", None), ("t00003", -3.0)):
        now.report(trial, score)
    assert (now.best_trial, now.best_value, now.epochs) == ("t00001", 1.5, 4)


def test_time_left_follows_from_the_pace_of_this_attempt(monkeypatch):
    now = snapshot(trials=10)
    now.relive([("t00000", 1.0, 0.5)], {"finished": 2, "cached": 5}, epochs=1)
    assert now.seconds_left is None, "no trial has ended in this attempt"
    monkeypatch.setattr(Snapshot, "elapsed", property(lambda self: 30.0))
    now.ended("t00002", "stopped")
    assert now.seconds_left == pytest.approx(30.0 * 7)


def test_a_paused_trial_is_not_running_and_as_good_as_ended(monkeypatch):
    monkeypatch.setattr(Snapshot, "elapsed", property(lambda self: 30.0))
    now = snapshot(trials=10)
    for trial in ("t00000", "t00001"):
        now.begun(trial)
        now.report(trial, 0.5, pauses=True)
    now.begun("t00001")
    assert (now.running, now.paused) == ({"t00001"}, {"t00000"})
    assert now.seconds_left == pytest.approx(30.0 * 9)
    now.ended("t00000", "stopped")
    assert (now.running, now.paused) == ({"t00001"}, set())
    assert now.seconds_left == pytest.approx(30.0 * 9)


def test_time_left_until_the_epochs_are_trained(monkeypatch):
    monkeypatch.setattr(Snapshot, "elapsed", property(lambda self: 30.0))
    now = snapshot(trials=None, epochs_budget=50)
    now.relive([("t00000", epoch, 0.5) for epoch in (1, 2, 3)], {"finished": 1}, epochs=4)
    assert now.epochs == 4, "one had no score"
    assert now.seconds_left is None, "no epoch was trained in this attempt"
    for _ in range(6):
        now.report("t00001", 0.5)
    assert now.seconds_left == pytest.approx(30.0 * 40 / 6)
    for _ in range(41):
        now.report("t00001", 0.5)
    assert now.seconds_left == 0.0


def test_time_left_is_never_more_than_the_budget(monkeypatch):
    monkeypatch.setattr(Snapshot, "elapsed", property(lambda self: 30.0))
    now = snapshot(trials=100, time_budget=40.0)
    now.ended("t00000", "finished")
    assert now.seconds_left == pytest.approx(10.0)
    assert snapshot(time_budget=40.0, seconds_before=8.0).seconds_left == pytest.approx(2.0)
