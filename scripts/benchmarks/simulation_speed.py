"""How fast simulation and strategies are.

    python scripts/benchmarks/simulation_speed.py

Absolute times: on an idle machine, the median of five runs.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable

from nas_ray.benchmarking import Plan, benchmark
from nas_ray.config import load_config
from nas_ray.simulation import simulate
from nas_ray.tables import load_table

RUNS = 5
PROPOSALS = {
    ("random", "nasbench201-cifar10", 300): 1.0,
    ("evolution", "nasbench201-cifar10", 300): 1.0,
    ("local-search", "nasbench201-cifar10", 300): 1.0,
    ("bayesian", "nasbench201-cifar10", 300): 60.0,
    ("auto", "nasbench201-cifar10", 300): 60.0,
    ("bayesian", "nasbench201-cifar10", 1000): 250.0,
    ("auto", "nasbench201-cifar10", 1000): 250.0,
}
"""(Strategy, table, observations) -> bound in milliseconds a trial, to propose and to learn."""
FURTHER = 20
"""Trials after that number over which the time is taken."""


def median(measure: Callable[[], float]) -> float:
    """Return the median of five runs."""
    return statistics.median(measure() for _ in range(RUNS))


def trials_per_second() -> float:
    """``random`` on curves of 14,935 networks with ASHA."""
    started = time.perf_counter()
    run = simulate("spikenas-cifar10", "random", "asha", workers=4, budget="2000trials")
    return len(run.cluster.ended) / (time.perf_counter() - started)


def milliseconds(strategy: str, table: str, observations: int) -> float:
    """Return what a trial takes after some observations: to propose it, and to learn from it."""
    searching = simulate(table, strategy, budget=f"{observations}trials").cluster.strategy
    searching.max_trials, found = None, load_table(table)
    started = time.perf_counter()
    for number in range(FURTHER):
        config = searching.suggest(f"further-{number}")
        assert isinstance(config, dict)
        entry = found.find(config)
        assert entry is not None
        report = {found.objective.metric: entry.value, "epoch": found.max_epochs, "outcome": "finished"}
        searching.on_trial_complete(f"further-{number}", report)
    return 1000 * (time.perf_counter() - started) / FURTHER


def hundred_seeds() -> float:
    """Return the seconds that 100 seeds of ``evolution`` with 300 trials take."""
    config = load_config({"run": {"trials": 300}, "stopping": {"name": "none"}})
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        benchmark(Plan(config, ("nasbench201-cifar10",), ("evolution",), seeds=100), folder)
    return time.perf_counter() - started


def main() -> None:
    """Print a line for each figure."""
    trials_per_second()
    print(f"simulation of random with ASHA on curves: {median(trials_per_second):,.0f} trials/s (aim 1,000)")
    for (strategy, table, observations), bound in PROPOSALS.items():
        took = milliseconds(strategy, table, observations)
        print(
            f"{strategy} at {observations} observations: {took:.2f} ms a trial (bound {bound:g})", flush=True
        )
    print(f"100 seeds of evolution, 300 trials each: {hundred_seeds():.1f} s (bound 60)")


if __name__ == "__main__":
    main()
