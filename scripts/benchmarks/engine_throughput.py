"""What the engine costs: trials that compute nothing, in nas_ray's engine and in plain Ray Tune, alternated.

    python scripts/benchmarks/engine_throughput.py [one twelve many growth ...] [--runs 3]

Both sides have the same trainable and the same searcher, 8 trials at once; the start of the actors and the
ledger are part of the time, the start of Ray is not. Cases:

    one       400 trials of 1 report, against plain Tune with `reuse_actors=True`, as it comes and without
              its default loggers, and (48 trials) without reuse
    many      2,000 trials of 1 report, against plain Tune with reuse, as it comes
    twelve    400 trials of 12 reports, against plain Tune with reuse, as it comes
    growth    5,000 trials of 1 report: time per trial by fifths, and driver memory per trial. Plain Tune runs
              one trial at a time, where its actors do not churn, without loggers. ``engine_profile.py`` says
              what remains of both

Prints every run, the median rates and their ratios.
"""

from __future__ import annotations

import argparse
import statistics
from typing import Any

import engine_sides

ENGINE: dict[str, Any] = {"side": "engine"}
AS_IT_COMES: dict[str, Any] = {"side": "plain", "loggers": True}
NO_LOGGERS: dict[str, Any] = {"side": "plain"}
NO_REUSE: dict[str, Any] = {"side": "plain", "reuse": False, "trials": 48}

CASES: dict[str, tuple[dict[str, Any], dict[str, dict[str, Any]]]] = {
    "one": (
        {"trials": 400},
        {
            "engine": ENGINE,
            "plain": AS_IT_COMES,
            "plain, no loggers": NO_LOGGERS,
            "plain, no reuse": NO_REUSE,
        },
    ),
    "many": ({"trials": 2000}, {"engine": ENGINE, "plain": AS_IT_COMES}),
    "twelve": ({"trials": 400, "reports": 12}, {"engine": ENGINE, "plain": AS_IT_COMES}),
    "growth": ({"trials": 5000}, {"engine": ENGINE, "plain": {**NO_LOGGERS, "at_once": 1}}),
}
AIMS = {
    ("one", "plain"): 8,
    ("one", "plain, no loggers"): 8,
    ("one", "plain, no reuse"): 40,
    ("many", "plain"): 12,
    ("twelve", "plain"): 10,
}
STEADY_AIM, GROWTH_AIM, MEMORY_AIM = 15, 1.4, 0.5


def compare(case: str, runs: int) -> None:
    """Alternate the sides of a case and print what they measured."""
    settings, sides = CASES[case]
    print(f"{case}: {settings}", flush=True)
    facts: dict[str, list[dict[str, Any]]] = {side: [] for side in sides}
    for _ in range(runs):
        for side, own in sides.items():
            run = engine_sides.measured(**{**settings, **own})
            facts[side].append(run)
            print(
                f"  {side:18} {run['total_s']:7.1f} s  {run['rate']:6.1f} trials/s"
                f"  first end {run['first_end_s']:.1f} s  pool up then {run['steady_rate'] or 0:6.1f}/s"
                f"  actors {run['actors']}  {run['kb_per_trial']:.1f} kB a trial"
                f"  ms by fifth {run['ms_by_fifth']}",
                flush=True,
            )
    for side in list(sides)[1:]:
        _ratios(case, side, facts["engine"], facts[side])


def _ratios(case: str, side: str, ours: list[dict[str, Any]], plain: list[dict[str, Any]]) -> None:
    if case == "growth":
        for name, runs, aim in (("engine", ours, f" (aim at most {GROWTH_AIM})"), (side, plain, "")):
            print(f"  {name}: time per trial in the last fifth over the first {_growth(runs, 0):.2f}{aim}")
            print(f"    over the second {_growth(runs, 1):.2f}")
            print(f"    over the first, since all actors are up, {_growth(runs, 0, 'up_ms_by_fifth'):.2f}")
        ratio = _median(ours, "kb_per_trial") / _median(plain, "kb_per_trial")
        print(f"  driver memory per trial, over {side}'s: {ratio:.2f} (aim at most {MEMORY_AIM})")
        return
    faster = _median(ours, "rate") / _median(plain, "rate")
    print(f"  trials/s, over {side}'s: {faster:.1f} (aim at least {AIMS[case, side]})")
    if case == "one" and side != "plain, no reuse":
        steady = _median(ours, "steady_rate") / _median(plain, "rate")
        print(f"  once the pool is up, over {side}'s: {steady:.1f} (aim at least {STEADY_AIM})")


def _growth(runs: list[dict[str, Any]], fifth: int, times: str = "ms_by_fifth") -> float:
    # The first fifth holds the start of the actors, which hides a growth: hence the two other ratios.
    return float(statistics.median(run[times][4] / run[times][fifth] for run in runs))


def _median(runs: list[dict[str, Any]], name: str) -> float:
    return float(statistics.median(run[name] for run in runs if run[name] is not None))


def main() -> None:
    """Compare the cases that are named, or all."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("cases", nargs="*", choices=[*CASES, []], default=list(CASES))
    parser.add_argument("--runs", type=int, default=3)
    given = parser.parse_args()
    for case in given.cases:
        compare(case, given.runs)


if __name__ == "__main__":
    main()
