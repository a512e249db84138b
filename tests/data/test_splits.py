import pickle

import numpy as np
import pytest

from nas_ray.data import Splits, data_id
from nas_ray.errors import DataError
from nas_ray.tasks import Objective

SIZES = {"train": 6, "val": 4, "test": 2}


def tables(**changes):
    arrays = {f"x_{part}": np.full((n, 5), 0.5, dtype=np.float64) for part, n in SIZES.items()}
    arrays |= {f"y_{part}": np.arange(n) % 2 for part, n in SIZES.items()}
    return arrays | changes


def images(*shape, dtype=np.uint8, **changes):
    return tables(**{f"x_{part}": np.ones((n, *shape), dtype) for part, n in SIZES.items()}) | changes


def regressions(*shape, **changes):
    return tables(**{f"y_{part}": np.ones((n, *shape), np.float64) for part, n in SIZES.items()}) | changes


@pytest.mark.parametrize(
    ("shape", "stored"),
    [
        ((8, 9), (1, 8, 9)),
        ((8, 9, 1), (1, 8, 9)),
        ((8, 9, 3), (3, 8, 9)),
        ((3, 8, 9), (3, 8, 9)),
        ((8, 9, 4), (4, 8, 9)),
        ((4, 8, 9), (4, 8, 9)),
        ((3, 4, 8), (3, 4, 8)),
    ],
)
def test_images_of_every_usual_layout_are_stored_with_channels_first(shape, stored):
    splits = Splits.from_arrays(images(*shape))
    assert splits.input_shape == stored
    assert [len(splits.x_train), len(splits.x_val), len(splits.x_test)] == [6, 4, 2]


def test_moving_the_channels_keeps_every_pixel():
    pixels = np.arange(6 * 8 * 9 * 3).reshape(6, 8, 9, 3) % 256
    splits = Splits.from_arrays(images(8, 9, 3, x_train=pixels.astype(np.uint8)))
    assert splits.x_train[5, 2, 7, 1] == pixels[5, 7, 1, 2]
    assert splits.x_train.flags.c_contiguous


@pytest.mark.parametrize(
    ("dtype", "stored"),
    [
        (np.uint8, np.uint8),
        (np.int64, np.uint8),
        (bool, np.uint8),
        (np.float64, np.float32),
        (np.float16, np.float32),
    ],
)
def test_images_are_bytes_or_floats(dtype, stored):
    assert Splits.from_arrays(images(8, 8, dtype=dtype)).x_val.dtype == stored


@pytest.mark.parametrize("value", [-1, 256])
def test_whole_numbers_beyond_a_byte_in_one_part_make_all_parts_floats(value):
    splits = Splits.from_arrays(images(8, 8, dtype=np.int64, x_test=np.full((2, 8, 8), value)))
    assert {splits.x_train.dtype, splits.x_test.dtype} == {np.dtype(np.float32)}
    assert splits.x_test.min() == value


@pytest.mark.parametrize("dtype", [np.float64, np.int32, bool, np.uint8])
def test_tables_are_floats(dtype):
    splits = Splits.from_arrays(tables(x_train=np.ones((6, 5), dtype)))
    assert splits.x_train.dtype == np.float32
    assert splits.input_shape == (5,)


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, bool])
@pytest.mark.parametrize("column", [False, True])
def test_labels_are_int64_in_one_axis(dtype, column):
    labels = {
        key: y.astype(dtype).reshape(-1, 1) if column else y.astype(dtype) for key, y in tables().items()
    }
    splits = Splits.from_arrays(tables(**{key: y for key, y in labels.items() if key.startswith("y")}))
    assert (splits.kind, splits.y_val.dtype, splits.y_val.shape) == ("classification", np.int64, (4,))


@pytest.mark.parametrize(("shape", "outputs"), [((), 1), ((1,), 1), ((3,), 3)])
def test_floating_targets_make_a_regression(shape, outputs):
    splits = Splits.from_arrays(regressions(*shape))
    assert (splits.kind, splits.outputs) == ("regression", outputs)
    assert (splits.y_val.dtype, splits.y_val.shape) == (np.float32, (4, outputs))
    assert splits.task().objectives == (Objective("val_loss", "min"),)


