import numpy as np
import pytest

from nas_ray.data.stratify import stratified
from nas_ray.errors import DataError

LABELS = np.repeat([0, 1, 2], [100, 50, 10])


def test_the_parts_are_disjoint_and_complete():
    parts = stratified(LABELS, (0.15, 0.15))
    assert sorted(np.concatenate(parts)) == list(range(160))


def test_every_part_keeps_the_shares_of_the_classes():
    counts = [np.bincount(LABELS[part]).tolist() for part in stratified(LABELS, (0.2, 0.2))]
    assert counts == [[60, 30, 6], [20, 10, 2], [20, 10, 2]]


def test_a_rare_class_is_in_every_part():
    parts = stratified([0] * 50 + [1] * 3, (0.15, 0.15))
    assert all(len(set(np.array([0] * 50 + [1] * 3)[part])) == 2 for part in parts)


def test_too_rare_a_class_is_an_error_that_names_it():
    with pytest.raises(
        DataError, match="each of the 3 parts, but class 'owl' has only 2 in all; add examples"
    ):
        stratified([0] * 50 + [1] * 2, (0.15, 0.15), ["cat", "owl"])


def test_the_cut_is_the_same_for_ever_and_leaves_the_global_generator_alone():
    before = np.random.get_state()[1].tolist()  # noqa: NPY002 - the state that must not change
    train, val = stratified([0, 1] * 10, [0.2])
    assert val.tolist() == [4, 5, 10, 19]
    assert len(train) == 16
    assert np.random.get_state()[1].tolist() == before  # noqa: NPY002
