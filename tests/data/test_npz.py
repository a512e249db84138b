import pickle

import numpy as np
import pytest

from nas_ray.data import load
from nas_ray.errors import ConfigError, DataError


def arrays(**changes):
    both = {f"x_{part}": np.ones((4, 8, 8), np.uint8) for part in ("train", "val", "test")}
    return both | {f"y_{part}": np.array([0, 1, 0, 1]) for part in ("train", "val", "test")} | changes


def load_file(file):
    return load(f"npz:{file}")


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_a_file_of_six_arrays_is_a_data_set(tmp_path, save):
    save(tmp_path / "mine.npz", **arrays(class_names=np.array(["no", "yes"])))
    splits = load_file(tmp_path / "mine.npz")
    assert (splits.input_shape, splits.outputs, splits.class_names) == ((1, 8, 8), 2, ("no", "yes"))


def test_paths_are_relative_to_the_current_folder_or_to_home(tmp_path, monkeypatch):
    np.savez(tmp_path / "mine.npz", **arrays())
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert load("npz:mine.npz").outputs == load("npz:~/mine.npz").outputs == 2


@pytest.mark.parametrize(
    ("name", "shape"), [("fashion_mnist_14k.npz", (1, 28, 28)), ("cifar10_16px_14k.npz", (3, 16, 16))]
)
def test_the_shared_images_load(shared_data, name, shape):
    splits = load_file(shared_data / name)
    parts = [splits.x_train, splits.x_val, splits.x_test]
    assert [part.shape for part in parts] == [(10_000, *shape), (2_000, *shape), (2_000, *shape)]
    assert (splits.outputs, splits.x_train.dtype, splits.x_train.max()) == (10, np.uint8, 255)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(
        DataError, match=r"`npz:FILE` must name a file, but there is none at /.*none\.npz; check"
    ):
        load_file(tmp_path / "none.npz")


def test_a_folder_is_not_a_file(tmp_path):
    with pytest.raises(DataError, match="must name a file"):
        load_file(tmp_path)


@pytest.mark.parametrize(
    "content", [b"", b"no archive", pickle.dumps(arrays())], ids=["empty", "text", "pickle"]
)
def test_another_kind_of_file_is_refused(tmp_path, content):
    (tmp_path / "other.npz").write_bytes(content)
    with pytest.raises(
        DataError, match=r"must be an \.npz file, but is damaged or of another kind; write it with"
    ):
        load_file(tmp_path / "other.npz")


def test_a_single_array_is_refused(tmp_path):
    np.save(tmp_path / "one.npy", np.ones(3))
    with pytest.raises(DataError, match=r"must be an \.npz file"):
        load_file(tmp_path / "one.npy")


@pytest.mark.parametrize("kept", [0.3, 0.99])
def test_a_file_cut_short_is_refused(tmp_path, kept):
    file = tmp_path / "cut.npz"
    np.savez(file, **arrays())
    file.write_bytes(file.read_bytes()[: int(kept * file.stat().st_size)])
    with pytest.raises(DataError, match="damaged"):
        load_file(file)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_no_damage_raises_anything_but_a_data_error(tmp_path, save):
    file = tmp_path / "damaged.npz"
    save(file, **arrays())
    sound = file.read_bytes()
    refused = 0
    for place in range(0, len(sound), 7):
        file.write_bytes(
            sound[:place] + bytes(255 - byte for byte in sound[place : place + 4]) + sound[place + 4 :]
        )
        try:
            load_file(file)
        except DataError as error:
            refused += "damaged.npz" in str(error)
    # The rest are bytes that nobody reads, such as time stamps and padding.
    assert refused > len(range(0, len(sound), 7)) / 2


def test_pickled_arrays_are_never_loaded(tmp_path):
    np.savez(tmp_path / "pickled.npz", **arrays(x_val=np.full((4, 8, 8), None)))
    with pytest.raises(DataError, match=r"must hold plain arrays, .*pickled.*; convert them"):
        load_file(tmp_path / "pickled.npz")


def test_errors_in_the_arrays_name_the_file(tmp_path):
    np.savez(tmp_path / "odd.npz", **arrays(y_val=np.array([0, 1, -1, 0])))
    with pytest.raises(DataError, match=r"odd\.npz: labels must be .* -1"):
        load_file(tmp_path / "odd.npz")


def test_a_bare_path_is_told_its_prefix(tmp_path, monkeypatch):
    np.savez(tmp_path / "mine.npz", **arrays())
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        ConfigError, match=r"must say what a path is, but got 'mine\.npz'; write 'npz:mine\.npz'"
    ):
        load("mine.npz")
    with pytest.raises(ConfigError, match=r"write 'npz:/.*mine\.npz'"):
        load(tmp_path / "mine.npz")
