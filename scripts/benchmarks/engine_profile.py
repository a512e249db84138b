"""What a trial that computes nothing still costs the driver: a profile of its time and of its memory.

    python scripts/benchmarks/engine_profile.py [--side engine] [--trials 5000] [--rows 15]

Runs the case ``growth`` of ``engine_throughput.py`` twice, once under cProfile and once under tracemalloc,
and prints what is spent on a trial between the ends of the first and of the fourth fifth, as numbers and as
shares of all. A profiler slows what it measures: trust the shares, not the sums. What Ray keeps outside of
Python, tracemalloc does not see.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

import engine_sides


def show(title: str, unit: str, rows: list[tuple[str, float]], count: int) -> None:
    """Print the largest rows with their shares."""
    total = sum(amount for _, amount in rows)
    if "with what" in title:  # each contains others
        total = max(amount for _, amount in rows)
    print(f"{title}: {total:.2f} {unit} a trial", flush=True)
    for name, amount in rows[:count]:
        print(f"  {amount:8.3f} {unit} {amount / total:6.1%}  {name}")


def main() -> None:
    """Profile one side."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--side", choices=["engine", "plain"], default="engine")
    parser.add_argument("--trials", type=int, default=5000)
    parser.add_argument("--rows", type=int, default=15)
    given = parser.parse_args()
    at_once = 8 if given.side == "engine" else 1
    for kind, unit in (("profile", "ms"), ("heap", "kB")):
        file = Path(tempfile.mkdtemp(), kind)
        run = engine_sides.measured(
            side=given.side, trials=given.trials, at_once=at_once, **{kind: str(file)}
        )
        print(f"{run['kb_per_trial']:.1f} kB a trial by the system, ms by fifth {run['ms_by_fifth']}")
        for title, rows in json.loads(file.read_text()).items():
            show(title, unit, rows, given.rows)


if __name__ == "__main__":
    main()
