import numpy as np
import pytest
import torch

from nas_ray.data import Splits, statistics
from nas_ray.estimation import device_data, hardware
from nas_ray.estimation.device_data import DeviceData

CPU = torch.device("cpu")


def seen(data, part="train", batch_size=16, seed=0):
    order = torch.Generator().manual_seed(seed) if part == "train" else None
    return list(data.batches(part, batch_size, order))


def test_inputs_are_normalised_by_the_training_part(digits):
    data = DeviceData(digits, CPU)
    inputs = torch.cat([x for x, _ in seen(data)])
    assert abs(float(inputs.mean())) < 0.01
    assert float(inputs.std()) == pytest.approx(1, abs=0.01)
    plain = torch.tensor(digits.x_train, dtype=torch.float32)
    ours = torch.cat([x for x, _ in seen(data, "val")])
    expected = (torch.tensor(digits.x_val, dtype=torch.float32) - plain.mean()) / plain.std(correction=0)
    assert torch.allclose(ours, expected, atol=1e-5)


def test_columns_are_normalised_each_for_itself_and_constant_ones_stay_finite():
    inputs = np.stack([np.arange(50.0), np.full(50, 7.0), 1e3 * np.arange(50.0)], axis=1).astype(np.float32)
    targets = np.arange(50) % 2
    parts = {f"x_{part}": inputs for part in ("train", "val", "test")}
    splits = Splits.from_arrays(parts | {f"y_{part}": targets for part in ("train", "val", "test")})
    values = torch.cat([x for x, _ in seen(DeviceData(splits, CPU), "val")])
    assert torch.allclose(values.mean(0), torch.zeros(3), atol=1e-5)
    assert torch.allclose(values.std(0, correction=0), torch.tensor([1.0, 0.0, 1.0]), atol=1e-5)


def test_chunks_do_not_change_the_statistics(digits, monkeypatch):
    whole = seen(DeviceData(digits, CPU), "val")
    monkeypatch.setattr(statistics, "CHUNK", 100)
    parts = seen(DeviceData(digits, CPU), "val")
    assert all(torch.allclose(a, b, atol=1e-6) for (a, _), (b, _) in zip(whole, parts, strict=True))


def test_an_epoch_has_every_sample_once_in_an_order_of_its_own(small):
    data = DeviceData(small, CPU)
    batches = seen(data)
    assert [len(y) for _, y in batches] == [16] * 6 + [14]
    assert len(batches) == data.steps(16)
    labels = torch.cat([y for _, y in batches])
    assert sorted(labels.tolist()) == sorted(small.y_train.tolist())
    assert labels.tolist() != torch.cat([y for _, y in seen(data, seed=1)]).tolist()
    assert torch.cat([y for _, y in seen(data, "val")]).tolist() == small.y_val.tolist()


@pytest.mark.parametrize(("batch_size", "sizes"), [(109, [109]), (110, [110]), (200, [110]), (1, [1] * 110)])
def test_a_last_single_sample_is_left_out_of_training_alone(small, batch_size, sizes):
    data = DeviceData(small, CPU)
    assert [len(y) for _, y in seen(data, batch_size=batch_size)] == sizes
    assert data.steps(batch_size) == len(sizes)
    assert sum(len(y) for _, y in seen(data, "val", batch_size)) == 110


def test_the_share_is_of_training_alone_and_the_same_everywhere(small):
    data, again = DeviceData(small, CPU, data_share=0.25), DeviceData(small, CPU, data_share=0.25)
    assert len(data) == 28
    assert sum(len(y) for _, y in seen(data, "val")) == 110
    assert all(torch.equal(a, b) for (a, _), (b, _) in zip(seen(data), seen(again), strict=True))
    assert len(DeviceData(small, CPU, data_share=1e-6)) == 2


@pytest.mark.parametrize("resolution", [4, 8, 13])
def test_images_have_the_resolution(small, resolution):
    x, _ = seen(DeviceData(small, CPU, resolution=resolution))[0]
    assert x.shape == (16, 1, resolution, resolution)


def test_images_have_the_layout_that_the_device_wants(digits, monkeypatch):
    three = {
        f"{axis}_{part}": getattr(digits, f"{axis}_{part}")[:40]
        for axis in "xy"
        for part in ("train", "val", "test")
    }
    three |= {key: np.repeat(value, 3, axis=1) for key, value in three.items() if key.startswith("x")}
    splits = Splits.from_arrays(three)
    monkeypatch.setattr(device_data, "image_layout", lambda device: torch.contiguous_format)
    plain, _ = seen(DeviceData(splits, CPU))[0]
    monkeypatch.setattr(device_data, "image_layout", lambda device: torch.channels_last)
    last, _ = seen(DeviceData(splits, CPU))[0]
    assert plain.is_contiguous()
    assert last.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(plain, last)


def test_the_cpu_needs_no_half_precision():
    assert hardware.mixed_precision(CPU) is None


@pytest.mark.parametrize(
    ("onednn", "layout"), [(True, torch.channels_last), (False, torch.contiguous_format)]
)
def test_the_cpu_wants_channels_last_where_its_convolutions_are_quick_with_it(monkeypatch, onednn, layout):
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: onednn)
    assert hardware.image_layout(CPU) is layout


@pytest.mark.parametrize(
    ("samples", "batch_size", "ranks"), [(64, 16, 2), (50, 16, 2), (51, 16, 4), (5, 3, 4), (7, 8, 2)]
)
def test_processes_share_each_batch_in_parts_of_one_size_and_leave_no_sample_out(samples, batch_size, ranks):
    inputs = np.arange(samples, dtype=np.float32)[:, None]
    splits = Splits(
        inputs, np.arange(samples) % 2, inputs[:4], np.arange(4) % 2, inputs[:4], np.arange(4) % 2
    )
    whole = DeviceData(splits, CPU)
    batches = [set(x.flatten().tolist()) for x, _ in seen(whole, batch_size=batch_size)]
    shares = [seen(whole.share(rank, ranks), batch_size=batch_size) for rank in range(ranks)]
    for number, batch in enumerate(batches):
        parts = [share[number][0].flatten().tolist() for share in shares]
        assert {len(part) for part in parts} == {max(min(2, len(batch)), -(-len(batch) // ranks))}
        assert set().union(*parts) == batch
    assert all(len(share) == len(batches) == whole.steps(batch_size) for share in shares)
    assert len(seen(whole.share(1, ranks), "val")[0][0]) == 4, "evaluation is of the whole part"
