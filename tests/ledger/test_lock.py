import os
import signal
import subprocess
import sys
import time

import pytest

from nas_ray.errors import RunError
from nas_ray.ledger import LEDGER, Ledger, is_live, read

WRITE_ON = """
import sys
from nas_ray.ledger import Ledger
with Ledger(sys.argv[1]) as ledger:
    ledger.append("run", version=1)
    print("ready", flush=True)
    number = 0
    while True:
        ledger.append("report", trial_id="t00000", epoch=number, metrics={"val_acc": number / 7})
        number += 1
"""
FORK = """
import os, sys, time
from nas_ray.ledger import Ledger
ledger = Ledger(sys.argv[1])
ledger.append("run", version=1)
if os.fork() == 0:
    try:
        ledger.append("end")
    except Exception as error:
        print(error, flush=True)
    print("child", os.getpid(), flush=True)
    time.sleep(60)
os._exit(0)
"""


@pytest.fixture
def path(tmp_path):
    return tmp_path / "run-1" / LEDGER


@pytest.fixture
def start(path):
    path.parent.mkdir()
    processes = []

    def start(program):
        command = [sys.executable, "-c", program, str(path)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        processes.append(process)
        return process

    yield start
    for process in processes:
        process.kill()
        process.communicate()


def test_a_second_process_is_refused_by_name_of_the_first(path, start):
    process = start(WRITE_ON)
    assert process.stdout.readline() == "ready\n"
    assert is_live(path)
    with pytest.raises(RunError, match=rf"run .*run-1 is in use by process {process.pid};.*another name"):
        Ledger(path)


def test_kill_9_frees_the_run_and_leaves_a_readable_ledger(path, start):
    for _ in range(3):
        process = start(WRITE_ON)
        process.stdout.readline()
        time.sleep(0.05)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert not is_live(path)
        records = read(path)
        epochs = [record["epoch"] for record in records if record["kind"] == "report"]
        latest = epochs[len(epochs) - 1 - epochs[::-1].index(0) :]
        assert latest == list(range(len(latest)))
        with Ledger(path) as ledger:
            ledger.append("attempt", attempt=2)
        assert len(read(path)) == len(records) + 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_a_forked_child_neither_holds_the_lock_nor_writes(path, start):
    process = start(FORK)
    assert "is closed" in process.stdout.readline()
    child = int(process.stdout.readline().split()[1])
    try:
        process.wait()
        assert not is_live(path)
        Ledger(path).close()
        assert [record["kind"] for record in read(path)] == ["run"]
    finally:
        os.kill(child, signal.SIGKILL)


def test_the_same_process_is_refused_too(tmp_path):
    path = tmp_path / LEDGER
    with Ledger(path):
        assert is_live(path)
        with pytest.raises(RunError, match=f"in use by process {os.getpid()}"):
            Ledger(path)
    assert not is_live(path)
    Ledger(path).close()


def test_looking_does_not_disturb_a_driver_that_starts(tmp_path):
    path = tmp_path / LEDGER
    for _ in range(20):
        assert not is_live(path)
        with Ledger(path):
            assert is_live(path)


def test_a_run_that_never_was_is_not_live(tmp_path):
    assert not is_live(tmp_path / "nowhere" / LEDGER)