def test_the_task_has_the_shapes_and_objectives():
    task = Splits.from_arrays(images(8, 9)).task([Objective("val_loss", "min")])
    assert (task.kind, task.input_shape, task.outputs) == ("classification", (1, 8, 9), 2)
    assert task.objectives == (Objective("val_loss", "min"),)


@pytest.mark.parametrize(
    ("labels", "missing"), [([0, 1, 7], "2"), ([1, 2, 3], "0"), ([0, 10**9, 10**15], "1, 2")]
)
def test_labels_with_gaps_are_refused_with_a_way_to_number_them(labels, missing):
    gaps = {f"y_{part}": np.resize(labels, n) for part, n in SIZES.items()}
    with pytest.raises(DataError, match=rf"`y_train` must be numbered from 0 to 2.*\(missing: {missing}\)"):
        Splits.from_arrays(tables(**gaps))
    renumbered = {name: np.searchsorted(np.unique(gaps["y_train"]), each) for name, each in gaps.items()}
    assert Splits.from_arrays(tables(**renumbered)).outputs == 3


def test_lists_and_class_names_are_taken():
    arrays = {key: values.tolist() for key, values in tables().items()}
    assert Splits.from_arrays(arrays | {"class_names": np.array(["no", "yes"])}).class_names == ("no", "yes")


def test_other_keys_are_not_read():
    assert Splits.from_arrays(tables(note=object())).input_shape == (5,)


def test_the_representation_is_short():
    assert repr(Splits.from_arrays(tables())) == "Splits(classification, 6/4/2, input_shape=(5,), outputs=2)"


def test_splits_survive_pickling():
    splits = Splits.from_arrays(images(8, 8))
    assert data_id(pickle.loads(pickle.dumps(splits))) == data_id(splits)  # noqa: S301 - made one line above


def with_nan(shape, value=np.nan):
    array = np.zeros(shape)
    array[1, 2] = value
    return array


WRONG = {
    "missing": (
        {key: values for key, values in tables().items() if key not in ("x_val", "y_test")} | {"extra": 1},
        r"x_val, y_test are missing \(found: x_train, .*extra\); save them under these names",
    ),
    "nothing": ({}, "found: nothing"),
    "empty part": (tables(x_val=np.ones((0, 5))), r"`x_val` must not be empty, but its shape is \(0, 5\)"),
    "empty list": (tables(y_test=[]), "`y_test` must not be empty"),
    "no pixels": (images(8, 0), "`x_train` must not be empty"),
    "lengths": (
        tables(y_val=np.array([0, 1, 0])),
        r"`x_val` and `y_val` must have equal lengths, but got 4 and 3",
    ),
    "shapes": (tables(x_test=np.ones((2, 6))), r"one shape .* x_test \(6,\) of float32; convert"),
    "image and table": (images(8, 8, x_test=np.ones((2, 64), int)), r"x_train \(1, 8, 8\).* x_test \(64,\)"),
    "target shapes": (regressions(3, y_val=np.ones((4, 2))), r"one shape .*y_val \(2,\) of float32"),
    "object dtype": (
        tables(x_train=np.full((6, 5), None)),
        "`x_train` .* dtype is object; make all its rows",
    ),
    "text": (tables(y_train=np.array(["a", "b"] * 3)), "`y_train` .* dtype is <U1; encode"),
    "complex": (tables(x_train=np.ones((6, 5), complex)), "dtype is complex128"),
    "dates": (tables(x_train=np.zeros((6, 5), "datetime64[s]")), "dtype is datetime64"),
    "ragged": (
        tables(x_train=[[1.0], [1.0, 2.0]]),
        "`x_train` must be an array of numbers, but cannot be made one",
    ),
    "nan in x": (
        tables(x_val=with_nan((4, 5))),
        r"`x_val` must be finite .* 1 of 20 .*first at \(1, 2\)\); drop or",
    ),
    "infinite x": (tables(x_val=with_nan((4, 5), np.inf)), "`x_val` must be finite"),
    "too large for float32": (tables(x_val=with_nan((4, 5), 1e300)), "`x_val` must be finite as float32"),
    "nan in an image": (images(8, 8, dtype=float, x_val=with_nan((4, 8, 8))), "`x_val` must be finite"),
    "nan in y": (regressions(3, y_test=np.array([[np.nan] * 3] * 2)), "`y_test` must be finite .* 6 of 6"),
    "negative labels": (tables(y_val=np.array([0, 1, -1, 0])), "`y_val` holds -1; number the classes from 0"),
    "unseen in val": (
        tables(y_val=np.array([0, 1, 2, 3])),
        "occur in `y_train`, but `y_val` also holds 2, 3; cut .*, or make the targets floats",
    ),
    "unseen in test": (tables(y_test=np.array([0, 2])), "`y_test` also holds 2"),
    "many unseen": (
        tables(x_val=np.ones((9, 5)), y_val=np.arange(9)),
        r"`y_val` also holds 2, 3, 4, 5, 6, ... \(7 in all\)",
    ),
    "one class": (
        tables(**{f"y_{part}": np.ones(n, int) for part, n in SIZES.items()}),
        "2 classes, .* label is 1",
    ),
    "ambiguous channels": (images(3, 8, 4), r"both axis 1 and axis 3 could be the channels; build `Splits"),
    "no channels": (images(8, 9, 2), r"shape is \(6, 8, 9, 2\) and no axis has 1, 3 or 4 channels"),
    "one axis": (
        tables(x_train=np.ones(6)),
        r"`x_train` must be images \(N, H, W\).* shape is \(6,\); reshape",
    ),
    "videos": (images(3, 8, 8, 8), r"shape is \(6, 3, 8, 8, 8\)"),
    "a number": (tables(x_train=1.0), r"shape is \(\)"),
    "two scales": (images(8, 8, x_test=np.ones((2, 8, 8))), "one scale, .* x_test float64"),
    "mixed targets": (tables(y_val=np.ones(4)), "integers in all parts .* y_val float64"),
    "one-hot": (tables(y_train=np.eye(6, dtype=int)), r"labels of shape .* \(6, 6\); turn one-hot"),
    "target axes": (regressions(2, 2), r"targets of shape .* is \(6, 2, 2\)"),
    "few names": (tables(class_names=["only"]), "name all 2 classes, but got 1"),
    "names of a regression": (regressions(class_names=["a"]), "left out for a regression, but got a"),
}


