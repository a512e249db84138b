import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, Dataset, TensorDataset

from nas_ray.data import Splits, data_id, load
from nas_ray.errors import ConfigError, DataError

MODULE = """
import numpy as np
from nas_ray.data import Splits, load

def arrays(rows=4, root=None):
    both = {f"x_{part}": np.ones((rows, 5)) for part in ("train", "val", "test")}
    return both | {f"y_{part}": np.arange(rows) % 2 for part in ("train", "val", "test")}

def splits(**options):
    return Splits.from_arrays(arrays(**options))

class Pairs:
    def __init__(self, rows):
        self.rows = rows
    def __len__(self):
        return self.rows
    def __getitem__(self, row):
        return np.ones(5), row % 2

def data_sets(rows=4):
    return Pairs(rows), Pairs(rows), Pairs(rows)

def broken():
    return arrays() | {"y_val": np.array([0, 1, -1, 0])}

def failing():
    raise ZeroDivisionError("mine")

ready = arrays()
number = 7
"""


@pytest.fixture(autouse=True)
def module(tmp_path, monkeypatch):
    (tmp_path / "my_own_data.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)


@pytest.mark.parametrize("name", ["arrays", "splits", "data_sets"])
def test_a_factory_may_return_any_of_three_forms(name):
    splits = load(f"my_own_data:{name}", rows=6)
    assert (len(splits.x_train), splits.input_shape, splits.outputs) == (6, (5,), 2)


def test_a_module_may_hold_the_data_themselves():
    assert load("my_own_data:ready").input_shape == (5,)


def test_every_form_is_taken_directly_too():
    import my_own_data

    forms = [
        my_own_data.arrays(),
        my_own_data.splits(),
        my_own_data.data_sets(),
        list(my_own_data.data_sets()),
    ]
    forms += [my_own_data.arrays, my_own_data.splits, my_own_data.data_sets, lambda: my_own_data.data_sets()]
    assert len({data_id(load(form)) for form in forms}) == 1


def test_splits_come_back_as_they_are():
    splits = load("digits")
    assert load(splits) is splits


def test_data_sets_of_tensors_are_taken():
    images = TensorDataset(torch.rand(6, 3, 8, 8), torch.tensor([0, 1, 2, 0, 1, 2]))
    splits = load((images, images, torch.utils.data.Subset(images, [0, 1])))
    assert (splits.input_shape, splits.outputs, len(splits.x_test)) == ((3, 8, 8), 3, 2)
    np.testing.assert_array_equal(splits.x_train, images.tensors[0].numpy())


def test_data_sets_with_floating_targets_are_regressions():
    rows = TensorDataset(torch.rand(6, 5), torch.rand(6, 2))
    assert load((rows, rows, rows)).task().to_json()["kind"] == "regression"


def test_the_root_reaches_a_factory_only_if_given(tmp_path):
    seen = {}

    def factory(**options):
        seen.update(options)
        return load("digits")

    load(factory, root=tmp_path, size=3)
    assert seen == {"root": tmp_path, "size": 3}
    seen.clear()
    load(factory)
    assert seen == {}


def test_a_root_does_not_disturb_data_that_need_none(tmp_path):
    assert isinstance(load(load("digits"), root=tmp_path), Splits)
    assert isinstance(load("digits", root=tmp_path), Splits)


class Loose(Dataset):
    """Gives what it is told to give."""

    def __init__(self, *items):
        self.items = items

    def __len__(self):
        return len(self.items)

    def __getitem__(self, index):
        return self.items[index]


GOOD = Loose((np.ones(5), 0), (np.ones(5), 1))
WRONG = {
    "None": (None, "data must be a Splits, a mapping .*, but got NoneType"),
    "a number": ("my_own_data:number", "my_own_data:number: data must be .*, but got int"),
    "two": ((GOOD, GOOD), "data must be .* but got tuple of 2"),
    "a function of nothing": (lambda: None, "but got NoneType"),
    "a loader": (
        (DataLoader(GOOD), GOOD, GOOD),
        "`train` must be a map-style data set, .* but got DataLoader",
    ),
    "empty": ((GOOD, Loose(), GOOD), "`val` must not be empty"),
    "no pairs": (
        (GOOD, GOOD, Loose(np.ones(5))),
        r"`test` must give \(input, target\) pairs, but gave ndarray",
    ),
    "triples": ((GOOD, GOOD, Loose((1, 2, 3))), r"`test` must give \(input, target\) pairs"),
    "shapes": (
        (Loose((np.ones(5), 0), (np.ones(6), 1)), GOOD, GOOD),
        r"all examples of `x_train` must have one shape, but got \(5,\) and \(6,\); resize",
    ),
    "gradients": (
        (Loose((torch.ones(5, requires_grad=True), 0), (torch.ones(5), 1)), GOOD, GOOD),
        "`x_train` must be an array of numbers, but cannot be made one: .*detach",
    ),
    "keys": ({"x_train": np.ones((4, 5))}, "are missing"),
    "labels": ("my_own_data:broken", "my_own_data:broken: labels must be"),
}


@pytest.mark.parametrize(("source", "message"), WRONG.values(), ids=WRONG.keys())
def test_anything_else_is_refused(source, message):
    with pytest.raises(DataError, match=message):
        load(source)


@pytest.mark.parametrize("name", ["my_own_data:nothing", "no_such_module_of_mine:data"])
def test_a_factory_that_is_not_there_is_named(name):
    with pytest.raises(ConfigError, match=f"'{name}' cannot be imported"):
        load(name)


def test_options_that_a_factory_does_not_take_are_told_with_those_it_takes():
    with pytest.raises(ConfigError, match=r"the factory `arrays\(rows=4, root=None\)`, but got .*'colour'"):
        load("my_own_data:arrays", colour="red")


def test_ready_data_take_no_options():
    with pytest.raises(ConfigError, match="a dict was given with rows; leave them out"):
        load("my_own_data:ready", rows=3)


def test_what_a_factory_raises_itself_is_left_alone():
    with pytest.raises(ZeroDivisionError, match="mine"):
        load("my_own_data:failing")
