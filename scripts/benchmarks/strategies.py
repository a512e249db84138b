"""How many trials ``bayesian`` and ``auto`` need to find the best network of a table.

    python scripts/benchmarks/strategies.py [--quick]

It takes about half an hour on two cores; ``--quick`` has a tenth of the seeds. A search that is limited by
trials ends with workers for whom there is nothing left to do; one that is limited by time does not.
"""

from __future__ import annotations

import sys
import tempfile
from typing import NamedTuple

import numpy as np

from nas_ray.benchmarking import Plan, benchmark
from nas_ray.config import load_config
from nas_ray.simulation import simulate

TABLE = "nasbench201-cifar10"


class Aim(NamedTuple):
    """What is asked of a strategy on a table.

    Args:
        strategy: Its name.
        table: The table.
        trials: Of a search.
        seeds: How many searches.
        found: Smallest share of the searches that find the best network.
        mean: Largest mean number of trials until then.
        workers: Virtual workers.
    """

    strategy: str
    table: str
    trials: int
    seeds: int
    found: float
    mean: float
    workers: int = 1


AIMS = [
    Aim(strategy, f"nasbench201-{name}", 100, 30, 1.0, mean)
    for strategy in ("bayesian", "auto")
    for name, mean in (
        ("cifar10", 45),
        ("cifar10-e200", 40),
        ("cifar100", 45),
        ("cifar100-e200", 45),
        ("imagenet16", 45),
        ("imagenet16-e200", 45),
    )
]
AIMS.append(Aim("auto", "nasbench_macro", 150, 30, 0.9, 150))
PARALLEL = [Aim("auto", TABLE, 150, 100, 1.0, np.inf, workers) for workers in (1, 8)]


def trials_to_best(aim: Aim, seeds: int) -> tuple[np.ndarray, float, float]:
    """Return the trials until the best network was found (NaN: it was not), utilisation, ms a trial."""
    config = load_config({"run": {"trials": aim.trials}, "stopping": {"name": "none"}})
    with tempfile.TemporaryDirectory() as folder:
        plan = Plan(config, (aim.table,), (aim.strategy,), (aim.workers,), seeds)
        result = benchmark(plan, folder)
    found = result.trajectories[result.trajectories["best"] == result.tables[aim.table].optimum()]
    first = found.groupby("seed")["trials"].min().reindex(range(seeds))
    values = result.values()
    return first.to_numpy(dtype=float), values["utilisation"].mean(), values["propose_ms"].mean()


def main() -> None:
    """Print a line for each aim."""
    divisor = 10 if "--quick" in sys.argv[1:] else 1
    print(f"{'strategy':10}{'table':29}{'workers':>8}{'found':>9}{'mean':>7}{'max':>6}{'busy':>7}{'ms':>6}")
    means = []
    for aim in [*AIMS, *PARALLEL]:
        seeds = max(2, aim.seeds // divisor)
        first, busy, milliseconds = trials_to_best(aim, seeds)
        known = first[np.isfinite(first)]
        reached = len(known) >= aim.found * seeds and known.mean() <= aim.mean
        means.append(known.mean())
        print(
            f"{aim.strategy:10}{aim.table:29}{aim.workers:8}{len(known):6}/{seeds}{known.mean():7.1f}"
            f"{known.max():6.0f}{busy:7.3f}{milliseconds:6.1f}  {'reached' if reached else 'MISSED'}",
            flush=True,
        )
    print(f"8 workers need {means[-1] / means[-2] - 1:+.0%} trials (aim: at most +20 %)")
    for budget in ("150trials", "300trials", "12000s"):
        runs = [simulate(TABLE, "auto", workers=8, budget=budget, seed=seed) for seed in range(5)]
        share = sum(run.utilisation for run in runs) / len(runs)
        print(f"8 workers are busy {share:.1%} of a search of {budget} (aim: above 98 %)")


if __name__ == "__main__":
    main()
