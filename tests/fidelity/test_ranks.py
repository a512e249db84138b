"""Rank correlations are SciPy's, also for many resamples at once, and intervals hold the truth."""

import numpy as np
import pytest
from scipy import stats

from nas_ray.fidelity.ranks import agreement, kendall, spearman


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [(spearman, stats.spearmanr), (kendall, stats.kendalltau)],
    ids=["spearman", "kendall"],
)
def test_they_equal_scipys_with_ties_and_in_batches(ours, theirs):
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 6, (2, 5, 12)).astype(float)
    expected = [theirs(*pair).statistic for pair in zip(x, y, strict=True)]
    assert ours(x, y) == pytest.approx(expected, abs=1e-12)
    assert ours(np.ones(4), np.arange(4.0)) == 0


def test_one_training_is_compared_with_the_full_trainings_of_other_seeds():
    quality = np.arange(8.0)[:, None]
    luck = np.random.default_rng(0).normal(scale=20, size=(8, 2))
    noisy = quality + luck
    between = np.mean([spearman(noisy[:, 0], noisy[:, 1]), spearman(noisy[:, 1], noisy[:, 0])])
    assert agreement(noisy, noisy, spearman, 0).value == pytest.approx(between)
    assert agreement(noisy[:, :1], noisy[:, :1], spearman, 0) == (1.0, 1.0, 1.0)


def test_intervals_hold_the_correlation_of_the_population():
    """The 95 % interval of 40 networks holds it in at least 51 of 60 samples (binomial: p > 0.99)."""
    rng = np.random.default_rng(1)
    truth = 6 / np.pi * np.arcsin(0.7 / 2)  # Spearman's of a bivariate normal with Pearson's 0.7
    held = 0
    for seed in range(60):
        x, y = rng.multivariate_normal([0, 0], [[1, 0.7], [0.7, 1]], 40).T
        _, low, high = agreement(x[:, None], y[:, None], spearman, seed)
        held += low <= truth <= high
    assert held >= 51
