import pytest

from nas_ray.errors import RunError
from nas_ray.ledger import LEDGER, RunRecord, read
from nas_ray.results import status
from nas_ray.results.progress import status_of
from nas_ray.results.timing import seconds_left


def at(driver, seconds_later=0.0, live=True):
    run = RunRecord(read(driver.folder / LEDGER))
    return status_of(run, str(driver.folder), live, driver.now + seconds_later)


def test_a_run_at_work(driver):
    driver.trial(0, [0.5, 0.6]).propose(1).start(1).report(1, 1, 0.7).propose(2).start(2).propose(3)
    told = status(driver.folder)
    assert told.live
    assert told.reason == ""
    assert told.outcomes == {"finished": 1, "running": 3}
    assert told.running == ("t00001", "t00002")
    assert (told.slots, told.begun, told.total) == (2, 4, 10)
    assert (told.best.trial_id, told.best.value) == ("t00001", 0.7)


def test_rate_and_time_left_from_the_trials_left(driver):
    driver.trial(0, [0.5, 0.6]).propose(1, "cached", "known").trial(2, [0.5], "stopped", "asha")
    told = at(driver, seconds_later=6.0)
    assert told.elapsed_s == 10.0
    assert told.trials_per_hour == 720.0
    assert told.left_s == 8 * 5.0


def test_time_left_from_the_time_budget_if_that_ends_sooner(new_driver):
    driver = new_driver(time_budget=12.0).trial(0, [0.5])
    assert at(driver, seconds_later=8.0).left_s == 2.0
    assert at(driver, seconds_later=80.0).left_s == 0.0


def test_epochs_and_time_left_where_epochs_are_limited(new_driver):
    driver = new_driver(trials=None, epochs=10).trial(0, [0.5, 0.6])
    told = at(driver, seconds_later=8.0)
    assert (told.epochs, told.total_epochs) == (2, 10)
    assert told.left_s == told.elapsed_s * 4
    assert "\nepochs 2 of 10 trained\n" in str(told)


def test_paused_trials_are_not_running_and_as_good_as_ended(driver):
    for number in range(3):
        driver.propose(number).start(number).report(number, 1, 0.5, decision="pause")
    driver.start(1).report(1, 2, 0.6).propose(3).start(3)
    told = at(driver, seconds_later=6.0)
    assert told.outcomes == {"running": 2, "paused": 2}
    assert told.running == ("t00001", "t00003")
    assert told.left_s == told.elapsed_s / 2 * 8
    assert "trials 4 of 10 begun; 2 running, 2 paused\n" in str(told)
    assert at(driver, live=False).outcomes == {"interrupted": 4}


def test_nothing_is_said_of_the_time_left_where_nothing_is_known(new_driver):
    assert at(new_driver("a", trials=None).trial(0, [0.5])).left_s is None
    assert at(new_driver("b").propose(0).start(0)).left_s is None
    assert at(new_driver("c").trial(0, [0.5]), live=False).left_s is None


def test_a_resume_states_the_new_total(driver):
    driver.trial(0, [0.5]).add("stop", attempt=1, reason="done").add("attempt", attempt=2, trials=200)
    assert at(driver).total == 200


@pytest.mark.parametrize("reason", ["done", "user", "time_budget"])
def test_a_run_that_ended_in_order_says_why(driver, reason):
    driver.trial(0, [0.5]).propose(1).start(1)
    told = status(driver.leave(reason))
    assert (told.live, told.reason, told.running) == (False, reason, ())
    assert told.outcomes == {"finished": 1, "interrupted": 1}
    assert ("nas-ray resume" in str(told)) == (reason != "done")


@pytest.mark.parametrize(
    ("reason", "total", "flag"),
    [
        ("time_budget", {"time_budget": 40.0}, "--time-budget 80"),
        ("time_budget", {"time_budget": 1.5}, "--time-budget 6"),  # 3 s are done
        ("epochs", {"epochs": 3}, "--epochs 6"),
        ("done", {}, "--trials 20"),
        ("user", {}, ""),
    ],
)
def test_a_limit_that_ended_a_run_is_what_a_resume_has_to_raise(new_driver, reason, total, flag):
    told = status(new_driver(**total).trial(0, [0.5]).leave(reason))
    assert told.more == flag
    assert (f"nas-ray resume {told.path} {flag}`" in str(told)) == (reason not in ("done", "user"))


def test_a_run_that_died_is_lost(driver):
    told = status(driver.propose(0).start(0).die())
    assert (told.live, told.reason) == (False, "lost")
    assert f"`nas-ray resume {driver.folder}` takes it up" in str(told)


def test_how_busy_the_slots_were_is_told_while_it_runs_and_after_it_died(driver):
    driver.propose(0).start(0).propose(1).start(1).report(0, 1, 0.5).report(0, 2, 0.6)
    told = at(driver, seconds_later=2.0)
    assert told.utilisation == 1.0, "both train on"
    assert "slots 2 of 2 busy, so far 100% of the time" in str(told)
    told = status(driver.die())
    assert told.utilisation == 0.5, "of one there is no sign of life"
    assert "slots 2, busy 50% of the time" in str(told)


def test_text(driver):
    driver.trial(0, [0.5, 0.6]).trial(1, [0.5], "stopped", "asha").propose(2).start(2)
    assert str(at(driver, seconds_later=6.0)).splitlines() == [
        f"run {driver.folder}: running",
        "trials 3 of 10 begun; 1 running, 1 finished, 1 stopped",
        "slots 1 of 2 busy, so far 50% of the time",
        "best val_acc 0.6000 (t00000)",
        "time 10 s, about 40 s left; 720.0 trials/h",
    ]


def test_text_before_the_first_trial(driver):
    lines = str(at(driver)).splitlines()
    slots = "slots 0 of 2 busy, so far 0% of the time"
    assert lines[1:4] == ["trials 0 of 10 begun; none yet", slots, "best none yet"]


def test_a_folder_that_is_no_run(tmp_path):
    with pytest.raises(RunError, match="is no run"):
        status(tmp_path)


@pytest.mark.parametrize(
    ("limits", "left"),
    [
        ([], None),
        ([(None, 5, 5)], None),
        ([(10, 4, 2)], 30.0),
        ([(10, 4, 0)], None),
        ([(10, 10, 0)], 0.0),
        ([(10, 12, 3)], 0.0),
        ([(10, 4, 2), (10, 9, 1)], 10.0),
        ([(10, 4, 0), (10, 9, 1)], 10.0),
    ],
)
def test_time_left_until_the_first_limit(limits, left):
    assert seconds_left(10.0, limits) == left
