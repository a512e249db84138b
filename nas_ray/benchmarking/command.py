"""What ``nas-ray benchmark`` does between its flags and its output."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from nas_ray.benchmarking import page
from nas_ray.benchmarking.plan import Plan, strategies_of
from nas_ray.benchmarking.running import Progress, benchmark
from nas_ray.benchmarking.summary import as_text
from nas_ray.config import SearchConfig


def run(
    config: SearchConfig,
    *,
    table: str,
    strategies: str,
    workers: Sequence[int],
    seeds: int,
    at: Sequence[float],
    folder: Path,
    jobs: int | None,
    quiet: bool,
) -> str:
    """Run a benchmark, write its page, and return what is printed.

    Args:
        config: What all searches share.
        table: Tables, separated by commas.
        strategies: Strategies, separated by commas.
        workers: Numbers of virtual workers.
        seeds: Number of seeds.
        at: Further budgets at which strategies are compared.
        folder: Of the results.
        jobs: Processes.
        quiet: Show no progress.
    """
    names = tuple(name.strip() for name in table.split(",") if name.strip())
    plan = Plan(config, names, strategies_of(strategies), tuple(workers), seeds)
    plan.check_budgets(at)
    with _bar(quiet) as progress:
        result = benchmark(plan, folder, jobs=jobs, progress=progress)
    budgets = sorted({*at, plan.budget})
    written = page.write(result, folder, *budgets)
    return f"{as_text(result, *budgets)}\n\n{written}"


@contextmanager
def _bar(quiet: bool) -> Iterator[Progress]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("searches"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), disable=quiet, transient=True) as bar:
        task = bar.add_task("searches", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
