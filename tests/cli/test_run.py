"""Every verb on one real run."""

import io
import json
import shutil

import pandas as pd
import pytest
import yaml

from nas_ray.flags import search_config
from nas_ray.results import SearchResult, status


def test_a_search_ends_with_its_summary_on_stdout(run):
    assert run.answer.code == 0
    lines = run.answer.out.splitlines()
    for start in ("best architecture t0000", "val_acc 0.", "test_acc 0.", "parameters ", "time "):
        assert any(line.startswith(start) for line in lines)
    assert "trials 3: 3 finished" in lines
    assert f"run {run.path}" in lines
    assert f"drawn in {run.path / 'best' / 'architecture.svg'}" in lines
    assert "next nas-ray results runs/one --format csv --output trials.csv" in lines
    assert "     nas-ray resume runs/one --trials 6" in lines


def test_a_pipe_gets_few_plain_lines_and_nothing_of_ray(run):
    lines = run.answer.err.splitlines()
    assert lines[0] == "run one"
    assert len(lines) < 10
    assert all("; best val_acc 0." in line and " of 3 done" in line for line in lines[1:])
    assert lines[-1].endswith("3 of 3 done: 3 finished")
    assert "\x1b" not in run.answer.err + run.answer.out


def test_the_winner_is_drawn(run, tmp_path):
    best = SearchResult.load(run.path).best
    drawn = (run.path / "best" / "architecture.svg").read_text()
    assert drawn == best.draw(tmp_path / "again.svg").read_text()
    assert f"dense {best.config['layer0.units']}" in drawn


def test_the_resolved_configuration_is_saved(run):
    plain = yaml.safe_load((run.path / "config.yaml").read_text())
    assert (plain["space"]["name"], plain["run"]["trials"], plain["run"]["name"]) == ("mlp", 3, "one")


def test_status(run, ask, monkeypatch):
    monkeypatch.chdir(run.folder)
    by_name, by_folder = ask("status", "one"), ask("status", run.path)
    assert by_name.code == by_folder.code == 0
    assert "stopped (done)" in by_name.out
    assert "trials 3 of 3 begun; 3 finished" in by_folder.out


def test_list(run, ask, tmp_path):
    answer = ask("list", "--runs-dir", run.folder / "runs")
    assert answer.code == 0
    head, row = answer.out.splitlines()
    assert head.split() == ["name", "space", "strategy", "data", "started", "trials", "best", "state"]
    assert row.split()[:4] == ["one", "mlp", "random", "digits"]
    empty = ask("list", "--runs-dir", tmp_path)
    assert empty.code == 0
    assert "no runs in" in empty.out


def test_results_in_every_format(run, ask, tmp_path):
    table = ask("results", run.path)
    assert (table.code, len(table.out.splitlines())) == (0, 4)
    assert len(json.loads(ask("results", run.path, "--format", "json").out)) == 3
    frame = pd.read_csv(io.StringIO(ask("results", run.path, "--format", "csv").out))
    assert frame["outcome"].tolist() == ["finished"] * 3
    file = tmp_path / "trials.parquet"
    answer = ask("results", run.path, "--format", "parquet", "--output", file)
    assert (answer.code, answer.out) == (0, f"wrote {file}\n")
    assert len(pd.read_parquet(file)) == 3


def test_results_by_epoch(run, ask, tmp_path):
    frame = pd.read_csv(io.StringIO(ask("results", run.path, "--epochs", "--format", "csv").out))
    assert len(frame) == 6
    file = tmp_path / "epochs.parquet"
    assert ask("results", run.path, "--epochs", "--format", "parquet", "--output", file).code == 0
    assert pd.read_parquet(file)["epoch"].tolist() == frame["epoch"].tolist()


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        (["--format", "jsn"], 2, "did you mean 'json'?"),
        (["--format", "parquet"], 2, "must have a file"),
        (["--output", "/no/such/folder/x.csv", "--format", "csv"], 1, "cannot be written"),
    ],
)
def test_results_that_cannot_be(run, ask, words, code, text):
    answer = ask("results", run.path, *words)
    assert (answer.code, answer.out) == (code, "")
    assert text in answer.err


def test_a_second_run_of_the_name_is_refused_and_the_first_kept(run, ask, monkeypatch):
    monkeypatch.chdir(run.folder)
    before = {path: path.stat().st_mtime_ns for path in run.path.rglob("*")}
    answer = ask("search", "--space", "mlp", "--name", "one")
    assert answer.code == 1
    assert "`run.name` must be new" in answer.err
    assert f"nas-ray resume {run.path}" in answer.err
    assert {path: path.stat().st_mtime_ns for path in run.path.rglob("*")} == before


def test_a_finished_run_takes_more_trials(run, execute, tmp_path):
    shutil.copytree(run.path, tmp_path / "more")
    answer = execute("resume", "more", "run.trials=5", "--quiet", folder=tmp_path)
    assert (answer.code, answer.out, answer.err) == (0, "", "")
    frame = pd.read_parquet(tmp_path / "more" / "trials.parquet")
    assert (frame["outcome"] == "finished").sum() == 5
    assert frame.loc[frame["outcome"] == "finished", "config_id"].is_unique
    assert yaml.safe_load((tmp_path / "more" / "config.yaml").read_text())["run"]["trials"] == 5
    assert status(tmp_path / "more").total == 5


def test_a_total_below_what_was_done_is_refused(run, ask):
    before = (run.path / "config.yaml").read_text()
    answer = ask("resume", run.path, "--trials", "2")
    assert (answer.code, answer.out) == (2, "")
    assert "`run.trials` is the new total and must be at least the 3" in answer.err
    assert (run.path / "config.yaml").read_text() == before


def test_flags_win_over_set_over_words_over_the_file(tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text("run: {trials: 1, seed: 1}\nestimation: {max_epochs: 1}\nspace: {name: mlp}\n")
    words, pairs = [str(file), "run.seed=2", "run.trials=2", "estimation.max_epochs=2"], ["run.trials=3"]
    config = search_config(words, [*pairs, "estimation.max_epochs=3"], {"max_epochs": 4, "name": None})
    assert (config.run.seed, config.run.trials, config.estimation.max_epochs) == (2, 3, 4)
    assert config.space.name == "mlp"
