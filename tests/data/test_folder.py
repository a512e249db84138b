import numpy as np
import pytest
from PIL import Image

from nas_ray.data import data_id, load
from nas_ray.errors import ConfigError, DataError

COLOURS = {"blue": (0, 0, 255), "red": (255, 0, 0)}


def paint(folder, counts, suffix=".png", size=(12, 10)):
    for name, count in counts.items():
        (folder / name).mkdir(parents=True)
        for number in range(count):
            Image.new("RGB", size, COLOURS[name]).save(folder / name / f"{number:03}{suffix}")


def load_folder(folder, **options):
    return load(f"folder:{folder}", **options)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".JPEG"])
def test_class_folders_are_cut_into_three_parts(tmp_path, suffix):
    paint(tmp_path, {"red": 20, "blue": 20}, suffix)
    splits = load_folder(tmp_path, size=8)
    assert [len(splits.x_train), len(splits.x_val), len(splits.x_test)] == [28, 6, 6]
    assert (splits.class_names, splits.input_shape, splits.x_train.dtype) == (
        ("blue", "red"),
        (3, 8, 8),
        np.uint8,
    )


def test_labels_follow_the_pictures(tmp_path):
    paint(tmp_path, {"red": 8, "blue": 5})
    splits = load_folder(tmp_path, size=8)
    is_red = splits.x_train[:, 0, 4, 4] == 255
    assert is_red.tolist() == (splits.y_train == 1).tolist()


def test_given_parts_are_kept(tmp_path):
    for part, count in {"train": 4, "val": 3, "test": 2}.items():
        paint(tmp_path / part, {"red": count, "blue": 1})
    splits = load_folder(tmp_path)
    assert [np.bincount(y).tolist() for y in (splits.y_train, splits.y_val, splits.y_test)] == [
        [1, 4],
        [1, 3],
        [1, 2],
    ]
    assert splits.input_shape == (3, 64, 64)


def test_the_cut_is_the_same_each_time(tmp_path):
    paint(tmp_path, {"red": 9, "blue": 9})
    assert data_id(load_folder(tmp_path)) == data_id(load_folder(tmp_path))


def test_three_pixel_squares_are_not_taken_for_channels(tmp_path):
    paint(tmp_path, {"red": 4, "blue": 4})
    assert load_folder(tmp_path, size=3).input_shape == (3, 3, 3)


def test_grey_palette_and_transparent_pictures_become_rgb(tmp_path):
    paint(tmp_path, {"red": 4, "blue": 4})
    for mode in ("L", "P", "RGBA", "1"):
        Image.new(mode, (9, 9)).save(tmp_path / "red" / f"{mode}.png")
    assert load_folder(tmp_path, size=8).input_shape == (3, 8, 8)


def test_the_rotation_that_a_camera_noted_is_applied(tmp_path):
    paint(tmp_path, {"red": 4, "blue": 4})
    picture = Image.new("RGB", (8, 8), (0, 0, 0))
    picture.paste((0, 255, 0), (0, 0, 8, 4))
    notes = picture.getexif()
    notes[0x0112] = 3  # Orientation: upside down
    for file in (tmp_path / "red").iterdir():
        picture.save(file, exif=notes)
    red = load_folder(tmp_path, size=8)
    assert red.x_train[red.y_train == 1][0, 1, :, 0].tolist() == [0] * 4 + [255] * 4


def test_a_class_may_be_called_train_and_other_files_may_lie_about(tmp_path):
    paint(tmp_path, {"red": 4, "blue": 4})
    (tmp_path / "red").rename(tmp_path / "train")
    (tmp_path / ".hidden").mkdir()
    (tmp_path / "blue" / ".hidden.png").write_text("no image")
    (tmp_path / "blue" / "notes.txt").write_text("no image")
    (tmp_path / "readme.md").write_text("no class")
    assert load_folder(tmp_path).class_names == ("blue", "train")


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(
        DataError, match=r"`folder:DIR` must name a folder, but there is none at /.*nowhere; check"
    ):
        load_folder(tmp_path / "nowhere")


def test_a_folder_without_images_is_told_the_layout(tmp_path):
    Image.new("RGB", (8, 8)).save(tmp_path / "loose.png")
    with pytest.raises(DataError, match=r"must hold images as DIR/CLASS/\*\.png, or DIR/train/CLASS"):
        load_folder(tmp_path)


def test_an_empty_class_is_named(tmp_path):
    paint(tmp_path, {"red": 4, "blue": 0})
    with pytest.raises(DataError, match=r"class 'blue' has none in .*; add some, or remove"):
        load_folder(tmp_path)


def test_a_class_that_a_part_lacks_is_named_with_the_part(tmp_path):
    for part in ("train", "val", "test"):
        paint(tmp_path / part, {"red": 2, "blue": 2} if part != "val" else {"red": 2})
    with pytest.raises(DataError, match=r"class 'blue' has none in .*val"):
        load_folder(tmp_path)


def test_a_part_that_is_missing_is_named(tmp_path):
    paint(tmp_path / "train", {"red": 2, "blue": 2})
    with pytest.raises(DataError, match=r"all of train, val and test, but val, test is missing; move"):
        load_folder(tmp_path)


def test_too_few_pictures_to_cut_name_the_class(tmp_path):
    paint(tmp_path, {"red": 9, "blue": 2})
    with pytest.raises(DataError, match="class 'blue' has only 2"):
        load_folder(tmp_path)


def test_one_class_is_refused(tmp_path):
    paint(tmp_path, {"red": 9})
    with pytest.raises(DataError, match="at least 2 classes"):
        load_folder(tmp_path)


@pytest.mark.parametrize("kept", [0, 40])
def test_an_unreadable_image_is_named(tmp_path, kept):
    paint(tmp_path, {"red": 4, "blue": 4})
    file = tmp_path / "blue" / "002.png"
    file.write_bytes(file.read_bytes()[:kept])
    with pytest.raises(DataError, match=r"the image /.*002\.png cannot be read .*; replace or remove it"):
        load_folder(tmp_path)


def test_deep_images_are_refused_before_they_are_clipped(tmp_path):
    paint(tmp_path, {"red": 4, "blue": 4})
    Image.fromarray(np.full((8, 8), 40_000, np.uint16)).save(tmp_path / "red" / "deep.png")
    with pytest.raises(DataError, match=r"8 bits per channel, but /.*deep\.png has more"):
        load_folder(tmp_path)


@pytest.mark.parametrize("size", [0, -1, 2.5, "64", True])
def test_impossible_sizes_are_refused(tmp_path, size):
    with pytest.raises(ConfigError, match=r"`data\.size` must be a whole number of pixels"):
        load_folder(tmp_path, size=size)
