"""What a stopping rule saves and loses in real trainings: the same networks with it and with none.

    python scripts/benchmarks/stopping_training.py [--rule learning-curve] [--seeds 3] [--trials 40]
        [--epochs 12] [--data-share 1.0] [--resolution 28] [--gpus-per-trial 0.125] [--runs-dir FOLDER]

Space ``chain`` on 14,000 images of Fashion-MNIST in the folder of shared data, random search, each seed once
with ``none`` and once with the rule, which gets as many trials. Printed are the epochs of both, their ratio,
and the best validation accuracy that the rule loses, in points. Begun again with the same ``--runs-dir``, it
goes on where it was interrupted, with the settings it was begun with.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np

import nas_ray
from nas_ray.tables.files import data_root


def search(rule: str, seed: int, words: argparse.Namespace, folder: str) -> tuple[float, float, str]:
    """Return epochs trained, best validation accuracy, and trials by outcome of one search."""
    run = Path(folder, f"{rule}-{seed}")
    result = nas_ray.resume(run) if run.exists() else begin(rule, seed, words, folder)
    if "interrupted" in result.outcomes():
        raise SystemExit(f"interrupted; `--runs-dir {folder}` goes on")
    best = result.best
    assert best is not None
    outcomes = ", ".join(f"{count} {name}" for name, count in result.outcomes().items())
    return float(result.epochs["epoch"].count()), best.value, outcomes


def begin(rule: str, seed: int, words: argparse.Namespace, folder: str) -> nas_ray.SearchResult:
    """Return the result of a search that has not begun before."""
    return nas_ray.search(
        space="chain",
        strategy="random",
        stopping=rule,
        data=f"npz:{data_root() / 'fashion_mnist_14k.npz'}",
        trials=words.trials,
        max_epochs=words.epochs,
        seed=seed,
        gpus_per_trial=words.gpus_per_trial,
        name=f"{rule}-{seed}",
        runs_dir=folder,
        overrides={
            "estimation.data_share": words.data_share,
            "estimation.resolution": words.resolution,
        },
    )


def main() -> None:
    """Print a line for every seed, and the means."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rule", default="learning-curve")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--trials", type=int, default=40)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--data-share", type=float, default=1.0)
    parser.add_argument("--resolution", type=int, default=28)
    parser.add_argument("--gpus-per-trial", type=float)
    parser.add_argument("--runs-dir")
    words = parser.parse_args()
    folder = words.runs_dir or tempfile.mkdtemp(prefix="nas-ray-stopping-")
    ratios, losses = [], []
    for seed in range(words.seeds):
        full, best, _ = search("none", seed, words, folder)
        epochs, found, outcomes = search(words.rule, seed, words, folder)
        ratios.append(full / epochs)
        losses.append(100 * (best - found))
        print(
            f"seed {seed}: {full:.0f} epochs without, {epochs:.0f} with {words.rule} ({outcomes}): "
            f"{ratios[-1]:.2f} times fewer; {100 * best:.2f} % and {100 * found:.2f} %",
            flush=True,
        )
    print(f"mean: {np.mean(ratios):.2f} times fewer epochs, {np.mean(losses):.2f} points lost ({folder})")


if __name__ == "__main__":
    main()
