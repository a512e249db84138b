from nas_ray.ledger import LEDGER, read
from nas_ray.ledger.run import RunRecord
from nas_ray.results import SearchResult
from nas_ray.results.calibration import calibration


def believing(driver, number, epoch, value, low, high):
    """Report a value with the interval that the rule gave."""
    told = {"val_acc": value, "predicted": (low + high) / 2, "predicted_low": low, "predicted_high": high}
    place = {"trial_id": f"t{number:05d}", "attempt": 1, "epoch": epoch}
    return driver.add("report", **place, metrics=told, seconds=0.5, decision="continue")


def test_intervals_are_held_against_the_best_value_of_the_trial(driver):
    driver.propose(0).start(0)
    believing(driver, 0, 1, 0.3, 0.2, 0.4)
    believing(driver, 0, 3, 0.55, 0.5, 0.7)
    driver.report(0, 4, 0.6).report(0, 5, 0.5).end(0)
    folder = driver.trial(1, [0.9, 0.8]).leave("done")
    run = RunRecord(read(folder / LEDGER))
    assert calibration(run) == (1, 2)
    assert (
        "predictions 50% of 2 final values inside their 90 % interval" in SearchResult.load(folder).summary()
    )


def test_trials_that_were_stopped_say_nothing(driver):
    driver.propose(0).start(0)
    believing(driver, 0, 1, 0.3, 0.2, 0.4)
    folder = driver.end(0, "stopped", "learning-curve").leave("done")
    assert calibration(RunRecord(read(folder / LEDGER))) is None
    assert "predictions" not in SearchResult.load(folder).summary()
