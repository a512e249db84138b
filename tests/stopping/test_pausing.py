"""Pausing rules in Tune: no slot is held by a paused trial, and none is left without an end."""

from types import SimpleNamespace

import pytest
from ray import tune
from ray.tune.experiment import Trial

from nas_ray.spaces import CustomSpace
from nas_ray.stopping import load_rule
from nas_ray.strategies.random import RandomSearch
from nas_ray.testing.stopping import Curves

pytestmark = pytest.mark.usefixtures("local_ray")
TRIALS, SLOTS, EPOCHS = 100, 2, 9


class Quick(Curves):
    """Without waiting for a second actor."""

    def setup(self, config):
        self.number = config["number"]


def tuner(rule, tmp_path, monkeypatch, **config):
    monkeypatch.setenv("TUNE_DISABLE_AUTO_CALLBACK_LOGGERS", "1")
    return tune.Tuner(
        tune.with_resources(Quick, {"CPU": 1}),
        param_space={"number": tune.choice(range(1000))} if "search_alg" not in config else None,
        tune_config=tune.TuneConfig(
            metric="acc", mode="max", scheduler=rule, reuse_actors=True, num_samples=TRIALS, **config
        ),
        run_config=tune.RunConfig(
            storage_path=str(tmp_path),
            verbose=0,
            checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
        ),
    )


@pytest.mark.parametrize(
    ("name", "limit"),
    [
        ("asha-promote", None),
        ("learning-curve", SLOTS),
        pytest.param("asha-promote", SLOTS, marks=pytest.mark.benchmark),
        pytest.param("learning-curve", None, marks=pytest.mark.benchmark),
    ],
)
def test_a_hundred_trials_come_to_an_end_on_two_slots(name, limit, tmp_path, monkeypatch):
    """Tune's own random search; its limit counts paused trials, so that some are given up for new ones."""
    options = {"max_epochs": EPOCHS} if name == "learning-curve" else {}
    limits = {} if limit is None else {"max_concurrent_trials": limit}
    results = tuner(load_rule(name, **options), tmp_path, monkeypatch, **limits).fit()
    assert not results.errors
    epochs = [result.metrics["training_iteration"] for result in results]
    assert len(epochs) == TRIALS
    assert EPOCHS in epochs
    assert sum(epochs) < 0.7 * TRIALS * EPOCHS


def test_our_strategy_keeps_all_slots_busy_and_hears_of_every_end(tmp_path, monkeypatch):
    space = CustomSpace({"number": tune.randint(0, 1000)}, name="numbers")
    strategy = RandomSearch(space, seed=0, max_fidelity=EPOCHS)
    rule = load_rule("asha-promote")
    results = tuner(rule, tmp_path, monkeypatch, search_alg=strategy, max_concurrent_trials=SLOTS).fit()
    assert not results.errors
    assert len(results) == TRIALS


@pytest.mark.parametrize("name", ["asha-promote", "learning-curve"])
def test_trials_that_a_restored_tuner_knows_to_have_ended_keep_nothing_from_its_end(name):
    """Tune adds all trials to the scheduler again; then one is paused, and none is left to run."""
    options = {"max_epochs": EPOCHS} if name == "learning-curve" else {}
    rule = load_rule(name, metric="acc", mode="max", **options)
    stopped = []
    controller = SimpleNamespace(stop_trial=stopped.append)
    for number in range(4):
        rule.on_trial_add(controller, trial(f"ended-{number}", Trial.TERMINATED))
    new = [trial(f"new-{number}", Trial.PAUSED) for number in range(4)]
    for number, each in enumerate(new):
        rule.on_trial_add(controller, each)
        rule.on_trial_result(controller, each, {"acc": 0.9 - number / 10, "epoch": 1})
    for each in new:
        if each.custom_trial_name not in rule.waiting:  # a scout, or promoted
            rule.on_trial_complete(controller, each, {"acc": 0.9, "epoch": 9})
    for _ in range(2):
        while (due := rule.choose_trial_to_run(controller)) is not None:
            rule.on_trial_complete(controller, due, {"acc": 0.9, "epoch": 9})
    assert {each.custom_trial_name for each in stopped} == set(rule.given_up()) != set()


def trial(name, status):
    return SimpleNamespace(
        trial_id=name,
        custom_trial_name=name,
        status=status,
        is_saving=False,
        is_finished=lambda: status == Trial.TERMINATED,
    )
