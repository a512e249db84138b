"""What is installed fits together."""

import subprocess
import sys
import time

import numpy as np
import pytest


def test_torch_and_torchvision_fit_each_other(tmp_path):
    import torch
    from torchvision.datasets import FakeData
    from torchvision.ops import nms

    image, label = FakeData(size=3, image_size=(1, 8, 8))[0]
    assert image.size == (8, 8)
    assert isinstance(int(label), int)
    # A torchvision of another torch imports with a missing operator.
    assert nms(torch.tensor([[0.0, 0.0, 1.0, 1.0]]), torch.tensor([1.0]), 0.5).tolist() == [0]
    assert np.asarray(image).shape == (8, 8, 1) or np.asarray(image).shape == (8, 8)


def test_importing_nas_ray_loads_neither_ray_nor_torch():
    heavy = {"ray", "torch", "pandas", "numpy", "pydantic"}
    code = f"import sys, nas_ray; print(sorted({heavy} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_all_names_of_the_package_are_there_and_sorted():
    import nas_ray

    assert nas_ray.__all__ == sorted(nas_ray.__all__)
    for name in nas_ray.__all__:
        assert getattr(nas_ray, name).__name__
    assert sorted(nas_ray._MODULES) == sorted(nas_ray.__all__)


def test_a_name_that_is_not_there_is_an_attribute_error():
    import nas_ray

    with pytest.raises(AttributeError, match="nothing"):
        _ = nas_ray.nothing


@pytest.mark.benchmark
def test_import_takes_under_200_ms():
    seconds = []
    for _ in range(5):
        started = time.perf_counter()
        subprocess.run([sys.executable, "-c", "import nas_ray"], check=True)
        seconds.append(time.perf_counter() - started)
    assert sorted(seconds)[2] < 0.2 + 0.1  # a bare interpreter's start is about 0.1 s of it
