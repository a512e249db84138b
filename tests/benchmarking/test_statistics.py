"""Comparisons against known answers."""

import numpy as np
import pandas as pd
import pytest

from nas_ray.benchmarking.statistics import compare, holm, paired_p
from nas_ray.benchmarking.summary import towards_worse


def values(**scores: list[float]) -> pd.DataFrame:
    return pd.DataFrame(
        {"table": "t", "workers": 1, "at": 10.0, "strategy": name, "seed": seed, "score": score}
        for name, column in scores.items()
        for seed, score in enumerate(column)
    )


def test_a_clear_difference_is_significant_and_has_its_direction() -> None:
    rng = np.random.default_rng(0)
    low = rng.normal(size=30)
    (only,) = compare(values(worse=list(low), better=list(low + 1 + rng.normal(scale=0.1, size=30))))
    assert (only.better, only.worse) == ("better", "worse")
    assert only.significant
    assert only.p == pytest.approx(2 / 2**30, rel=1e-3)


def test_equal_results_are_not_significant() -> None:
    (only,) = compare(values(one=[1.0] * 10, two=[1.0] * 10))
    assert only.p == only.adjusted == 1
    assert not only.significant


def test_chance_is_rarely_called_significant() -> None:
    """At level 0.05 over all pairs; 200 benchmarks of 3 equal strategies, binomial bound at 1e-4."""
    rng = np.random.default_rng(1)
    wrong = 0
    for _ in range(200):
        scores = {name: list(rng.normal(size=20)) for name in "abc"}
        wrong += any(each.significant for each in compare(values(**scores)))
    assert wrong <= 23


def test_pairs_without_a_result_are_left_out() -> None:
    differences = np.array([1.0, 2.0, 3.0, np.nan, 4.0, 5.0, 6.0, 7.0])
    assert paired_p(differences) == pytest.approx(2 / 2**7)


def test_holm_is_that_of_the_literature() -> None:
    """Aickin and Gensler, American Journal of Public Health 1996: step down, never decreasing."""
    assert holm([0.01, 0.02, 0.03, 0.04]) == pytest.approx([0.04, 0.06, 0.06, 0.06])
    assert holm([0.6, 0.5]) == [1.0, 1.0]
    assert holm([]) == []


@pytest.mark.parametrize(
    ("value", "mode", "text"),
    [
        (84.8919, "max", "84.891"),
        (84.891, "max", "84.891"),
        (84.8901, "min", "84.891"),
        (0.3, "max", "0.300"),
        (-0.0005, "max", "-0.001"),
        (float("nan"), "max", "-"),
    ],
)
def test_no_value_is_printed_better_than_it_is(value: float, mode: str, text: str) -> None:
    assert towards_worse(value, mode, 3) == text
