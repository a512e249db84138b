"""The default: Bayesian optimisation, with local search where the model cannot tell good from bad."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr

from nas_ray.strategies.bayesian import Bayesian
from nas_ray.strategies.gaussian_process import Hyperparameters, Kernel, leave_one_out
from nas_ray.strategies.records import Candidate
from nas_ray.strategies.unseen import neighbour

SMALLEST_DESIGN, LARGEST_DESIGN = 4, 10
DESIGN_SHARE = 5
"""One in this many trials of a budget is spent on the first design."""
TRUSTED = 0.2
"""Rank correlation of left-out predictions with results below which a model is doubted."""
EVIDENCE = 25
"""Observations before which a model is not doubted: by chance alone, fewer correlate badly."""
LOCAL_SHARE = 0.5
"""Share of the proposals that are neighbours of the best while the model is doubted."""


class Auto(Bayesian):
    """What nas_ray searches with if nothing else is asked for; there is nothing to set.

    It is :class:`Bayesian`, and asks at every choice of the hyperparameters whether the model can be
    trusted: each observation is predicted from the others, and the predictions are compared with the results
    by Spearman's rank correlation. Where it is below 0.2, the features say nothing of the performance (or not
    yet), and every second proposal is a neighbour of the best network instead, as in local search (White et
    al. 2020), which needs nothing but that good networks have good neighbours.

    The first design takes a fifth of the trials, at least 4 and at most 10 networks.

    Args:
        space: The search space; None takes the flat parameter space that Tune hands over.
        metric: Name of the metric; None takes the Tuner's.
        mode: ``"max"`` or ``"min"``; None takes the Tuner's.
        seed: Seed of all random choices.
        options: Options of every :class:`Strategy`.
    """

    name = "auto"

    def __init__(
        self,
        space: Any = None,
        metric: str | None = None,
        mode: str | None = None,
        seed: int | None = None,
        **options: Any,
    ) -> None:
        super().__init__(space, metric, mode, seed, initial=LARGEST_DESIGN, **options)

    def prepare(self) -> None:
        """Forget everything, and what was thought of the model."""
        self._trust: dict[int, float] = {}
        super().prepare()

    def propose(self, rng: np.random.Generator) -> Candidate | None:
        """Return what the model chooses, or a neighbour of the best where it is doubted."""
        if not self._designing and self._doubted() and rng.random() < LOCAL_SHARE:
            found = neighbour(self._space, self.memory, rng, self.task)
            if found is not None and self.memory.best is not None:
                return Candidate(found, parents=(self.memory.best.number,), note={"source": "local"})
        return super().propose(rng)

    @property
    def _first_design(self) -> int:
        trials = self.max_trials or LARGEST_DESIGN * DESIGN_SHARE
        return min(LARGEST_DESIGN, max(SMALLEST_DESIGN, trials // DESIGN_SHARE))

    def _doubted(self) -> bool:
        due, rows, scores, noise, _ = self._sample
        if due < EVIDENCE or noise is not None:  # noise says by itself how far results can be trusted
            return False
        if due not in self._trust:
            x = self._inputs(rows)
            self._trust[due] = _trust(self._covariance(), self._settings()[0][1], x, scores)
        return self._trust[due] < TRUSTED


def _trust(kernel: Kernel, setting: Hyperparameters, x: NDArray[np.float64], z: NDArray[np.float64]) -> float:
    """Return the rank correlation of left-out predictions with results; 1 where nothing can be compared."""
    predicted = leave_one_out(kernel, setting, x, z)
    if np.ptp(predicted) == 0 or np.ptp(z) == 0:
        return 1.0
    return float(spearmanr(predicted, z).statistic)
