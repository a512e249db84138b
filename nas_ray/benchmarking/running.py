"""Running a benchmark: its searches in parallel processes, each one once."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from functools import partial

from nas_ray.benchmarking.plan import Cell, Plan
from nas_ray.benchmarking.result import BenchmarkResult
from nas_ray.benchmarking.store import Store
from nas_ray.errors import ConfigError
from nas_ray.simulation import check_config, simulate_config
from nas_ray.tables import load_table

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""Each process computes in one thread: there is a process for every core already."""

Progress = Callable[[int, int], None]
"""Called with the numbers of searches that are done, and of all."""


def benchmark(
    plan: Plan,
    folder: str | os.PathLike[str],
    *,
    jobs: int | None = None,
    progress: Progress | None = None,
) -> BenchmarkResult:
    """Run what is not in the folder yet, and return all that the plan asks for.

    A benchmark that was interrupted, or is asked for with more seeds, tables or strategies in the same
    folder, runs only what is missing.

    Args:
        plan: What is compared.
        folder: Where the trajectories are.
        jobs: Processes; None takes one for each core, 1 runs everything in this process.
        progress: Hears of every search that ends.

    Raises:
        ConfigError: If a setting cannot be.
        UnknownName: If a table or strategy is not known.
        Unsupported: If a strategy cannot serve a table's space; all this before the first search.
    """
    if jobs is not None and jobs < 1:
        raise ConfigError(f"`jobs` must be at least 1, but got {jobs}")
    cells = list(plan.cells())
    tables = {name: load_table(name).within(plan.config.constraints.limits) for name in plan.tables}
    for cell in cells:
        if cell.seed == plan.config.run.seed:
            check_config(cell.config)
    store = Store(folder)
    known = store.done()
    missing = [cell for cell in cells if cell.key not in known]
    tell = progress or (lambda done, total: None)
    tell(len(cells) - len(missing), len(cells))
    ends = _here(missing, store) if jobs == 1 else _in_processes(missing, store, jobs or os.cpu_count() or 1)
    for count, _ in enumerate(ends, len(cells) - len(missing) + 1):
        tell(count, len(cells))
    keys = {cell.key for cell in cells}
    merged = store.merge()
    frame = merged[merged["key"].isin(keys)].reset_index(drop=True)
    return BenchmarkResult(plan, frame, tables)


def _here(cells: list[Cell], store: Store) -> Iterator[None]:
    for cell in cells:
        _run(store, cell)
        yield


def _in_processes(cells: list[Cell], store: Store, jobs: int) -> Iterator[None]:
    if not cells:
        return
    # Not forked: a fork of a process with threads (Ray's, torch's) may hang.
    start = multiprocessing.get_context("spawn")
    with _one_thread_each(), ProcessPoolExecutor(min(jobs, len(cells)), mp_context=start) as pool:
        futures = [pool.submit(partial(_run, store), cell) for cell in cells]
        try:
            for future in as_completed(futures):
                future.result()
                yield
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _run(store: Store, cell: Cell) -> None:
    store.add(cell, simulate_config(cell.config))


@contextmanager
def _one_thread_each() -> Iterator[None]:
    before = {name: os.environ.get(name) for name in THREADS}
    os.environ.update(dict.fromkeys(THREADS, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
