"""A strategy that thinks for half a second, against one that answers at once.

    python scripts/benchmarks/engine_slow_strategy.py [--runs 3] [--trials 120]

4 workers, trials of 0.6 s: the workers need 6.7 proposals a second, the strategy makes 2. Both sides run in
nas_ray's engine, alternated. Prints trials per second of every run, and the ratio of the medians once all
workers are up; the aim is at least 0.95.
"""

from __future__ import annotations

import argparse
import statistics
import sys

import engine_sides

AIM = 0.95


def main() -> None:
    """Alternate both strategies."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--trials", type=int, default=120)
    given = parser.parse_args()
    rates: dict[float, list[float]] = {0.0: [], 0.5: []}
    for _ in range(given.runs):
        for thinks, measured in rates.items():
            run = engine_sides.measured(trials=given.trials, at_once=4, seconds=0.6, thinks=thinks)
            measured.append(run["steady_rate"])
            print(
                f"  {thinks:.1f} s a proposal  {run['total_s']:6.1f} s  {run['rate']:.2f} trials/s in all, "
                f"{run['steady_rate']:.2f} once the pool is up  actors {run['actors']}",
                flush=True,
            )
    instant, slow = (statistics.median(measured) for measured in rates.values())
    print(f"  ratio {slow / instant:.3f} (aim at least {AIM})")
    sys.exit(slow / instant < AIM)


if __name__ == "__main__":
    main()
