import errno
import os
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from nas_ray.errors import RunError
from nas_ray.ledger import LEDGER, Ledger, read


@pytest.fixture
def path(tmp_path):
    return tmp_path / LEDGER


@pytest.fixture
def syncs(monkeypatch):
    """Seconds of a clock that a test turns, and how often fsync was called."""
    clock = {"now": 100.0, "calls": 0}
    monkeypatch.setattr(time, "monotonic", lambda: clock["now"])
    real = os.fsync

    def fsync(fd):
        clock["calls"] += 1
        real(fd)

    monkeypatch.setattr(os, "fsync", fsync)
    return clock


def test_a_record_has_left_the_process_when_append_returns(path):
    with Ledger(path) as ledger:
        before = time.time()
        ledger.append("propose", trial_id="t00000", config={"depth": 2})
        (record,) = read(path)
    assert list(record) == ["kind", "at", "trial_id", "config"]
    assert before <= record["at"] <= time.time()


def test_a_reopened_ledger_goes_on_at_the_end(path):
    for number in range(3):
        with Ledger(path) as ledger:
            ledger.append("attempt", attempt=number)
            assert ledger.torn == b""
    assert [record["attempt"] for record in read(path)] == [0, 1, 2]
    assert not path.with_suffix(".torn").exists()


def test_a_clock_of_ones_own_stamps_the_records(path):
    with Ledger(path, clock=lambda: 42.0) as ledger:
        ledger.append("run")
    assert read(path)[0]["at"] == 42.0


def test_a_closed_ledger_refuses_records_and_closes_again_quietly(path):
    ledger = Ledger(path)
    ledger.close()
    ledger.close()
    with pytest.raises(RunError, match="is closed"):
        ledger.append("run")


def test_records_are_synced_at_most_once_a_second(path, syncs):
    with Ledger(path) as ledger:
        opened = syncs["calls"]
        for _ in range(100):
            ledger.append("report")
        assert syncs["calls"] == opened
        syncs["now"] += 1.0
        ledger.append("report")
        assert syncs["calls"] == opened + 1


def test_tick_syncs_a_record_that_silence_follows(path, syncs):
    with Ledger(path) as ledger:
        opened = syncs["calls"]
        ledger.append("report")
        ledger.tick()
        assert syncs["calls"] == opened
        syncs["now"] += 1.0
        for _ in range(3):
            ledger.tick()
        assert syncs["calls"] == opened + 1


def test_close_syncs(path, syncs):
    ledger = Ledger(path)
    ledger.append("report")
    before = syncs["calls"]
    ledger.close()
    assert syncs["calls"] == before + 1


def test_a_full_disk_is_a_clear_error_and_leaves_the_ledger_whole(path, monkeypatch):
    real = os.write

    def full(fd, data):
        if len(data) < 20:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(fd, data[: len(data) // 2])

    with Ledger(path) as ledger:
        ledger.append("run", space="chain")
        with monkeypatch.context() as patch:
            patch.setattr(os, "write", full)
            with pytest.raises(RunError, match=r"No space left.*resume"):
                ledger.append("propose", trial_id="t00000")
        ledger.append("stop", reason="error")
    assert [record["kind"] for record in read(path)] == ["run", "stop"]


def test_ctrl_c_in_the_middle_of_a_line_leaves_the_ledger_whole(path, monkeypatch):
    real = os.write

    def interrupted(fd, data):
        real(fd, data[:9])
        raise KeyboardInterrupt

    with Ledger(path) as ledger:
        ledger.append("run")
        with monkeypatch.context() as patch:
            patch.setattr(os, "write", interrupted)
            with pytest.raises(KeyboardInterrupt):
                ledger.append("propose")
        ledger.append("stop", reason="user")
    assert [record["kind"] for record in read(path)] == ["run", "stop"]


def test_a_disk_that_fails_while_syncing_is_a_clear_error(path, syncs, monkeypatch):
    def broken(fd):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with Ledger(path) as ledger:
        ledger.append("run")
        syncs["now"] += 1.0
        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", broken)
            with pytest.raises(RunError, match=r"cannot be written: Input/output error.*resume"):
                ledger.tick()


def test_threads_take_turns(path):
    with Ledger(path) as ledger, ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: ledger.append("report", epoch=number), range(400)))
    assert sorted(record["epoch"] for record in read(path)) == list(range(400))


def test_a_write_in_parts_is_one_record(path, monkeypatch):
    real = os.write
    with Ledger(path) as ledger:
        monkeypatch.setattr(os, "write", lambda fd, data: real(fd, data[:7]))
        ledger.append("run", space="chain")
        monkeypatch.undo()
    assert read(path)[0]["space"] == "chain"


def test_a_missing_folder_is_a_clear_error(tmp_path):
    with pytest.raises(RunError, match="cannot be written: No such file"):
        Ledger(tmp_path / "nowhere" / LEDGER)


def test_a_ledger_that_cannot_be_opened_gives_its_lock_back(path):
    path.mkdir()
    for _ in range(2):
        with pytest.raises(RunError, match="cannot be written"):
            Ledger(path)
