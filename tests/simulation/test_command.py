"""``nas-ray simulate`` on the command line."""

import re
from pathlib import Path

import pytest

from nas_ray.cli import main
from nas_ray.results import SearchResult


def test_one_simulation_leaves_a_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = "--table nasbench201-cifar10 --strategy evolution --workers 4 --budget 50trials --name one"
    words = line.split()
    assert main(["simulate", *words, "--runs-dir", str(tmp_path)]) == 0
    shown = capsys.readouterr().out
    assert re.search(r"test_acc 0\.9\d{3}", shown)
    result = SearchResult.load(tmp_path / "one")
    assert result.config["simulation"]["table"] == "nasbench201-cifar10"
    assert result.outcomes()["finished"] == 50
    assert main(["simulate", *words, "--runs-dir", str(tmp_path)]) != 0
    assert "must be new" in capsys.readouterr().err


def test_a_configuration_says_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "config.yaml").write_text(
        "simulation: {table: nasbench_macro}\n"
        "strategy: {name: evolution, population_size: 5, sample_size: 2}\n"
        f"run: {{trials: 20, dir: {tmp_path}, name: two}}\nresources: {{concurrency: 2}}\n"
    )
    assert main(["simulate", str(tmp_path / "config.yaml")]) == 0
    assert "mean_acc" in capsys.readouterr().out
    assert SearchResult.load(tmp_path / "two").outcomes()["finished"] == 20


def test_the_planner_compares_numbers_of_workers(capsys: pytest.CaptureFixture[str]) -> None:
    words = "--table nasbench201-cifar10 --strategy random --workers 1,8 --budget 40trials"
    assert main(["simulate", *words.split(), "--price-per-gpu-hour", "2"]) == 0
    shown = capsys.readouterr().out
    assert "gpu_hours" in shown
    assert "cost" in shown
    assert [line.split()[0] for line in shown.splitlines()[-2:]] == ["1", "8"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--table", "nasbench301"], "no table is called 'nasbench301'"),
        (["--table", "nasbench_macro", "--budget", "300"], "12000s, 300trials or 2700epochs"),
        (["--table", "nasbench_macro", "--workers", "none"], "`--workers`"),
        ([], "a simulation must have a table"),
        (["--table", "nasbench_macro", "simulation.tabel=x"], "did you mean 'table'"),
    ],
)
def test_what_cannot_be_is_said(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["simulate", *words]) == 2
    assert message in capsys.readouterr().err