@pytest.mark.parametrize(("arrays", "message"), WRONG.values(), ids=WRONG.keys())
def test_wrong_arrays_are_refused_with_the_rule_and_the_value(arrays, message):
    with pytest.raises(DataError, match=message):
        Splits.from_arrays(arrays)


def stored(**changes):
    splits = Splits.from_arrays(images(8, 8))
    return {key: getattr(splits, key) for key in tables()} | changes


@pytest.mark.parametrize(
    "changes",
    [
        {"x_train": np.ones((6, 1, 8, 8), np.float64)},
        {"x_train": np.ones((6, 8, 8), np.uint8)},
        {"x_train": np.ones((6, 64), np.uint8)},
        {"x_train": [[1.0]]},
        {"y_train": np.zeros(6, np.int32)},
        {"y_train": np.zeros((6, 1), np.int64)},
    ],
)
def test_building_directly_takes_the_stored_form_only(changes):
    with pytest.raises(DataError, match=r"; `Splits.from_arrays` converts other forms"):
        Splits(**stored(**changes))


def test_building_directly_refuses_parts_of_two_dtypes():
    with pytest.raises(DataError, match="one shape and dtype"):
        Splits(**stored(x_val=np.ones((4, 1, 8, 8), np.float32)))


def test_building_directly_takes_any_number_of_channels():
    cubes = {f"x_{part}": np.ones((n, 7, 2, 2), np.float32) for part, n in SIZES.items()}
    assert Splits(**stored(**cubes)).input_shape == (7, 2, 2)


def test_the_id_depends_on_values_shape_and_dtype_alone():
    first = data_id(Splits.from_arrays(images(4, 16)))
    assert len(first) == 32
    assert first == data_id(Splits.from_arrays(images(4, 16, class_names=["no", "yes"])))
    changed = np.ones((6, 4, 16), np.uint8)
    changed[0, 0, 0] = 2
    others = [images(4, 16, x_train=changed), images(16, 4), images(4, 16, dtype=np.float32)]
    others += [images(4, 16, y_train=np.array([1, 0, 0, 1, 0, 1]))]
    assert len({first, *(data_id(Splits.from_arrays(other)) for other in others)}) == 5


def test_the_id_of_known_arrays_never_changes():
    assert data_id(Splits.from_arrays(tables())) == "cf0318c00bd84029f1a8692d79c05465"
