"""What results say of the final scores of networks, where some trainings were cut short."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

MEDIAN, HIGH, NORMAL_HIGH = 0.5, 0.9, 1.28
"""Quantiles that the scale is taken from, and the second one of a standard normal distribution."""
LOWEST, HIGHEST = -0.5, 4.0
"""Range of values, in standard deviations of the better half from the median: what tells failures from the
rest does not tell the best from the good."""
KNOWN_LOW = 0.05
"""Variance of the noise of what is expected to lie below."""
MOST = 0.98
"""Largest share of the variance of final scores that a curve leaves open; at one it would say nothing."""


class Evidence(NamedTuple):
    """Values of networks, each with its own noise.

    Args:
        values: (n,), with mean 0, in standard deviations of the final scores.
        noise: (n,) variances in the same unit; 0 of complete results.
        told: How many complete results they amount to: the sum of the shares that curves do not leave open;
            failures count as one each.
    """

    values: Array
    noise: Array
    told: float


def evidence(mean: Array, deviation: Array) -> Evidence:
    """Return what the expected final scores amount to as measurements.

    A curve lets one expect a final score N(m, s²); without it one would expect N(c, t²), as of any network.
    What the curve itself adds is a measurement y with noise of variance v, which turns the one into the
    other, and which a Gaussian process over architectures may combine with what it knows of others::

        1/v = 1/s² − 1/t²,    y/v = m/s² − c/t²

    How bad a bad network is does not matter: c is the median, and what lies far below counts as known to.

    Args:
        mean: (n,) expected final scores, larger is better; −inf of failures.
        deviation: (n,) their standard deviations, 0 of complete results and failures.
    """
    scored = np.isfinite(mean)
    centre, high = np.quantile(mean[scored], (MEDIAN, HIGH))
    doubt = np.median(deviation[scored] ** 2)
    scale = max(float(np.hypot((high - centre) / NORMAL_HIGH, np.sqrt(doubt))), 1e-9)
    expected = np.where(scored, (mean - centre) / scale, -np.inf)
    left = np.minimum((deviation / scale) ** 2, MOST)
    noise = left / (1 - left)
    low = expected <= LOWEST
    values = np.clip(np.where(scored, expected, LOWEST) / (1 - left), LOWEST, HIGHEST)
    noise = np.where(low & (left > 0), KNOWN_LOW, noise)
    return Evidence(values - values.mean(), noise, float((1 - left).sum()))
