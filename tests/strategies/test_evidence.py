"""What partial results count for in a model of architectures."""

import numpy as np
import pytest
from ray import tune

from nas_ray.spaces import CustomSpace
from nas_ray.stopping.curve_model import CurveModel
from nas_ray.strategies import load_strategy
from nas_ray.strategies.evidence import HIGHEST, LOWEST, evidence
from nas_ray.strategies.forecast import Forecast
from nas_ray.strategies.records import Observation


def test_a_complete_result_is_exact_and_a_partial_one_has_the_noise_that_makes_it_the_prediction():
    mean, deviation = np.array([0.0, 0.2, 0.4, 0.6, 0.8, 0.8]), np.array([0.0, 0.0, 0.0, 0.0, 0.0, 0.1])
    values, noise, _ = evidence(mean, deviation)
    assert values.mean() == pytest.approx(0)
    assert (noise[:-1] == 0).all()
    prior_mean, prior = values[2] + (0.5 - 0.4) / 0.2 * (values[3] - values[2]), 1.0  # the median, 0.5
    scale = 0.2 / (values[3] - values[2])
    posterior = (values[-1] * prior + prior_mean * noise[-1]) / (prior + noise[-1])
    assert posterior == pytest.approx(values[-2]), "with what is known of any network it is the prediction"
    assert prior * noise[-1] / (prior + noise[-1]) == pytest.approx((0.1 / scale) ** 2)


def test_a_curve_that_tells_nothing_weighs_next_to_nothing():
    rng = np.random.default_rng(0)
    mean, deviation = rng.normal(size=40), np.zeros(40)
    mean[20:], deviation[20:] = 0.3, 1.0
    _, noise, told = evidence(mean, deviation)
    assert (noise[20:] > 1).all()
    assert 20 < told < 30, "twenty complete results, and a little more"


def test_how_bad_a_failure_is_does_not_matter():
    mean, deviation = np.array([-np.inf, -100.0, 0.1, 0.2, 0.3, 0.4, 50.0]), np.zeros(7)
    values, *_ = evidence(mean, deviation)
    assert values[0] == values[1] == values.min()
    assert np.ptp(values) <= HIGHEST - LOWEST
    assert np.isfinite(values).all()


def test_equal_scores_make_no_evidence_of_difference():
    values, noise, _ = evidence(np.full(5, 0.7), np.zeros(5))
    assert (values == 0).all()
    assert (noise == 0).all()


def observed(number, *curve, complete=False):
    curve = tuple(curve)
    outcome = "finished" if complete else "stopped"
    return Observation(
        number, {}, outcome, "", score=curve[-1][1], fidelity=curve[-1][0], complete=complete, curve=curve
    )


def test_a_forecast_says_how_sure_it_is_from_the_second_trial_on():
    forecast = Forecast()
    assert forecast.expectations(9) == {}
    for number in range(12):
        score = number / 20
        full = ((1, score), (3, score + 0.1), (9, score + 0.2))
        forecast.learn(observed(number, *full[: 1 + number % 3], complete=number % 3 == 2))
    told = forecast.expectations(9)
    assert set(told) == set(range(12))
    assert told[11] == (pytest.approx(0.75), 0.0)
    assert told[9][1] > told[10][1] > 0, "the longer curve says more"


def test_deviations_of_many_curves_are_those_of_each():
    rng = np.random.default_rng(1)
    scores = np.cumsum(rng.normal(size=(30, 4)), axis=1)
    model = CurveModel(scores, np.full(30, 4))
    together = model.foresee(scores, 1)[1]
    assert together == pytest.approx([float(model.foresee(row[None], 1)[1][0]) for row in scores])
    assert np.std(together) > 0, "far from the others one knows less"


@pytest.mark.parametrize("name", ["bayesian", "auto"])
@pytest.mark.parametrize("full", [9, None])
@pytest.mark.parametrize("cut", [1, 9])
def test_no_model_chooses_before_the_results_tell_enough(name, cut, full):
    """Where nobody has seen an end, sixty first epochs tell less of it than ten whole trainings do."""
    space = CustomSpace({"x": tune.randint(0, 10_000_000)}, name="line")
    strategy = load_strategy(name, space=space, metric="acc", mode="max", seed=0, max_fidelity=full)
    rng = np.random.default_rng(0)
    for number in range(60):
        config = strategy.suggest(str(number))
        for epoch, of_quality in ((1, 0.0), (3, 0.0), (9, 1.0)):
            if epoch <= cut:
                score = 0.5 + of_quality * config["x"] / 1e8 + 0.01 * rng.normal() * (epoch < 9)
                report = {"acc": score, "epoch": epoch, "max_epochs": 9}
                strategy.on_trial_result(str(number), report)
        strategy.on_trial_complete(str(number), report)
    assert strategy._designing == (cut == 1)
    proposed = [strategy.suggest(f"late-{number}")["x"] for number in range(10)]
    assert (min(proposed) > 5_000_000) == (cut == 9), "all near the best where the results tell"


@pytest.mark.parametrize("name", ["bayesian", "auto"])
def test_more_workers_than_the_first_design_has_networks_spread_too(name):
    """Where nothing is cut short each is the farthest of many, not the next best random one."""
    space = CustomSpace({"x": tune.randint(0, 1_000_000)}, name="line")
    strategy = load_strategy(name, space=space, metric="acc", mode="max", seed=0)
    xs = np.sort([strategy.suggest(str(number))["x"] for number in range(20)])
    assert np.diff(xs).min() > 1_000_000 / 20 / 4


@pytest.mark.parametrize("name", ["bayesian", "auto"])
def test_a_result_that_is_known_by_its_end_alone_is_no_failure(name):
    """Given by its final score, beside trials of which some were cut short after their first epoch."""
    space = CustomSpace({"x": tune.randint(0, 1000)}, name="line")
    strategy = load_strategy(name, space=space, metric="acc", mode="max", seed=0, max_fidelity=9)
    for x in range(700, 800, 10):
        strategy.add_evaluated_point({"x": x}, 0.9 + (x - 700) / 2000)
    for number in range(30):  # the first ones of which a curve is known are cut short
        config = strategy.suggest(str(number))
        final = 0.3 + 0.4 * config["x"] / 1000 * (config["x"] < 600)
        reports = [{"acc": final * part, "epoch": epoch} for epoch, part in ((1, 0.5), (3, 0.8), (9, 1.0))]
        for report in reports[: 1 + number % 3]:
            strategy.on_trial_result(str(number), report)
        strategy.on_trial_complete(str(number), reports[number % 3])
        assert np.isfinite(strategy._sample.scores).all()
    proposed = [strategy.suggest(f"late-{number}")["x"] for number in range(10)]
    assert np.median(proposed) > 600, "near what is known to be best"
