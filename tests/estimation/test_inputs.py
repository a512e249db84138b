"""Batches of series and tokens."""

import numpy as np
import torch

from nas_ray.data import Splits
from nas_ray.estimation.device_data import DeviceData

CPU = torch.device("cpu")


def of(array, **stated):
    parts = ("train", "val", "test")
    arrays = {f"x_{part}": array for part in parts} | {f"y_{part}": np.arange(60) % 2 for part in parts}
    return Splits.from_arrays({**arrays, **stated})


def seen(splits, **options):
    return torch.cat([x for x, _ in DeviceData(splits, CPU, **options).batches("val", 16)])


def test_series_are_normalised_by_channel_over_samples_and_steps():
    rng = np.random.default_rng(0)
    series = np.stack([rng.normal(3, 2, (60, 9)), rng.normal(-1e3, 50, (60, 9)), np.full((60, 9), 7.0)], 1)
    values = seen(of(series, inputs="sequences"))
    assert values.shape == (60, 3, 9)
    assert torch.allclose(values.mean((0, 2)), torch.zeros(3), atol=1e-4)
    assert torch.allclose(values.std((0, 2), correction=0), torch.tensor([1.0, 1.0, 0.0]), atol=1e-4)


def test_tokens_stay_as_they_are():
    ids = np.random.default_rng(0).integers(1, 30, (60, 9))
    values = seen(of(ids, vocabulary=30))
    assert values.dtype == torch.int64
    assert values.tolist() == ids.tolist()


def test_the_resolution_of_images_is_none_of_theirs():
    ids = np.random.default_rng(0).integers(1, 30, (60, 9))
    assert seen(of(ids, vocabulary=30), resolution=4).shape == (60, 9)
    assert seen(of(np.ones((60, 2, 9)), inputs="sequences"), resolution=4).shape == (60, 2, 9)
