import pytest
from ray import tune

from nas_ray.stopping import StoppingRule, load_rule
from nas_ray.stopping.asha import ASHA
from nas_ray.testing.stopping import StoppingConformance

pytestmark = pytest.mark.usefixtures("local_ray")


class TestNone(StoppingConformance):
    def make(self, **properties) -> StoppingRule:
        return load_rule("none", **properties)


class TestASHA(StoppingConformance):
    def make(self, **properties) -> StoppingRule:
        return load_rule("asha", **properties)


class TestSlowASHA(StoppingConformance):
    """Other rungs than epoch 1, 3, 9."""

    def make(self, **properties) -> StoppingRule:
        return load_rule("asha", grace_period=2, reduction_factor=2, **properties)

    test_it_works_in_a_tuner_of_ones_own = None  # once is enough for a rule


class TestASHAPromote(StoppingConformance):
    def make(self, **properties) -> StoppingRule:
        return load_rule("asha-promote", **properties)


class TestHyperband(StoppingConformance):
    def make(self, **properties) -> StoppingRule:
        return load_rule("hyperband", **properties)


class TestMedian(StoppingConformance):
    def make(self, **properties) -> StoppingRule:
        return load_rule("median", **properties)


class TestLearningCurve(StoppingConformance):
    def make(self, **properties) -> StoppingRule:
        return load_rule("learning-curve", max_epochs=9, **properties)


class TestLearningCurveThatStops(StoppingConformance):
    def make(self, **properties) -> StoppingRule:
        return load_rule("learning-curve", max_epochs=9, allocate=False, **properties)


def train(config):
    for epoch in range(1, 10):
        tune.report({"loss": config["level"] / epoch})


def test_a_function_that_knows_nothing_of_nas_ray_is_stopped_by_tunes_own_iterations(tmp_path, monkeypatch):
    monkeypatch.setenv("TUNE_DISABLE_AUTO_CALLBACK_LOGGERS", "1")
    rule = ASHA(metric="loss", mode="min", reduction_factor=2)
    tuner = tune.Tuner(
        train,
        param_space={"level": tune.grid_search([1, 2, 3, 4])},
        tune_config=tune.TuneConfig(scheduler=rule, max_concurrent_trials=2, reuse_actors=True),
        run_config=tune.RunConfig(storage_path=str(tmp_path), verbose=0),
    )
    results = tuner.fit()
    epochs = {end.config["level"]: end.metrics["training_iteration"] for end in results}
    assert not results.errors
    assert epochs[1] == 9
    assert epochs[4] < 9
