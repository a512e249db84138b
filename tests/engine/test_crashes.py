"""What is told of a process that died or could not be prepared, and of a test part that cannot be read."""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from odd_spaces import Tiny

import nas_ray
from nas_ray import Learner
from nas_ray.ending import follow
from nas_ray.engine.crashes import reason_of, text_of
from nas_ray.ledger import read

DIED = """The actor died unexpectedly before finishing this task.
\tclass_name: ResourceTrainable
\tpid: 4711
The actor is dead because its worker process has died. Worker exit type: SYSTEM_ERROR Worker exit detail: \
Worker unexpectedly exits with a connection error code 2. End of file. Some common causes include: (1) the \
process was killed by the OOM killer due to high memory usage, (2) ray stop --force was called"""
KILLED = """1 worker(s) were killed due to the node running low on memory. Memory was 22.9GB used
OOM kill reason: Memory usage 24001091584B exceeded threshold
22408\t0.77\tray::IDLE
Refer to the documentation on how to address the out of memory issue: https://docs.ray.io"""
RAISED = """\x1b[36mray::ResourceTrainable.train()\x1b[39m (pid=4711, ip=192.0.2.2)
  File "estimator.py", line 12, in step
    raise RuntimeError("CUDA error")
RuntimeError: CUDA error: device-side assert triggered"""
FULL = RAISED.replace("RuntimeError: CUDA error: device-side assert triggered", "MemoryError")


def failed(folder, *errors):
    """Return one of Tune's trials with these failures, as Tune writes them."""
    file = folder / "error.txt"
    failures = [
        f"Failure # {number} (occurred at 2026-01-01)\n{error}\n" for number, error in enumerate(errors)
    ]
    file.write_text("".join(failures))
    return SimpleNamespace(error_file=file.as_posix())


@pytest.mark.parametrize(
    ("error", "reason", "last"),
    [
        (DIED, "lost", "Worker unexpectedly exits with a connection error code 2. End of file."),
        (KILLED, "out_of_memory", "Memory was 22.9GB used"),
        (RAISED, "error", "RuntimeError: CUDA error: device-side assert triggered"),
        (FULL, "out_of_memory", "MemoryError"),
    ],
)
def test_the_last_failure_of_a_trial_says_why_it_ended(error, reason, last, tmp_path):
    for other in (DIED, KILLED, RAISED):
        trial = failed(tmp_path, other, error)
        assert reason_of(trial) == reason
        assert text_of(trial).endswith(last)
        assert "\x1b" not in text_of(trial)


@pytest.mark.parametrize("file", [None, "gone.txt"])
def test_a_trial_without_a_word_of_its_end_is_lost(file):
    trial = SimpleNamespace(error_file=file)
    assert (reason_of(trial), text_of(trial)) == ("lost", "the process of the trial was lost")


class Unreadable(Tiny):
    """A space whose module is on the driver's machine alone."""

    name = "unreadable"

    def __init__(self):
        self.driver = os.getpid()

    def __setstate__(self, state):
        if os.getpid() != state["driver"]:
            raise ModuleNotFoundError("No module named 'helper'")
        self.__dict__.update(state)


class Untestable(Learner):
    """Trains as any other, and fails on the test part."""

    def evaluate(self, part):
        if part == "test":
            raise ValueError("the test part is gone")
        return super().evaluate(part)


def search(tmp_path, **changes):
    settings = {"space": "mlp", "strategy": "random", "trials": 2, "max_epochs": 1, "stopping": "none"}
    settings |= {"data": "digits", "runs_dir": tmp_path, "name": "run", "concurrency": 1}
    return nas_ray.search(**{**settings, **changes})


@pytest.mark.usefixtures("local_ray")
@pytest.mark.parametrize(
    ("changes", "reason", "words"),
    [
        ({"space": Unreadable()}, "error", "No module named 'helper'"),
        ({"overrides": {"estimation.resolution": 50_000}}, "out_of_memory", "allocate memory"),
    ],
)
def test_a_worker_that_cannot_be_prepared_says_why_and_is_not_started_again(changes, reason, words, tmp_path):
    result = search(tmp_path, **changes)
    assert list(result.trials["outcome"]) == ["failed", "failed"]
    assert list(result.trials["reason"]) == [reason, reason]
    assert all(words in error.splitlines()[-1] for error in result.trials["error"])
    assert not any(record["kind"] == "retry" for record in read(result.path / "ledger.jsonl"))


@pytest.mark.usefixtures("local_ray")
def test_a_test_part_that_cannot_be_read_leaves_the_rest_of_the_run(tmp_path, capsys):
    code = follow(lambda live: search(tmp_path, learner=Untestable, progress=live), str(tmp_path))
    shown = capsys.readouterr().out
    assert code == 0
    assert "test part could not be read: ValueError: the test part is gone" in shown
    assert "trials 2: 2 finished" in shown
    result = nas_ray.SearchResult.load(tmp_path / "run")
    assert result.best.test == {}
    assert "ValueError: the test part is gone" in result.best.test_error
    again = nas_ray.resume(result.path, learner=Learner)
    assert (again.best.test["test_acc"] > 0.1, again.best.test_error) == (True, "")


def test_a_killed_worker_is_not_heard_of_on_the_terminal_of_a_quiet_search(tmp_path):
    (tmp_path / "fatal.py").write_text(
        "from odd_spaces import Killing\n"
        "class Fatal(Killing):\n"
        "    def __init__(self):\n"
        f"        super().__init__({str(tmp_path / 'killed')!r})\n"
    )
    words = "search -q --space fatal:Fatal --strategy random --data digits --trials 2 --max-epochs 1"
    words += f" --stopping none --concurrency 1 --name run --runs-dir {tmp_path}"
    path = os.pathsep.join([str(Path(__file__).parent), str(tmp_path)])
    done = subprocess.run(
        [sys.executable, "-c", "import sys; from nas_ray.cli import main; sys.exit(main())", *words.split()],
        env={**os.environ, "PYTHONPATH": path, "RAY_DEDUP_LOGS": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    retries = [record for record in read(tmp_path / "run" / "ledger.jsonl") if record["kind"] == "retry"]
    assert len(retries) == 1
    assert "its worker process has died" in retries[0]["error"]
