"""``--dry-run``: what would be searched, without starting Ray or making a folder."""

import re

import numpy as np
import ray
import yaml


def test_a_preview_says_what_would_be_searched(ask, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    running = ray.is_initialized()
    answer = ask("search", "--space", "mlp", "--trials", "6", "--max-epochs", "3", "--dry-run")
    assert (answer.code, answer.err) == (0, "")
    plain, _, rest = answer.out.partition("\n\n")
    config = yaml.safe_load(plain)
    assert (config["space"]["name"], config["run"]["trials"]) == ("mlp", 6)
    rows = {line.split()[0]: line[11:].strip() for line in rest.splitlines() if line[0] != " "}
    assert rows["task"].startswith("classification, inputs 1 x 8 x 8, 10 classes; 1,079 training")
    assert rows["space"] == "5.32e+10 configurations"
    assert rows["parameters"].endswith("; 20 sampled networks")
    assert rows["flops"].endswith("; 20 sampled networks")
    assert rows["time"].startswith("about ")
    assert "18 epochs" in rest
    assert "makes it less" in rest
    assert ray.is_initialized() == running
    assert list(tmp_path.iterdir()) == []


def test_a_preview_says_what_a_time_budget_is_enough_for(ask, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    answer = ask("search", "--space", "mlp", "--time-budget", "60", "--dry-run")
    assert "about 1 min 0 s, the time budget" in answer.out
    assert re.search(r"enough for about [1-9][\d,]* epochs of networks of that size", answer.out)
    answer = ask("search", "--space", "mlp", "run.trials=null", "--dry-run")
    assert "open: neither trials nor epochs nor time are limited" in answer.out
    assert "inf" not in answer.out.replace("infeasible", "")


def test_a_preview_counts_what_constraints_exclude(ask, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    answer = ask("search", "--space", "mlp", "constraints.params=1", "--dry-run")
    assert "20 of 20 sampled networks exceed a constraint" in answer.out


def test_a_preview_refuses_what_the_search_refuses(ask, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs" / "one").mkdir(parents=True)
    answer = ask("search", "--name", "one", "--dry-run")
    assert (answer.code, answer.out) == (1, "")
    assert "`run.name` must be new" in answer.err


def test_networks_that_cannot_be_built_are_told(ask, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "unbuildable_space_of_mine.py").write_text(
        "from ray import tune\n"
        "from nas_ray.spaces import SearchSpace\n"
        "def build(config, task):\n"
        "    raise ZeroDivisionError('by zero')\n"
        "space = SearchSpace.from_function({'a': tune.choice([1, 2])}, build)\n"
    )
    answer = ask("search", "--space", "unbuildable_space_of_mine:space", "--dry-run")
    assert answer.code == 1
    assert "cannot be built: by zero" in answer.err


def test_a_preview_names_tokens(ask, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ids = {f"x_{part}": np.ones((8, 9), int) for part in ("train", "val", "test")}
    labels = {f"y_{part}": np.arange(8) % 2 for part in ("train", "val", "test")}
    np.savez("text.npz", **ids, **labels, vocabulary=1200)
    answer = ask("search", "--space", "recurrent", "--data", "npz:text.npz", "--trials", "2", "--dry-run")
    assert (answer.code, answer.err) == (0, "")
    assert "classification, 9 tokens of 1,200, 2 classes; 8 training" in answer.out
