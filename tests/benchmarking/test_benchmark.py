"""``nas-ray benchmark``: parallel, resumable, with everything it leaves."""

import re
from pathlib import Path

import pandas as pd
import pytest

from nas_ray.benchmarking import BenchmarkResult, Plan, benchmark
from nas_ray.benchmarking.summary import as_text, summary_frame
from nas_ray.cli import main
from nas_ray.config import load_config
from nas_ray.errors import ConfigError, UnknownName, Unsupported
from nas_ray.simulation import simulate
from nas_ray.tables import load_table

CONFIG = load_config({"run": {"trials": 60}, "stopping": {"name": "none"}})
FAST = "evolution(population_size=8,sample_size=4)"


def plan(seeds: int = 3, **changes: object) -> Plan:
    asked = {"tables": ("nasbench201-cifar10",), "strategies": ("random", FAST)}
    return Plan(CONFIG, **{**asked, **changes}, seeds=seeds)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def result(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> BenchmarkResult:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NAS_RAY_DATA", str(shared_data.resolve()))
        return benchmark(plan(12), tmp_path_factory.mktemp("benchmark"), jobs=1)


def test_a_search_of_a_benchmark_is_that_search(result: BenchmarkResult) -> None:
    frame = result.trajectories
    one = frame[(frame["strategy"] == "random") & (frame["seed"] == 4)].reset_index(drop=True)
    alone = simulate("nasbench201-cifar10", "random", budget="60trials", seed=4).trajectory
    pd.testing.assert_frame_equal(one[list(alone.columns)], alone)


def test_values_never_get_worse_and_never_pass_the_optimum(result: BenchmarkResult) -> None:
    early, late = result.values(20), result.values(60)
    assert (late["score"] >= early["score"]).all()
    assert (result.values()["best"] <= load_table("nasbench201-cifar10").optimum()).all()
    assert (result.curves["low"] >= 0).all()


def test_evolution_is_better_than_random_and_said_to_be(result: BenchmarkResult) -> None:
    """Wilcoxon, paired by 12 seeds, level 0.05."""
    frame = summary_frame(result)
    assert list(frame["strategy"]) == [FAST, "random"]
    assert list(frame["better_than"]) == ["random", ""]
    text = as_text(result, 30, 60)
    assert "level 0.05, Holm over 2 comparisons" in text
    assert "30 trials" in text


def test_processes_change_nothing_and_nothing_is_run_twice(result: BenchmarkResult, tmp_path: Path) -> None:
    calls: list[tuple[int, int]] = []
    first = benchmark(plan(2), tmp_path, jobs=2, progress=lambda *now: calls.append(now))
    assert calls == [(0, 4), (1, 4), (2, 4), (3, 4), (4, 4)]
    calls.clear()
    more = benchmark(plan(3), tmp_path, jobs=2, progress=lambda *now: calls.append(now))
    assert calls == [(4, 6), (5, 6), (6, 6)]
    real = ["table", "strategy", "workers", "seed", "trials", "seconds", "value", "best", "report"]
    wanted = result.trajectories[result.trajectories["seed"] < 3]
    for frame, seeds in ((first.trajectories, 2), (more.trajectories, 3)):
        expected = wanted[wanted["seed"] < seeds].sort_values(["strategy", "seed", "trials"])
        found = frame.sort_values(["strategy", "seed", "trials"])
        assert found[real].reset_index(drop=True).equals(expected[real].reset_index(drop=True))
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["parts", "trajectories.parquet"]
    assert not list((tmp_path / "parts").iterdir())


def test_an_interrupted_benchmark_goes_on(tmp_path: Path) -> None:
    def interrupt(done: int, total: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        benchmark(plan(2), tmp_path, jobs=1, progress=interrupt)
    calls: list[int] = []
    benchmark(plan(2), tmp_path, jobs=1, progress=lambda done, total: calls.append(done))
    assert calls == [2, 3, 4]


def test_the_command_leaves_a_page_with_curves(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = "benchmark --table nasbench_macro,naap440 --strategies random,evolution --seeds 2 --workers 1,4"
    assert main([*words.split(), "--budget", "20trials", "--jobs", "1", "--output", str(tmp_path)]) == 0
    shown = capsys.readouterr().out
    assert "nasbench_macro, 4 workers, 20 trials" in shown
    page = (tmp_path / "benchmark.html").read_text()
    assert page.count("<img") == 4
    assert "http" not in re.sub(r'src="data:[^"]*"', "", page)
    for image in ("regret-nasbench_macro-1.png", "regret-naap440-4.png"):
        assert (tmp_path / image).read_bytes().startswith(b"\x89PNG")
    assert len(pd.read_csv(tmp_path / "summary.csv")) == 8


def test_a_budget_in_seconds_is_an_axis_of_its_own(tmp_path: Path) -> None:
    timed = load_config(CONFIG, {"run.trials": None, "run.time_budget": 3000})
    found = benchmark(Plan(timed, ("nasbench201-cifar10",), ("random",), seeds=2), tmp_path, jobs=1)
    assert found.axis == "seconds"
    assert found.curves["spent"].max() == 3000


def test_what_cannot_be_is_said_before_anything_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    with pytest.raises(UnknownName, match="nasbench301"):
        benchmark(plan(tables=("nasbench_macro", "nasbench301")), tmp_path)
    with pytest.raises(UnknownName, match="evolutoin"):
        benchmark(plan(strategies=("random", "evolutoin")), tmp_path)
    with pytest.raises(ConfigError, match="sample_size"):
        benchmark(plan(strategies=("evolution(sample_size=99)",)), tmp_path)
    with pytest.raises(ConfigError, match="`jobs` must be at least 1, but got 0"):
        benchmark(plan(), tmp_path, jobs=0)
    with pytest.raises(Unsupported, match="telepathy"):
        benchmark(plan(strategies=("needy:Needy",)), tmp_path)
    assert not list(tmp_path.rglob("*.parquet"))
