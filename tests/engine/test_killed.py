"""kill -9 of the driver: no trial is lost, none is done twice."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import ray

import nas_ray
from nas_ray import results
from nas_ray.ledger import is_live, read

TRIALS = 8
SEARCH = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
import nas_ray
from odd_spaces import Tiny
nas_ray.search(
    space=Tiny, strategy="evolution", stopping="asha", data="digits", trials={TRIALS}, max_epochs=9,
    name="run", runs_dir=sys.argv[1], overrides={{"estimation.checkpoint_seconds": 0}},
)
"""


def wait_for_ends(path, count, process, seconds=120):
    """Wait until the ledger has that many ends."""
    until = time.monotonic() + seconds
    while time.monotonic() < until and process.poll() is None:
        lines = path.read_text().splitlines() if path.exists() else []
        if sum('"kind":"end"' in line.replace(" ", "") for line in lines) >= count:
            return
        time.sleep(0.02)
    pytest.fail(f"the search ended with {process.poll()} before {count} trials did")


@pytest.mark.parametrize("ends", [1, pytest.param(5, marks=pytest.mark.benchmark)])
def test_a_run_whose_driver_was_killed_goes_on(ends, tmp_path):
    ray.shutdown()
    search = subprocess.Popen(
        [sys.executable, "-c", SEARCH, str(tmp_path)],
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    ledger = tmp_path / "run" / "ledger.jsonl"
    try:
        wait_for_ends(ledger, ends, search)
    finally:
        os.killpg(search.pid, signal.SIGKILL)
        search.wait()
    before = read(ledger)
    assert not is_live(ledger)
    assert not any(record["kind"] == "stop" for record in before)
    told = results.status(tmp_path / "run")
    assert told.reason == "lost"
    assert 0 < told.utilisation <= 1
    status = nas_ray.SearchResult.load(tmp_path / "run")
    assert told.utilisation == status.utilisation()
    assert set(status.trials["outcome"]) <= {"finished", "stopped", "interrupted"}
    ended = {record["trial_id"] for record in before if record["kind"] == "end"}
    result = nas_ray.resume(tmp_path / "run")
    ray.shutdown()
    assert len(result.trials) == TRIALS
    assert set(result.trials["outcome"]) <= {"finished", "stopped"}
    assert result.trials["config_id"].is_unique
    after = read(ledger)
    assert after[-1]["kind"] == "test"
    (stop,) = (record for record in after if record["kind"] == "stop")
    assert (stop["attempt"], stop["reason"]) == (2, "done")
    assert 0 < stop["utilisation"] <= 1
    assert after[: len(before)] == before, "nothing that was recorded is changed"
    starts = [record["trial_id"] for record in after[len(before) :] if record["kind"] == "start"]
    assert not ended & set(starts), "what had ended is not run again"
    assert not result.epochs.duplicated(["trial_id", "epoch", "attempt"]).any()
    assert len(result.epochs["trial_id"].unique()) == TRIALS


def test_a_torn_last_line_is_cut_off_and_kept(tmp_path):
    first = nas_ray.search(
        space="mlp",
        strategy="random",
        data="digits",
        trials=2,
        max_epochs=1,
        name="run",
        runs_dir=tmp_path,
        concurrency=1,
    )
    ledger = first.path / "ledger.jsonl"
    whole = ledger.read_bytes()
    ledger.write_bytes(whole + json.dumps({"kind": "end", "at": 1.0})[:-5].encode())
    again = nas_ray.resume(first.path, trials=3)
    assert len(again.trials) == 3
    assert (first.path / "ledger.torn").exists()
    assert ledger.read_bytes().startswith(whole)
    ray.shutdown()
