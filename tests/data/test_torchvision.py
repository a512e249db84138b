import subprocess
import sys
from urllib.error import URLError

import numpy as np
import pytest

from nas_ray.data import data_id, load
from nas_ray.data.torchvision import SOURCES
from nas_ray.errors import ConfigError, DataError, UnknownName

TRAIN, TEST = 200, 50


def write_mnist(root):
    """Write the four raw files of MNIST with few, made up images."""
    raw = root / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for part, count in (("train", TRAIN), ("t10k", TEST)):
        labels = np.arange(count, dtype=np.uint8) % 10
        pixels = np.broadcast_to(labels[:, None, None] * 20, (count, 28, 28)).astype(np.uint8)
        for name, array in ((f"{part}-images-idx3-ubyte", pixels), (f"{part}-labels-idx1-ubyte", labels)):
            header = bytes([0, 0, 8, array.ndim]) + b"".join(n.to_bytes(4, "big") for n in array.shape)
            (raw / name).write_bytes(header + array.tobytes())


@pytest.fixture
def mnist_root(tmp_path):
    write_mnist(tmp_path)
    return tmp_path


def test_raw_files_in_the_root_are_read_without_a_download(mnist_root):
    splits = load("torchvision:MNIST", root=mnist_root)
    assert [len(splits.x_train), len(splits.x_val), len(splits.x_test)] == [180, 20, 50]
    assert (splits.input_shape, splits.outputs, splits.x_train.dtype) == ((1, 28, 28), 10, np.uint8)
    assert (splits.x_val[:, 0, 5, 5] == splits.y_val * 20).all()
    assert splits.class_names is not None
    assert splits.class_names[7] == "7 - seven"


def test_the_validation_part_is_stratified_and_adjustable(mnist_root):
    splits = load("torchvision:MNIST", root=mnist_root, val_share=0.25)
    assert np.bincount(splits.y_val).tolist() == [5] * 10


def test_the_second_reading_needs_neither_torch_nor_the_raw_files(mnist_root):
    first = data_id(load("torchvision:MNIST", root=mnist_root))
    for file in (mnist_root / "MNIST" / "raw").iterdir():
        file.unlink()
    code = (
        "import sys; from nas_ray import data; splits = data.load('torchvision:MNIST', root=sys.argv[1]); "
        "print(data.data_id(splits), 'torch' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(mnist_root)], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == [first, "False"]


def test_nothing_unfinished_stays_beside_the_cache(mnist_root):
    load("torchvision:MNIST", root=mnist_root)
    assert sorted(entry.name for entry in mnist_root.iterdir()) == [".MNIST.lock", "MNIST", "MNIST.npz"]


def test_a_cache_that_cannot_be_written_is_done_without(mnist_root, monkeypatch):
    def full(file, **arrays):
        file.write(b"half of it")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    assert len(load("torchvision:MNIST", root=mnist_root).x_test) == TEST
    assert [entry.name for entry in mnist_root.glob("*MNIST.npz*")] == []


class Fake:
    """Stands in for CIFAR and SVHN, whose raw files torchvision knows by their checksums."""

    calls: list = []  # noqa: RUF012

    def __init__(self, root, download, train=None, split=None):
        self.calls.append((root, download, train, split))
        count = TRAIN if train or split == "train" else TEST
        labels = np.arange(count) % 10
        if split is None:
            self.data, self.targets = np.ones((count, 32, 32, 3), np.uint8), labels.tolist()
            self.classes = [f"class {label}" for label in range(10)]
        else:
            self.data, self.labels = np.ones((count, 3, 32, 32), np.uint8), labels


@pytest.mark.parametrize(
    ("name", "asked"), [("CIFAR10", (True, None)), ("CIFAR100", (True, None)), ("SVHN", (None, "train"))]
)
def test_colour_images_come_with_channels_first(tmp_path, monkeypatch, name, asked):
    monkeypatch.setattr(f"torchvision.datasets.{name}", Fake)
    monkeypatch.setattr(Fake, "calls", [])
    splits = load(f"torchvision:{name}", root=tmp_path / "new" / "folder")
    assert Fake.calls[0] == (str(tmp_path / "new" / "folder"), True, *asked)
    assert splits.input_shape == (3, 32, 32)
    assert splits.class_names == (None if name == "SVHN" else tuple(f"class {label}" for label in range(10)))


def test_the_default_root_is_in_the_users_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr("torchvision.datasets.SVHN", Fake)
    load("torchvision:SVHN")
    assert (tmp_path / ".cache" / "nas_ray" / "data" / "SVHN.npz").is_file()


@pytest.mark.parametrize("name", SOURCES)
def test_every_name_is_one_of_torchvision(name):
    import torchvision.datasets

    assert hasattr(torchvision.datasets, name)


@pytest.mark.parametrize("name", SOURCES)
def test_without_a_network_the_way_by_hand_is_told(tmp_path, monkeypatch, name):
    def unreachable(*_, **__):
        raise URLError("no network")

    monkeypatch.setattr("urllib.request.urlopen", unreachable)
    with pytest.raises(DataError) as caught:
        load(f"torchvision:{name}", root=tmp_path)
    message = str(caught.value)
    assert f"`torchvision:{name}` could not be downloaded to {tmp_path}" in message
    assert "http" in message
    assert f"put the files into {tmp_path}" in message
    assert "`data.root`" in message
    assert not (tmp_path / f"{name}.npz").exists()


@pytest.mark.parametrize("kept", [0, 3, 1000])
@pytest.mark.parametrize("kind", ["images-idx3", "labels-idx1"])
def test_raw_files_cut_short_are_refused(mnist_root, kind, kept):
    file = mnist_root / "MNIST" / "raw" / f"train-{kind}-ubyte"
    file.write_bytes(file.read_bytes()[: min(kept, file.stat().st_size - 1)])
    with pytest.raises(DataError, match=r"not be read there .*MNIST/raw in place of any"):
        load("torchvision:MNIST", root=mnist_root)


@pytest.mark.parametrize(
    ("name", "near"),
    [("torchvision:mnist", "torchvision:MNIST"), ("torchvision:CIFAR11", "torchvision:CIFAR10")],
)
def test_a_name_that_is_nearly_right_is_corrected(name, near):
    with pytest.raises(UnknownName, match=f"no data set is called '{name}'; did you mean '{near}"):
        load(name)


@pytest.mark.parametrize("share", [0, 1, -0.1, 2, "a tenth", True, float("nan")])
def test_impossible_shares_are_refused(tmp_path, share):
    with pytest.raises(ConfigError, match=r"`data\.val_share` must be a number between 0 and 1"):
        load("torchvision:MNIST", root=tmp_path, val_share=share)
