"""Ctrl-C: the run stops in order, says how to go on, and goes on without losing or doubling a trial."""

import json
import os
import pty
import signal
import subprocess
import time
from threading import Thread

import pandas as pd
import pytest

from nas_ray.ledger import read
from nas_ray.results import SearchResult

SLOW = '''
import time

from ray import tune
from torch import nn

from nas_ray.spaces import SearchSpace


class Sleep(nn.Flatten):
    def forward(self, x):
        time.sleep(0.05 if self.training else 0)
        return super().forward(x)


class Slow(SearchSpace):
    """Networks that take their time."""

    name = "slow"

    def param_space(self):
        return {"hidden": tune.choice([8, 16, 24, 32, 40, 48])}

    def build(self, config, task):
        hidden = config["hidden"]
        return nn.Sequential(Sleep(), nn.Linear(64, hidden), nn.ReLU(), nn.Linear(hidden, task.outputs))
'''
WORDS = [
    *("search", "--space", "slow_space_of_mine:Slow", "--strategy", "random", "--stopping", "none"),
    *("--trials", "3", "--max-epochs", "3", "--name", "one"),
]


def drain(terminal, said):
    """Read what a program writes to its terminal until it is gone."""
    while True:
        try:
            said += os.read(terminal, 65536)
        except OSError:
            return


def read_tests(ledger):
    return [record for record in read(ledger) if record["kind"] == "test"]


def wait_for(condition, seconds):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "nothing happened"
        time.sleep(0.1)


@pytest.mark.timeout(400)
def test_interrupted_and_resumed(program, execute, tmp_path):
    (tmp_path / "slow_space_of_mine.py").write_text(SLOW)
    ledger, said = tmp_path / "runs" / "one" / "ledger.jsonl", bytearray()
    terminal, theirs = pty.openpty()
    driver = subprocess.Popen(
        [program, *WORDS, "--concurrency", "2"],
        cwd=tmp_path,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    reader = Thread(target=drain, args=(terminal, said), daemon=True)
    reader.start()
    try:
        wait_for(lambda: ledger.exists() and '"kind":"report"' in ledger.read_text(), 150)
        os.killpg(driver.pid, signal.SIGINT)  # as a terminal does: to every process of the program
        assert driver.wait(timeout=100) == 130
    finally:
        driver.kill()
        driver.wait()
    reader.join(timeout=10)
    os.close(terminal)
    text = said.decode()
    assert "interrupted: take it up with `nas-ray resume runs/one`" in text
    assert "starting Ray" in text
    assert "0 of 3 done: " in text
    assert "Traceback" not in text
    assert "WARNING" not in text

    before = pd.read_parquet(tmp_path / "runs" / "one" / "trials.parquet")
    assert "interrupted" in set(before["outcome"])
    answer = execute("resume", "one", folder=tmp_path)
    assert answer.code == 0
    after = pd.read_parquet(tmp_path / "runs" / "one" / "trials.parquet")
    assert after["trial_id"].is_unique
    trained = after[after["outcome"] == "finished"]
    assert len(trained) == 3
    assert trained["config_id"].is_unique
    assert set(before["trial_id"]) <= set(after["trial_id"])
    epochs = pd.read_parquet(tmp_path / "runs" / "one" / "epochs.parquet")
    assert set(trained["epoch"]) == {3}
    assert not epochs.duplicated(["trial_id", "epoch"]).any()
    assert len(epochs) == 9, "nor is one missing"

    # The test part is read of the weights that are delivered, not of those at the interruption.
    best, tests = SearchResult.load(tmp_path / "runs" / "one").best, read_tests(ledger)
    assert tests[-1]["trial_id"] == best.trial_id
    assert tests[-1]["epoch"] == best.epoch
    assert f"test_acc {best.test['test_acc']:.4f}" in answer.out


@pytest.mark.timeout(400)
def test_sigterm_stops_in_order_too(program, tmp_path):
    (tmp_path / "slow_space_of_mine.py").write_text(SLOW)
    folder = tmp_path / "runs" / "one"
    ledger = folder / "ledger.jsonl"
    driver = subprocess.Popen(
        [program, *WORDS, "--concurrency", "1"],
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        wait_for(lambda: ledger.exists() and '"kind":"report"' in ledger.read_text(), 150)
        driver.terminate()
        _, said = driver.communicate(timeout=100)
    finally:
        driver.kill()
        driver.wait()
    assert driver.returncode == 143
    assert "interrupted: take it up with `nas-ray resume runs/one`" in said
    assert "SIGTERM received" not in said, "Ray's handler aborts the process"
    assert read(ledger)[-1]["reason"] == "user"
    best = json.loads((folder / "best" / "architecture.json").read_text())
    found = SearchResult.load(folder).best
    assert (best["trial_id"], best["epoch"]) == (found.trial_id, found.epoch)
    assert len(pd.read_parquet(folder / "trials.parquet")) >= 1
