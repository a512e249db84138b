"""A fake cluster of a head and 4 nodes with 8 slots each: how busy the engine keeps it.

    python scripts/benchmarks/engine_cluster.py [--runs 3] [--trials 320]

Trials sleep for 2 s, all nodes are processes of this machine. Three ways, alternated: the engine; the engine
with a barrier that holds every first step back until all actors exist; the engine with a node that is removed
in the middle, and another that is added. Prints the share of slot time in trials, where a slot counts from
its first trial (while it exists) until the last trial is proposed, the actors, and the wall time. The aims:
at least 0.95, with a node replaced 0.90, no more actors than slots plus replacements, and no more time than
with the barrier. Needs 6 GiB; takes about 15 minutes on 2 cores.
"""

from __future__ import annotations

import argparse
import statistics
from typing import Any

import engine_sides

WAYS: dict[str, dict[str, Any]] = {
    "engine": {},
    "with a barrier": {"barrier": True},
    "node replaced": {"replace_after": 160},
}


def main() -> None:
    """Alternate the three ways."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--trials", type=int, default=320)
    given = parser.parse_args()
    facts: dict[str, list[dict[str, Any]]] = {way: [] for way in WAYS}
    for _ in range(given.runs):
        for way, own in WAYS.items():
            run = engine_sides.measured(trials=given.trials, at_once=32, seconds=2.0, nodes=4, **own)
            facts[way].append(run)
            print(
                f"  {way:14} busy {run['busy']:.3f}  actors {run['actors']} ({run['actors_lost']} lost)"
                f"  {run['total_s']:.1f} s  first end {run['first_end_s']:.1f} s"
                f"  last actor {run['pool_up_s']:.1f} s",
                flush=True,
            )
    busy = {way: statistics.median(run["busy"] for run in runs) for way, runs in facts.items()}
    total = {way: statistics.median(run["total_s"] for run in runs) for way, runs in facts.items()}
    print(f"  busy {busy['engine']:.3f} (aim at least 0.95)")
    print(f"  with a node replaced {busy['node replaced']:.3f} (aim at least 0.90)")
    over = total["engine"] / total["with a barrier"]
    print(f"  wall time over that with a barrier {over:.2f} (aim at most 1)")


if __name__ == "__main__":
    main()
