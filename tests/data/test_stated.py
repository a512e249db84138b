"""Sequences and tokens: what a data set says of its inputs."""

import pickle

import numpy as np
import pytest

from nas_ray.data import Splits, data_id, load
from nas_ray.errors import DataError

SIZES = {"train": 6, "val": 4, "test": 2}


def of(*shape, dtype=np.float64, fill=1, **changes):
    arrays = {f"x_{part}": np.full((n, *shape), fill, dtype) for part, n in SIZES.items()}
    arrays |= {f"y_{part}": np.arange(n) % 2 for part, n in SIZES.items()}
    return arrays | changes


def sequences(*shape, **changes):
    return of(*shape, **{"inputs": "sequences", **changes})


def tokens(**changes):
    return of(7, **{"dtype": np.int32, "vocabulary": 10, **changes})


def tokens_with(row, column, value):
    array = np.ones((4, 7), np.int64)
    array[row, column] = value
    return array


@pytest.mark.parametrize(("shape", "stored"), [((3, 20), (3, 20)), ((20,), (1, 20)), ((1, 1), (1, 1))])
@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.float64])
def test_sequences_are_floats_with_channels_before_steps(shape, stored, dtype):
    splits = Splits.from_arrays(sequences(*shape, dtype=dtype))
    assert (splits.input_shape, splits.x_val.dtype) == (stored, np.float32)
    assert splits.task().inputs == "sequences"


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.int64])
def test_tokens_are_int64_and_the_task_knows_their_number(dtype):
    splits = Splits.from_arrays(tokens(dtype=dtype))
    assert (splits.input_shape, splits.x_val.dtype, splits.vocabulary) == ((7,), np.int64, 10)
    task = splits.task()
    assert (task.inputs, task.vocabulary, task.input_shape) == ("tokens", 10, (7,))
    assert repr(splits).endswith("input_shape=(7,), outputs=2, vocabulary=10)")


def test_what_is_not_stated_stays_as_it_was():
    assert Splits.from_arrays(of(8, 9)).task().inputs == "images"
    table = Splits.from_arrays(of(7, dtype=np.int64))
    assert (table.task().inputs, table.x_train.dtype) == ("tables", np.float32)


@pytest.mark.parametrize(
    ("inputs", "shape", "stored"),
    [("images", (8, 9), (1, 8, 9)), ("images", (8, 9, 3), (3, 8, 9)), ("tables", (5,), (5,))],
)
def test_images_and_tables_may_be_stated_too(inputs, shape, stored):
    assert Splits.from_arrays(of(*shape, inputs=inputs)).input_shape == stored


def test_ids_up_to_the_vocabulary_and_padding_anywhere_are_taken():
    left = np.array([[0, 0, 1, 2, 3, 9, 9]] * 4)
    assert Splits.from_arrays(tokens(x_val=left)).x_val.max() == 9


