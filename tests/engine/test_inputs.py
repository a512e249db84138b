"""Searches on data that are not images, from the arrays to the trained winner on its test part."""

import heapq
import inspect
from pathlib import Path

import numpy as np
import pytest
import torch

import nas_ray
from nas_ray.data import Splits, load
from nas_ray.data.stratify import stratified

pytestmark = pytest.mark.usefixtures("local_ray")

ROOT = Path(__file__).parents[2]
PARTS = ("train", "val", "test")
LENGTH, LONGEST = 40, 128
"""Letters in a row, and letters that have an id of their own."""


def cut(x, y, **stated):
    """Return the six arrays, 60/20/20, with what is stated of the inputs."""
    rows = dict(zip(PARTS, stratified(y.astype(int), (0.2, 0.2)), strict=True))
    arrays = {f"x_{part}": x[chosen] for part, chosen in rows.items()}
    return {**arrays, **{f"y_{part}": y[chosen] for part, chosen in rows.items()}, **stated}


@pytest.fixture(scope="module")
def digits_by_rows():
    """Each image of a digit as a series of eight steps, its rows, with a channel for each column."""
    digits = load("digits")
    arrays = {f"x_{part}": getattr(digits, f"x_{part}")[:, 0].transpose(0, 2, 1) for part in PARTS}
    return Splits.from_arrays(
        {**arrays, **{f"y_{part}": getattr(digits, f"y_{part}") for part in PARTS}, "inputs": "sequences"}
    )


@pytest.fixture(scope="module")
def letters():
    """Pieces of two texts of different kinds, a licence and Python code, padded after the last letter."""
    texts = [(ROOT / "LICENSE").read_text(), inspect.getsource(heapq)]
    rows, labels = [], []
    for label, text in enumerate(texts):
        codes = np.array([min(ord(letter), LONGEST - 1) for letter in text[:11_000]])
        for start in range(0, len(codes) - LENGTH, LENGTH):
            row = codes[start : start + LENGTH]
            row[LENGTH - start % 17 :] = 0
            rows.append(row)
            labels.append(label)
    return Splits.from_arrays(cut(np.stack(rows), np.array(labels), vocabulary=LONGEST))


@pytest.fixture(scope="module")
def wines():
    return np.loadtxt(Path(__file__).with_name("wine.csv"), delimiter=",", skiprows=4)


def search(tmp_path, data, space, **changes):
    settings = {"strategy": "random", "trials": 2, "max_epochs": 3, "name": "run", "concurrency": 1}
    return nas_ray.search(
        **{**settings, "data": data, "space": space, "runs_dir": tmp_path, "stopping": "none", **changes}
    )


def check_winner(result, splits):
    """The winner takes raw inputs, and does on the test part what the run says of it."""
    assert set(result.trials["outcome"]) == {"finished"}
    with torch.inference_mode():
        outputs = result.best_model()(torch.tensor(splits.x_test))
    assert outputs.shape == (len(splits.x_test), splits.outputs)
    if splits.kind == "classification":
        accuracy = (outputs.argmax(1).numpy() == splits.y_test).mean()
        assert accuracy == pytest.approx(result.best.test["test_acc"])
    else:
        error = ((outputs.numpy() - splits.y_test) ** 2).mean()
        assert error == pytest.approx(result.best.test["test_loss"], rel=1e-4)
    return result.best.test


@pytest.mark.parametrize(
    ("space", "options"),
    [
        ("recurrent", {"widths": [25], "cells": ["gru"]}),
        pytest.param("transformer", {"max_depth": 2, "widths": [48]}, marks=pytest.mark.benchmark),
        pytest.param("conv1d", {"max_depth": 3, "widths": [32, 64]}, marks=pytest.mark.benchmark),
    ],
)
def test_sequences(tmp_path, digits_by_rows, space, options):
    overrides = {f"space.{name}": value for name, value in options.items()}
    result = search(tmp_path, digits_by_rows, space, overrides=overrides)
    assert check_winner(result, digits_by_rows)["test_acc"] > 0.5


@pytest.mark.parametrize(
    ("space", "options"),
    [
        ("recurrent", {"widths": [50], "nodes": 3, "poolings": ["max"], "dropouts": [0.0]}),
        pytest.param("transformer", {"max_depth": 2, "widths": [48]}, marks=pytest.mark.benchmark),
    ],
)
def test_tokens(tmp_path, letters, space, options):
    overrides = {f"space.{name}": value for name, value in options.items()}
    result = search(
        tmp_path, letters, space, max_epochs=6, overrides={**overrides, "estimation.batch_size": 16}
    )
    assert check_winner(result, letters)["test_acc"] > 0.7


def test_tokens_from_a_file(tmp_path, letters):
    np.savez(
        tmp_path / "letters.npz",
        **{f"{axis}_{part}": getattr(letters, f"{axis}_{part}") for axis in "xy" for part in PARTS},
        vocabulary=LONGEST,
    )
    small = {"space.widths": [25], "space.max_depth": 1, "space.cells": ["gru"]}
    result = search(
        tmp_path, f"npz:{tmp_path}/letters.npz", "recurrent", overrides=small, trials=1, max_epochs=1
    )
    check_winner(result, letters)


def test_a_table(tmp_path, wines):
    splits = Splits.from_arrays(cut(wines[:, :13], wines[:, 13].astype(int)))
    result = search(tmp_path, splits, "mlp", trials=3, max_epochs=12)
    assert check_winner(result, splits)["test_acc"] > 0.85


def test_a_table_of_a_regression(tmp_path, wines):
    """The colour of a wine from its other measurements."""
    rows = dict(zip(PARTS, stratified(wines[:, 13].astype(int), (0.2, 0.2)), strict=True))
    colour = wines[:, 9]
    inputs = np.delete(wines[:, :13], 9, axis=1)
    arrays = {f"x_{part}": inputs[chosen] for part, chosen in rows.items()}
    splits = Splits.from_arrays(arrays | {f"y_{part}": colour[chosen] for part, chosen in rows.items()})
    overrides = {"estimation.learning_rate": 0.02, "estimation.batch_size": 16}
    result = search(tmp_path, splits, "mlp", trials=3, max_epochs=20, overrides=overrides)
    assert check_winner(result, splits)["test_loss"] < 0.7 * splits.y_test.var()


def test_a_space_that_does_not_take_the_data_is_refused_before_the_start(tmp_path, letters):
    with pytest.raises(nas_ray.NasRayError, match="'chain' takes images, but got tokens of shape"):
        search(tmp_path, letters, "chain")
    assert list(tmp_path.iterdir()) == []
