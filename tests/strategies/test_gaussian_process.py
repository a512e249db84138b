"""The Gaussian process of ``bayesian``: what it says of candidates while other networks are in training."""

import numpy as np
import pytest

from nas_ray.strategies.gaussian_process import Hyperparameters, Kernel, Posterior

CHOSEN = Hyperparameters((1.0,), 0.7, 0.05)


def posterior(added: np.ndarray, candidates: np.ndarray, at_once: int) -> Posterior:
    kernel = Kernel([added.shape[1]], np.random.default_rng(9).normal(size=(200, added.shape[1])))
    made = Posterior(kernel, CHOSEN, added[:at_once])
    made.watch(candidates)
    for each in added[at_once:]:
        made.add(each)
    return made


@pytest.mark.parametrize("at_once", [1, 12, 20])
@pytest.mark.parametrize("training", [(), (19,), (0, 7, 8, 13, 19)])
def test_networks_in_training_take_uncertainty_and_leave_the_mean(at_once, training):
    """As if they had the values that the others predict, whenever they were added; to single precision."""
    rng = np.random.default_rng(0)
    added, candidates, z = rng.normal(size=(20, 3)), rng.normal(size=(50, 3)), rng.normal(size=20)
    known = np.setdiff1d(np.arange(20), training)
    z[list(training)] = np.nan
    mean, spread, best = posterior(added, candidates, at_once).predict(z)
    without, wider, best_without = posterior(added[known], candidates, 1).predict(z[known])
    np.testing.assert_allclose(mean, without, atol=2e-4)
    assert best == pytest.approx(best_without, abs=2e-4)
    assert (spread <= wider * (1 + 1e-4)).all()
    assert (spread < 0.999 * wider).any() == bool(training)
