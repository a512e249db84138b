import itertools
import math

import numpy as np
import pytest

from nas_ray.errors import ConfigError
from nas_ray.stopping.asha import ASHA
from nas_ray.testing.stopping import run, stream


def test_the_trace_in_the_docstring():
    rule = ASHA()
    goes_on = [rule.decide(str(i), 1, score) for i, score in enumerate([0.5, 0.6, 0.4, 0.7])]
    assert goes_on == [True, True, False, True]


@pytest.mark.parametrize(
    ("grace", "factor", "rungs"),
    [
        (1, 3, [1, 3, 9, 27, 81, 243, 729, 2187]),
        (1, 2, [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024]),
        (1, 4, [1, 4, 16, 64, 256, 1024]),
        (1, 10, [1, 10, 100, 1000]),
        (4, 3, [4, 12, 36, 108, 324]),
        (5, 2.5, [5, 12.5, 31.25, 78.125]),
        (1, 1.5, [1.5**k for k in range(20)]),
    ],
)
def test_rungs_are_the_grace_period_times_powers_of_the_factor(grace, factor, rungs):
    rule = ASHA(grace_period=grace, reduction_factor=factor)
    assert [rule.ladder.reached(epochs) for epochs in rungs] == list(range(1, len(rungs) + 1))
    assert [rule.ladder.reached(epochs * 0.999) for epochs in rungs] == list(range(len(rungs)))
    assert rule.ladder.reached(0) == 0


def test_nothing_is_stopped_before_the_grace_period_or_between_rungs():
    rule = ASHA(grace_period=4, reduction_factor=2)
    for epoch in range(1, 8):
        assert rule.decide("good", epoch, 0.9)
        assert rule.decide("bad", epoch, 0.1) == (epoch != 4)
    assert rule.rungs == {0: {"good": 0.9, "bad": 0.1}}


def test_a_score_of_later_epochs_is_not_compared_with_earlier_ones():
    rule = ASHA()
    rule.decide("quick", 1, 0.5)
    assert rule.decide("seldom", 9, 0.9), "the only one that came so far"
    assert rule.rungs == {0: {"quick": 0.5}, 2: {"seldom": 0.9}}


@pytest.mark.parametrize("factor", [2, 3, 4, 1.1])
def test_a_trial_goes_on_if_and_only_if_it_is_among_the_best_at_the_time(factor):
    rule, seen = ASHA(reduction_factor=factor), []
    for i, score in enumerate(np.random.default_rng(0).permutation(200)):
        seen.append(score)
        rank = sorted(seen, reverse=True).index(score)
        places = max(1, math.floor(round(len(seen) / factor, 6)))
        assert rule.decide(str(i), 1, float(score)) == (rank < places)


@pytest.mark.parametrize("factor", [2, 3, 4])
def test_survivors_over_all_orders_of_arrival(factor):
    # The rank of the i-th to arrive is uniform over 1...i, so it goes on with probability places(i) / i.
    orders = list(itertools.permutations(range(7)))
    survivors = 0
    for order in orders:
        rule = ASHA(reduction_factor=factor)
        survivors += sum(rule.decide(str(i), 1, score) for i, score in enumerate(order))
    expected = sum(max(1, n // factor) / n for n in range(1, 8))
    assert survivors / len(orders) == pytest.approx(expected)


@pytest.mark.parametrize("factor", [2, 3, 4])
def test_each_rung_keeps_about_one_in_eta(factor):
    rule, rng = ASHA(reduction_factor=factor), np.random.default_rng(1)
    trials = [str(i) for i in range(900)]
    for rung in range(3):
        before, scores = len(trials), rng.permutation(len(trials))
        trials = [t for t, s in zip(trials, scores, strict=True) if rule.decide(t, factor**rung, float(s))]
        # Four standard deviations of a sum of independent coin tosses, and what the rounding of places
        # costs: one lost in `factor` at most, 1 / n each, so about ln(n).
        margin = 4 * math.sqrt(before / factor) + math.log(before)
        assert abs(len(trials) - before / factor) < margin
        assert len(rule.rungs[rung]) == before


def test_equal_scores_go_on_together():
    rule = ASHA()
    assert all(rule.decide(str(i), 1, 0.9) for i in range(10))
    assert not rule.decide("worse", 1, 0.8)


def test_it_spends_a_fraction_of_the_epochs_and_keeps_the_best():
    told = stream(seed=5, trials=81, epochs=27)
    reached = run(ASHA(metric="acc", mode="max"), told)
    best = max((value, trial) for trial, epoch, value in told if epoch == 27)[1]
    assert reached[best] == 27
    assert sum(reached.values()) < 0.35 * 81 * 27


@pytest.mark.parametrize("grace", [0, 0.5, -1, math.nan, "3", None])
def test_an_impossible_grace_period_is_refused(grace):
    with pytest.raises(ConfigError, match=r"`stopping.grace_period` must be at least 1"):
        ASHA(grace_period=grace)


@pytest.mark.parametrize("factor", [1, 0, -3, math.nan, "3"])
def test_an_impossible_factor_is_refused(factor):
    with pytest.raises(ConfigError, match=r"`stopping.reduction_factor` must be above 1"):
        ASHA(reduction_factor=factor)
