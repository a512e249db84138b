import pytest

import nas_ray.data
from nas_ray.data import load, names
from nas_ray.errors import ConfigError, UnknownName


def test_the_public_names_are_sorted_and_exist():
    assert nas_ray.data.__all__ == sorted(nas_ray.data.__all__)
    assert all(hasattr(nas_ray.data, name) for name in nas_ray.data.__all__)


def test_names_tell_what_can_be_loaded_and_how():
    assert {"digits", "torchvision:CIFAR10", "npz:FILE", "folder:DIR", "module:object"} <= set(names())


@pytest.mark.parametrize("name", ["digit", "Digits", "diggits"])
def test_a_misspelt_name_is_corrected(name):
    with pytest.raises(UnknownName, match=f"no data set is called '{name}'; did you mean 'digits'"):
        load(name)


@pytest.mark.parametrize("name", ["", "cifar10", "zebra", ":", "missing.npz"])
def test_a_name_far_from_all_others_gets_the_whole_list(name):
    with pytest.raises(UnknownName, match=r"it must be one of digits, folder:DIR, .*torchvision:CIFAR10"):
        load(name)


@pytest.mark.parametrize("name", ["npz:", "folder:", "torchvision:"])
def test_a_prefix_alone_is_no_name(name):
    with pytest.raises(UnknownName, match=f"no data set is called '{name}'"):
        load(name)


def test_a_bare_folder_is_told_its_prefix(tmp_path):
    with pytest.raises(ConfigError, match=rf"write 'folder:{tmp_path}'"):
        load(str(tmp_path))


@pytest.mark.parametrize(
    ("name", "offered"),
    [
        ("digits", "it has no options"),
        ("npz:some.npz", "it has no options"),
        ("folder:some", "its options are size"),
        ("torchvision:MNIST", "its options are val_share"),
    ],
)
def test_an_unknown_option_is_told_with_the_valid_ones(name, offered):
    with pytest.raises(
        ConfigError, match=rf"`data\.colour` is no option of the data set '{name}'; {offered}"
    ):
        load(name, colour="red")
