"""The advice follows from the ranks: which epochs can be trusted, and how boldly."""

import numpy as np
import pytest

from nas_ray.errors import ConfigError, RunError, UnknownName
from nas_ray.fidelity.measurements import FULL, Measurements, Setting
from nas_ray.fidelity.report import FidelityReport


def report(noise, *, networks=60, epochs=(1, 2, 4, 8), seed_noise=0.1, seeds=2):
    """Return a report on curves of which epoch i has noise[i] around the quality, from 0 to 1."""
    rng = np.random.default_rng(0)
    quality = rng.random((networks, 1, 1))
    values = quality + rng.normal(size=(networks, seeds, len(epochs))) * np.asarray([*noise, seed_noise])
    seconds = np.broadcast_to(np.asarray(epochs, dtype=float), values.shape)
    told = Measurements(
        "val_acc", (Setting(),), np.asarray(epochs), {FULL: values}, {FULL: np.array(seconds)}
    )
    return FidelityReport(told.complete(), "a test")


def test_epochs_that_rank_as_the_full_training_are_cut_at_boldly():
    advice = report([0.1, 0.1, 0.1]).advice
    assert advice[:2] == (1, 4)
    assert str(advice).startswith("stopping.grace_period=1 stopping.reduction_factor=4: from epoch 1 on")


def test_the_first_rung_is_where_ranks_begin_to_tell():
    advice = report([5.0, 5.0, 0.2]).advice
    assert advice.grace_period == 4
    assert advice.reduction_factor in (2, 3)


def test_an_early_epoch_that_tells_is_no_rung_if_a_later_one_misleads():
    assert report([0.1, 5.0, 0.1]).advice.grace_period == 4


def test_where_nothing_tells_the_advice_is_not_to_stop():
    advice = report([5.0, 5.0, 5.0]).advice
    assert advice[:2] == (None, None)
    assert str(advice).startswith("stopping.name=none: no fewer epochs rank")


def test_where_seeds_disagree_no_ranks_are_trusted():
    assert "full trainings with two seeds agree at" in report([5.0, 5.0, 5.0], seed_noise=9.0).advice.why


def test_seed_noise_is_measured_and_costs_are_shares_of_the_full_training():
    frame = report([0.4, 0.3, 0.2]).frame
    assert frame["seed_noise"].tolist() == pytest.approx([0.4, 0.3, 0.2, 0.1], rel=0.3)
    assert frame["cost"].tolist() == [0.125, 0.25, 0.5, 1.0]
    assert report([0.1] * 3, seeds=1).frame["seed_noise"].isna().all()


def test_networks_that_failed_are_left_out_and_too_few_are_told():
    told = report([0.1] * 3, networks=6).measurements
    told.values[FULL][:2, 1, 3] = np.nan
    assert len(told.complete().values[FULL]) == 4
    told.values[FULL][2, 0, 0] = np.nan
    with pytest.raises(RunError, match=r"at least 4 networks .* but 3 of 6 were"):
        told.complete()


def test_long_curves_are_shown_at_powers_of_two_and_the_end():
    frame = report([0.1] * 99, epochs=range(1, 101), networks=5).frame
    assert frame["epochs"].tolist() == [1, 2, 4, 8, 16, 32, 64, 100]


def test_formats(tmp_path):
    import json

    import pandas as pd

    told = report([0.3, 0.2, 0.1], networks=12)
    assert "advice stopping." in told.export()
    plain = json.loads(told.export("json"))
    assert len(plain["fidelities"]) == 4
    assert plain["advice"]["grace_period"] == told.advice.grace_period
    told.export("parquet", tmp_path / "f.parquet")
    told.export("csv", tmp_path / "f.csv")
    columns = ["epochs", "spearman", "kendall_low", "seed_noise"]
    for frame in (pd.read_parquet(tmp_path / "f.parquet"), pd.read_csv(tmp_path / "f.csv")):
        assert np.allclose(frame[columns], told.frame[columns])
    with pytest.raises(UnknownName, match="xml"):
        told.export("xml")
    with pytest.raises(ConfigError, match="must have a file"):
        told.export("parquet")
    with pytest.raises(RunError, match="cannot be written"):
        told.export("csv", tmp_path / "no" / "f.csv")
