import subprocess
import sys

import numpy as np
import pytest

from nas_ray.data import data_id, load

PARTS = ("train", "val", "test")


@pytest.fixture(scope="module")
def digits():
    return load("digits")


def test_digits_are_1797_small_grey_images_of_ten_classes(digits):
    assert [len(getattr(digits, f"x_{part}")) for part in PARTS] == [1079, 359, 359]
    assert (digits.kind, digits.input_shape, digits.outputs) == ("classification", (1, 8, 8), 10)
    assert digits.x_train.dtype == np.uint8
    assert (digits.x_train.min(), digits.x_train.max()) == (0, 16)
    assert digits.class_names == tuple("0123456789")


def test_every_part_has_every_digit_in_equal_shares(digits):
    for part in PARTS:
        counts = np.bincount(getattr(digits, f"y_{part}"), minlength=10)
        # The whole has 174 to 183 of each digit, so shares within a part differ by rounding only.
        assert counts.max() - counts.min() <= 6, part


def test_no_image_is_in_two_parts(digits):
    images = [x.tobytes() for part in PARTS for x in getattr(digits, f"x_{part}")]
    assert len(set(images)) == len(images) == 1797


def test_the_arrays_are_the_published_ones(digits):
    datasets = pytest.importorskip("sklearn.datasets")
    published = datasets.load_digits()
    expected = sorted(
        zip((x.astype(np.uint8).tobytes() for x in published.images), published.target, strict=True)
    )
    x, y = (np.concatenate([getattr(digits, f"{axis}_{part}") for part in PARTS]) for axis in "xy")
    assert sorted(zip((image.tobytes() for image in x), y, strict=True)) == expected


def test_digits_are_the_same_each_time(digits):
    assert data_id(load("digits")) == data_id(digits) == "d92b220fb4587f654837aea44d1414cc"


def test_neither_naming_nor_loading_digits_imports_a_heavy_package():
    code = (
        "import sys; from nas_ray import data; data.names(); data.load('digits'); "
        "print([m for m in ('torch', 'torchvision', 'PIL', 'ray', 'sklearn', 'pandas') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