WRONG = {
    "unknown kind": (sequences(3, 20, inputs="sequence"), r"got 'sequence'; did you mean 'sequences'\?"),
    "no kind": (of(3, 20, inputs="zzz"), "must be one of images, sequences, tables, tokens"),
    "tokens without a vocabulary": (
        of(7, dtype=int, inputs="tokens"),
        "`inputs` is tokens; add `vocabulary`, the number of ids",
    ),
    "table with a vocabulary": (tokens(inputs="tables"), "`inputs` is tables; leave `vocabulary` out"),
    "image as a sequence": (
        sequences(3, 8, 8),
        r"`x_train` must be sequences \(N, channels, steps\).* \(6, 3, 8, 8\); reshape",
    ),
    "image as a table": (of(8, 8, inputs="tables"), r"must be tables \(N, features\), but its shape is"),
    "table as an image": (of(8, inputs="images"), r"must be images \(N, H, W\).* shape is \(6, 8\)"),
    "sequences of other lengths": (
        sequences(3, 20, x_val=np.ones((4, 3, 21))),
        r"one shape .*x_val \(3, 21\)",
    ),
    "sequences of objects": (sequences(3, x_val=np.full((4, 3), None)), "`x_val` .* dtype is object"),
    "nan": (sequences(3, 5, fill=np.nan), "`x_train` must be finite"),
    "floats as tokens": (
        tokens(dtype=np.float32),
        r"which are integers.* float32; convert .*, or leave `vocab",
    ),
    "truths as tokens": (tokens(dtype=bool), "which are integers, .* its dtype is bool"),
    "texts as tokens": (tokens(x_val=np.full((4, 7), "a")), "`x_val` .* dtype is <U1; encode"),
    "tokens of two axes": (tokens(x_val=np.ones((4, 7, 2), int)), r"`x_val` must be tokens \(N, length\)"),
    "id too large": (
        tokens(x_val=tokens_with(2, 3, 10)),
        r"`x_val` must hold token ids from 0 to 9, as `vocabulary` is 10, but 1 are outside "
        r"\(the first, at \(2, 3\), is 10\); raise `vocabulary`",
    ),
    "id below zero": (tokens(x_val=tokens_with(0, 0, -1)), r"at \(0, 0\), is -1"),
    "nothing but padding": (
        tokens(x_val=tokens_with(2, slice(None), 0)),
        r"every row of `x_val` must hold a token .* 1 hold none \(the first is row 2\); drop",
    ),
    "vocabulary of one": (tokens(vocabulary=1, fill=0), "`vocabulary` must be at least 2, .* but got 1"),
    "a list of words": (
        tokens(vocabulary=["a", "b"]),
        r"one integer, but got \(2,\) of <U1; of a list of words",
    ),
    "half a word": (tokens(vocabulary=2.5), "one integer, but got 2.5"),
    "a word": (tokens(vocabulary="many"), "one integer, but got 'many'"),
}


@pytest.mark.parametrize(("arrays", "message"), WRONG.values(), ids=WRONG.keys())
def test_wrong_inputs_are_refused_with_the_rule_and_the_value(arrays, message):
    with pytest.raises(DataError, match=message):
        Splits.from_arrays(arrays)


def test_a_file_says_what_it_holds(tmp_path):
    np.savez(tmp_path / "series.npz", **sequences(3, 20))
    np.savez(tmp_path / "text.npz", **tokens())
    assert load(f"npz:{tmp_path}/series.npz").task().inputs == "sequences"
    assert load(f"npz:{tmp_path}/text.npz").task().vocabulary == 10


def test_errors_of_a_file_name_it(tmp_path):
    np.savez(tmp_path / "text.npz", **tokens(x_val=tokens_with(2, 3, 10)))
    with pytest.raises(DataError, match=r"text\.npz: `x_val` must hold token ids from 0 to 9"):
        load(f"npz:{tmp_path}/text.npz")


def test_factories_and_mappings_say_it_too():
    assert load(lambda: sequences(3, 20)).input_shape == (3, 20)
    assert load(tokens()).vocabulary == 10


def stored(arrays, **changes):
    splits = Splits.from_arrays(arrays)
    return {name: getattr(splits, name) for name in splits.__dataclass_fields__} | changes


@pytest.mark.parametrize("changes", [{"vocabulary": None}, {"x_val": np.ones((4, 7), np.int32)}])
def test_building_directly_takes_tokens_of_int64_with_a_vocabulary(changes):
    assert Splits(**stored(tokens())).vocabulary == 10
    with pytest.raises(DataError, match=r"`Splits.from_arrays` converts other forms"):
        Splits(**stored(tokens(), **changes))


def test_building_directly_takes_three_axes_as_sequences():
    assert Splits(**stored(sequences(3, 20))).task().inputs == "sequences"


def test_the_id_tells_tokens_tables_and_vocabularies_apart():
    every = [tokens(), tokens(vocabulary=11), of(7, dtype=int), sequences(1, 7), sequences(7, 1)]
    ids = [data_id(Splits.from_arrays(arrays)) for arrays in every]
    assert len(set(ids)) == len(every)
    assert ids[0] == data_id(Splits.from_arrays(tokens(dtype=np.uint8)))


def test_tokens_survive_pickling():
    splits = Splits.from_arrays(tokens())
    again = pickle.loads(pickle.dumps(splits))  # noqa: S301 - made one line above
    assert (again.vocabulary, data_id(again)) == (10, data_id(splits))
