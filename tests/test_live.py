"""The live display: a table on a terminal, few lines in a pipe, nothing where nothing is wanted."""

import io
import time

import pytest
from rich.console import Console

from nas_ray.engine.progress import Snapshot
from nas_ray.live import Live, line, rows, table
from nas_ray.tasks import Objective


@pytest.fixture
def clock(monkeypatch):
    """A clock that a test sets."""
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


def snapshot(**changes):
    given = {"trials": 24, "max_epochs": 8, "concurrency": 2, "started": 0.0, **changes}
    return Snapshot(Objective("val_acc"), **given)


def shown(terminal=False, quiet=False, **options):
    file = io.StringIO()
    console = Console(file=file, force_terminal=terminal, quiet=quiet, width=80, **options)
    return Live(quiet=quiet, console=console), file


def test_rows_say_trials_best_and_time(clock):
    state = snapshot()
    assert rows(state) == {"trials": "0 of 24 done", "best": "none yet", "time": "0.0 s"}
    for number, outcome in enumerate(["finished", "stopped", "failed", "cached", "infeasible", "finished"]):
        state.begun(f"t{number}")
        state.report(f"t{number}", 0.5 + number / 100)
        state.ended(f"t{number}", outcome)
    state.begun("t6")
    clock[0] = 80.0
    told = rows(state)
    assert told["trials"] == (
        "4 of 24 done: 1 running, 2 finished, 1 stopped, 1 failed, 1 infeasible, 1 cached"
    )
    assert told["best"] == "val_acc 0.5500 (t5)"
    assert told["time"] == "1 min 20 s, about 6 min 40 s left"
    assert line(state).startswith("1 min 20 s, about 6 min 40 s left; best val_acc 0.5500 (t5); trials 4")


def test_rows_say_epochs_where_they_are_limited(clock):
    state = snapshot(trials=None, epochs_budget=20)
    state.report("t0", 0.5)
    clock[0] = 2.0
    told = rows(state)
    assert (told["epochs"], told["time"]) == ("1 of 20 trained", "2.0 s, about 38 s left")
    assert (
        line(state)
        == "2.0 s, about 38 s left; best val_acc 0.5000 (t0); epochs 1 of 20 trained; trials 0 done"
    )


def test_a_metric_to_be_minimised_is_shown_as_it_is(clock):
    state = Snapshot(Objective("val_loss", "min"), None, 8, 2, started=0.0)
    state.report("t0", -0.25)
    assert rows(state)["best"] == "val_loss 0.2500 (t0)"
    assert rows(state)["trials"] == "0 done"


def test_a_pipe_gets_under_60_lines_of_24_trials(clock):
    live, file = shown()
    state = snapshot()
    live.start("one")
    for step in range(24 * 8 * 50):  # every epoch improves, and takes 20 seconds
        clock[0] += 0.4
        if step % 50 == 0:
            state.report(f"t{step // 400:05}", step / 9600)
        live.update(state)
    live.stop()
    lines = file.getvalue().splitlines()
    assert lines[0] == "run one"
    assert 5 < len(lines) < 60
    assert "\x1b" not in file.getvalue()


def test_lines_in_a_pipe_are_a_second_apart_and_only_for_a_better_best(clock):
    live, file = shown()
    state = snapshot()
    live.start("one")
    state.report("t0", 0.5)
    live.update(state)
    for _ in range(100):
        clock[0] += 0.1
        live.update(state)
    assert file.getvalue().count("\n") == 2
    for score in (0.6, 0.7, 0.8):  # within one second: the first at once, the last when its time has come
        state.report("t1", score)
        live.update(state)
        clock[0] += 0.1
    clock[0] += 10
    live.update(state)
    shown_best = [text.partition("val_acc ")[2][:6] for text in file.getvalue().splitlines()[1:]]
    assert shown_best == ["0.5000", "0.6000", "0.8000"]


def test_a_terminal_gets_a_table_at_most_four_times_a_second(clock):
    live, file = shown(terminal=True)
    state = snapshot()
    with live:
        live.start("one")
        for _ in range(100):
            clock[0] += 0.01
            live.update(state)
        assert 3 <= file.getvalue().count("24 done") <= 5
        live.stop()
    assert "starting Ray" in file.getvalue()
    assert file.getvalue().endswith("\x1b[2K")  # the table is gone


def test_a_table_fits_80_columns(clock):
    state = snapshot()
    for outcome in ("finished", "stopped", "failed", "infeasible", "cached", "interrupted"):
        state.outcomes[outcome] = 100
    console = Console(file=io.StringIO(), width=80)
    console.print(table("a-run", state))
    assert "…" not in console.file.getvalue()


@pytest.mark.parametrize("terminal", [False, True])
def test_quiet_shows_nothing(terminal):
    live, file = shown(terminal=terminal, quiet=True)
    with live:
        live.start("one")
        live.update(snapshot())
        live.stop()
    assert file.getvalue() == ""


@pytest.mark.parametrize("terminal", [False, True])
def test_an_update_costs_under_50_microseconds(terminal):
    live, _ = shown(terminal=terminal)
    state = snapshot()
    state.report("t0", 0.5)
    times = []
    for _ in range(20):  # the least of many, since other programs take the processor away
        started = time.perf_counter()
        for _ in range(1000):
            live.update(state)
        times.append((time.perf_counter() - started) / 1000)
    live.stop()
    assert min(times) < 50e-6
