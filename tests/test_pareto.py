"""Fronts and crowding against their definitions."""

import numpy as np
import pytest

from nas_ray.pareto import crowding, fronts


def dominates(one: np.ndarray, two: np.ndarray) -> bool:
    return bool((one >= two).all() and (one > two).any())


@pytest.mark.parametrize("objectives", [1, 2, 3])
def test_a_front_is_what_only_the_fronts_before_dominate(objectives: int) -> None:
    scores = np.random.default_rng(objectives).integers(0, 6, size=(60, objectives)).astype(float)
    front = fronts(scores)
    for at, score in enumerate(scores):
        above = [front[other] for other in range(60) if dominates(scores[other], score)]
        assert front[at] == max(above, default=-1) + 1


def test_nothing_has_no_front() -> None:
    assert fronts(np.empty((0, 2))).tolist() == []


def test_the_ends_of_a_front_are_never_crowded() -> None:
    scores = np.array([[0.0, 4.0], [3.0, 1.0], [1.0, 3.0], [1.2, 2.8], [4.0, 0.0]])
    distance = crowding(scores)
    assert np.isinf(distance[[0, 4]]).all()
    assert distance[2] == pytest.approx((1.2 + 1.2) / 4)
    assert distance[1] == pytest.approx((2.8 + 2.8) / 4)


def test_equal_networks_are_finite_somewhere() -> None:
    assert np.isfinite(crowding(np.ones((4, 2)))).sum() == 2
