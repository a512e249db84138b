"""nas_ray against the same search written by hand in plain Ray Tune: wall time, Ray's start included.

    python scripts/benchmarks/against_plain_tune.py

Two comparisons, each of three runs a side, alternated, each run in a process of its own: a search
(Optuna on both sides) and a fixed list of 24 configurations. Prints epochs and seconds trained of every
run and the ratio of the median wall times; the aim is at most 0.35. Takes about 15 minutes on 2 cores.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

TRIALS, RUNS, AIM = 24, 3, 0.35
SIDES = ("plain Tune", "nas_ray")
# What plain_tune.py trains with.
RECIPE = {
    "estimation.batch_size": 64,
    "estimation.learning_rate": 3e-3,
    "estimation.weight_decay": 1e-2,
    "estimation.label_smoothing": 0.0,
}


def one_run(side: str, fixed: bool, seed: int) -> dict[str, Any]:
    """Do one side's search in this process."""
    import numpy as np

    from nas_ray.data import load
    from nas_ray.spaces import load_space

    space, data = load_space("chain"), load("digits")
    rng = np.random.default_rng(seed)
    configs = [space.sample(rng, data.task()) for _ in range(TRIALS)] if fixed else None
    if side == "plain Tune":
        sys.path.insert(0, str(Path(__file__).parent))
        import plain_tune

        return plain_tune.search(space, data.task(), data, TRIALS, seed, configs)
    import nas_ray

    strategy = {"strategy.points_to_evaluate": configs} if fixed else {}
    result = nas_ray.search(
        overrides={**RECIPE, **strategy},
        space="chain",
        strategy="random" if fixed else "optuna",
        stopping="asha",
        data="digits",
        trials=TRIALS,
        max_epochs=8,
        concurrency=2,
        seed=seed,
        runs_dir=tempfile.mkdtemp(),
    )
    best = result.best
    return {
        "trials": len(result.trials),
        "epochs": len(result.epochs),
        "trained_s": float(result.epochs["seconds"].sum()),
        "best": best.value if best else 0.0,
    }


def timed(side: str, fixed: bool, seed: int) -> dict[str, Any]:
    """Do one run in a fresh process and take its wall time."""
    command = [sys.executable, __file__, "--side", side, "--seed", str(seed), *(["--fixed"] if fixed else [])]
    started = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    facts: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return {"wall_s": time.perf_counter() - started, **facts}


def compare(fixed: bool) -> float:
    """Alternate the sides, print every run, return the ratio of the medians."""
    print("fixed list of 24 configurations" if fixed else "search (Optuna on both sides)", flush=True)
    walls: dict[str, list[float]] = {side: [] for side in SIDES}
    for seed in range(RUNS):
        for side in SIDES:
            run = timed(side, fixed, seed)
            walls[side].append(run["wall_s"])
            print(
                f"  seed {seed}  {side:10}  wall {run['wall_s']:6.1f} s  trained {run['trained_s']:6.1f} s  "
                f"trials {run['trials']:3}  epochs {run['epochs']:4}  best val_acc {run['best']:.4f}",
                flush=True,
            )
    plain, ours = (statistics.median(walls[side]) for side in SIDES)
    print(
        f"  median wall: plain Tune {plain:.1f} s, nas_ray {ours:.1f} s, ratio {ours / plain:.3f} (aim {AIM})"
    )
    return ours / plain


def main() -> None:
    """Compare both ways, or do one run of one side."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--side", choices=SIDES)
    parser.add_argument("--fixed", action="store_true")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    if given.side:
        print(json.dumps(one_run(given.side, given.fixed, given.seed)))
        return
    ratios = [compare(fixed) for fixed in (False, True)]
    sys.exit(max(ratios) > AIM)


if __name__ == "__main__":
    main()
