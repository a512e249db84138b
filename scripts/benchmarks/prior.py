"""What it is worth to train first, of 100 random networks, the tenth that has most parameters.

    python scripts/benchmarks/prior.py [--seeds 30] [--strategies random,evolution,local-search,auto]

On published tables, each seed once with ``prior=["params"]`` and once without. Printed is the ratio of the
mean regrets, with it to without it, after 10, 20, 50 and 100 trials, and its 95 % bootstrap interval over
paired seeds. Regret is how far the best value of the search signal is below the best of the table.
"""

from __future__ import annotations

import argparse
from concurrent.futures import ProcessPoolExecutor
from functools import partial

import numpy as np
from numpy.typing import NDArray
from stopping import ratio

from nas_ray.simulation import simulate

TABLES = (
    "nasbench201-cifar10",
    "nasbench201-cifar100",
    "nasbench201-imagenet16",
    "nasbench_macro",
    "spikenas-cifar10",
    "naap440",
)
TRIALS = (10, 20, 50, 100)


def regrets(table: str, strategy: str, prior: tuple[str, ...], seed: int) -> NDArray[np.float64]:
    """Return how far the best value is below the table's best after each number of :data:`TRIALS`."""
    run = simulate(table, strategy, budget=f"{max(TRIALS)}trials", seed=seed, prior=prior)
    best = run.trajectory["best"].to_numpy(dtype=np.float64)
    found: NDArray[np.float64] = np.abs(run.cluster.table.optimum() - best[[trials - 1 for trials in TRIALS]])
    return found


def main() -> None:
    """Print a line for every table and strategy."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seeds", type=int, default=30)
    parser.add_argument("--strategies", default="random,evolution,local-search,auto")
    words = parser.parse_args()
    print(f"{'table':24}{'strategy':14}" + "".join(f"{f'{trials} trials':>20}" for trials in TRIALS))
    with ProcessPoolExecutor() as pool:
        for table in TABLES:
            for strategy in words.strategies.split(","):
                with_it, without = (
                    np.array(list(pool.map(partial(regrets, table, strategy, prior), range(words.seeds))))
                    for prior in (("params",), ())
                )
                ratios = map(ratio, with_it.T, without.T)  # none where a search has found the best
                print(f"{table:24}{strategy:14}" + "".join(f"{each:>20}" for each in ratios), flush=True)


if __name__ == "__main__":
    main()
