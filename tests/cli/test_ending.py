"""How a search ends: exit code, and the way on."""

import json
import shutil

import pytest

from nas_ray.ending import follow
from nas_ray.results import SearchResult


@pytest.fixture
def failed(run, tmp_path):
    """The run as if every trial had run out of memory."""
    shutil.copytree(run.path, tmp_path / "bad")
    ledger = tmp_path / "bad" / "ledger.jsonl"
    records = [json.loads(text) for text in ledger.read_text().splitlines()]
    for record in records:
        if record["kind"] == "end":
            record |= {"outcome": "failed", "reason": "out_of_memory", "error": "OutOfMemoryError: too big"}
    ledger.write_text("".join(json.dumps(record) + "\n" for record in records))
    return tmp_path / "bad"


def test_a_finished_trial_is_success(run, capsys):
    assert follow(lambda live: SearchResult.load(run.path), str(run.path.parent)) == 0
    assert "best architecture" in capsys.readouterr().out


def test_without_a_finished_trial_it_is_none(failed, capsys):
    assert follow(lambda live: SearchResult.load(failed), str(failed.parent), quiet=True) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert "no trial finished: 3 out_of_memory; the first error: OutOfMemoryError: too big" in said.err
    assert "nas-ray results" in said.err


@pytest.mark.parametrize(
    ("title", "text"), [("", "before the run began"), ("one", "nas-ray resume runs/one")]
)
def test_ctrl_c_outside_the_training(title, text, capsys):
    def interrupted(live):
        live.title = title
        raise KeyboardInterrupt

    assert follow(interrupted, "runs") == 130
    assert text in capsys.readouterr().err


def test_an_exception_says_how_to_go_on_and_goes_on(capsys):
    def broken(live):
        live.title = "one"
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        follow(broken, "runs")
    assert "take it up with `nas-ray resume runs/one`" in capsys.readouterr().err
