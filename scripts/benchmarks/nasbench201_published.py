"""Strategies at 12,000 virtual seconds on NAS-Bench-201, CIFAR-10, beside what is published.

The protocol of Dong and Yang (2020): strategies see the validation accuracy after 12 epochs, which costs
12/200 of the seconds of a full training; what is reported is the test accuracy of the incumbent after 200.

    python scripts/benchmarks/nasbench201_published.py [--quick]

It takes about ten minutes on two cores; ``--quick`` has a tenth of the seeds.
"""

from __future__ import annotations

import sys
import tempfile

import numpy as np

from nas_ray.benchmarking import Plan, benchmark
from nas_ray.config import load_config
from nas_ray.tables import load_table

TABLE = "nasbench201-cifar10"
AIMS = {
    "random": (93.70, 100),
    "evolution": (94.10, 100),
    "local-search": (94.20, 100),
    "controller": (93.90, 20),
    "optuna": (94.15, 20),
    "bayesian": (94.37, 20),
    "auto": (94.37, 20),
}
"""Strategy -> (mean test accuracy in percent, seeds)."""
BEST_OF = {10: 93.06, 100: 93.84}
"""Number of random cells -> published mean test accuracy in percent of the best of them by test accuracy."""


def at_12000_seconds(strategy: str, seeds: int) -> tuple[float, float, float]:
    """Return mean, standard error and mean number of trials; accuracies in percent."""
    config = load_config({"run": {"trials": None, "time_budget": 12_000}, "stopping": {"name": "none"}})
    with tempfile.TemporaryDirectory() as folder:
        result = benchmark(Plan(config, (TABLE,), (strategy,), seeds=seeds), folder)
    values = 100 * result.values()["report"].to_numpy(dtype=np.float64)
    trials = result.trajectories.groupby("seed")["trials"].max().mean()
    return float(values.mean()), float(values.std(ddof=1) / len(values) ** 0.5), float(trials)


def best_of(cells: int, draws: int = 2000) -> float:
    """Return the mean test accuracy in percent of the best of some random cells, by test accuracy."""
    reported = load_table(TABLE).reported
    rng = np.random.default_rng(0)
    return float(
        100 * np.mean([reported[rng.integers(len(reported), size=cells)].max() for _ in range(draws)])
    )


def main() -> None:
    """Print a line for each figure."""
    share = 10 if "--quick" in sys.argv[1:] else 1
    for cells, published in BEST_OF.items():
        print(f"best of {cells} random cells by test accuracy: {best_of(cells):.2f} (published {published})")
    print(f"{'strategy':14}{'seeds':>6}{'trials':>8}{'test %':>9}{'± s.e.':>8}{'aim':>8}")
    for strategy, (aim, seeds) in AIMS.items():
        mean, error, trials = at_12000_seconds(strategy, max(2, seeds // share))
        verdict = "reached" if mean + 2 * error >= aim else "MISSED"
        line = f"{strategy:14}{max(2, seeds // share):6}{trials:8.0f}{mean:9.3f}{error:8.3f}{aim:8.2f}"
        print(f"{line}  {verdict}", flush=True)


if __name__ == "__main__":
    main()
