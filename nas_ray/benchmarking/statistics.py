"""Which strategy is better, and is it chance?"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata, wilcoxon

if TYPE_CHECKING:
    import pandas as pd

LEVEL = 0.05
"""Probability, over all comparisons of a benchmark, of at least one difference that is only chance."""

Numbers = NDArray[np.float64]


class Comparison(NamedTuple):
    """One pair of strategies on one table, at one budget and number of workers.

    Args:
        table: Name.
        workers: Virtual workers.
        at: The budget that was spent.
        better: The strategy whose results are better, by the sum of signed ranks.
        worse: The other one.
        p: Of Wilcoxon's signed-rank test, two-sided, paired by seed.
        adjusted: p after Holm's correction over all comparisons.
    """

    table: str
    workers: int
    at: float
    better: str
    worse: str
    p: float
    adjusted: float

    @property
    def significant(self) -> bool:
        """Whether the difference is significant at :data:`LEVEL`."""
        return self.adjusted < LEVEL


def paired_p(differences: Numbers) -> float:
    """Return the two-sided p-value of Wilcoxon's signed-rank test; 1 where nothing differs.

    Args:
        differences: Of paired results, (n_seeds,); pairs that lack a result are NaN, and left out.

    Example:
        >>> round(paired_p(np.arange(1.0, 8.0)), 4)
        0.0156
    """
    found = differences[np.isfinite(differences)]
    if not found.any():
        return 1.0
    return float(wilcoxon(found).pvalue)


def holm(p_values: list[float]) -> list[float]:
    """Return p-values adjusted by Holm's step-down correction (Holm 1979).

    Example:
        >>> holm([0.01, 0.04, 0.03])
        [0.03, 0.06, 0.06]
    """
    adjusted, largest = [0.0] * len(p_values), 0.0
    for place, at in enumerate(np.argsort(p_values, kind="stable")):
        largest = max(largest, min(1.0, (len(p_values) - place) * p_values[at]))
        adjusted[at] = largest
    return adjusted


def compare(values: pd.DataFrame) -> list[Comparison]:
    """Compare every two strategies.

    Args:
        values: Columns table, workers, at, strategy, seed and score (larger is better).
    """
    found = []
    for _, group in values.groupby(["table", "workers", "at"], sort=False):
        table, workers, at = group[["table", "workers", "at"]].iloc[0]
        scores = group.pivot_table(index="seed", columns="strategy", values="score", sort=False)
        for one, two in itertools.combinations(scores.columns, 2):
            differences = (scores[one] - scores[two]).to_numpy(dtype=np.float64)
            better, worse = (one, two) if _signed_ranks(differences) >= 0 else (two, one)
            found.append(Comparison(table, workers, at, better, worse, paired_p(differences), 1.0))
    adjusted = holm([each.p for each in found])
    return [each._replace(adjusted=p) for each, p in zip(found, adjusted, strict=True)]


def _signed_ranks(differences: Numbers) -> float:
    found = differences[np.isfinite(differences)]
    return float((np.sign(found) * rankdata(np.abs(found))).sum())
