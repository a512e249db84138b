"""What weights of the parent save: epochs until a validation accuracy, with them and without.

    python scripts/benchmarks/inheritance.py [--pairs N] [--goal ACC] [--epochs N] [--hows morphism,shapes]

A parent is sampled from ``chain`` and trained on digits; a mutation of it is then trained with each setting
of ``estimation.inherit`` in turn, from the same seed, and the epochs counted until its validation accuracy
reaches the goal; one that never does counts with one epoch more than there are. Parents that miss the goal
themselves have no place in a population late in a search, and are left out. The order of the settings
alternates from pair to pair. Printed are mean epochs by setting, the ratio to ``none`` with a 95 % bootstrap
interval over pairs, and the same for the pairs whose function could be kept. Epochs of the parent are not
counted: it was trained for its own sake.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from nas_ray import data
from nas_ray.estimation import Estimation, Learner
from nas_ray.estimation.device_data import DeviceData
from nas_ray.estimation.heritage import Heritage
from nas_ray.estimation.inheritance import inherit
from nas_ray.spaces import Config, SearchSpace, load_space
from nas_ray.tasks import Task

HOWS = ("none", "shapes", "morphism")
Row = dict[str, int]


class Nursery:
    """Trains parents and children."""

    def __init__(self, space: SearchSpace, epochs: int, goal: float, folder: Path) -> None:
        splits = data.load("digits")
        self.space, self.task, self.goal = space, splits.task(), goal
        self.settings = Estimation(max_epochs=epochs)
        self.data = DeviceData(splits, torch.device("cpu"))
        self.heritage = Heritage(folder)

    def learner(self, config: Config, seed: int) -> Learner:
        """Return an untrained network."""
        return Learner(self.space, config, self.task, self.data, self.settings, seed)

    def epochs(self, learner: Learner) -> int:
        """Train to the goal or to the end, and return the epochs that it took."""
        for epoch in range(1, self.settings.max_epochs + 1):
            if learner.step()["val_acc"] >= self.goal:
                return epoch
        return self.settings.max_epochs + 1

    def parent(self, config: Config, seed: int) -> bool:
        """Train a network to the end and leave its weights; whether it reaches the goal."""
        learner = self.learner(config, seed)
        values = [learner.step()["val_acc"] for _ in range(self.settings.max_epochs)]
        self.heritage.leave("parent", config, learner.model.state_dict())
        return values[-1] >= self.goal

    def child(self, config: Config, seed: int, how: str) -> tuple[int, str]:
        """Return the epochs of a child, and what was done for it."""
        learner, words = self.learner(config, seed), ""
        if how != "none":
            self.heritage.announce("child", ["parent"])
            words = inherit(learner, self.heritage, "child", morph=how == "morphism")["inheritance"]
        return self.epochs(learner), words


def pairs(nursery: Nursery, wanted: int, hows: list[str]) -> Iterator[tuple[Row, str]]:
    """Yield the epochs by setting, and how the function fared, for each pair of parent and child."""
    rng, seed, found = np.random.default_rng(0), 0, 0
    task: Task = nursery.task
    while found < wanted:
        seed += 1
        config = nursery.space.sample(rng, task)
        child = nursery.space.mutate(config, rng, task)
        if not nursery.parent(config, 2 * seed):
            continue
        order = hows if found % 2 else hows[::-1]
        runs = {how: nursery.child(child, 2 * seed + 1, how) for how in order}
        found += 1
        yield {how: runs[how][0] for how in hows}, runs[hows[-1]][1]


def report(title: str, rows: list[Row], hows: list[str]) -> None:
    """Print the mean epochs of some pairs."""
    if not rows:
        return
    print(f"{title}: {len(rows)} pairs")
    table = np.array([[row[how] for how in hows] for row in rows], dtype=np.float64)
    for at, how in enumerate(hows):
        low, high = interval(table[:, at], table[:, 0])
        ratio = table[:, at].mean() / table[:, 0].mean()
        print(f"  {how:10} {table[:, at].mean():6.2f} epochs, {ratio:.2f} [{low:.2f}, {high:.2f}] of none")


def interval(values: NDArray[np.float64], against: NDArray[np.float64]) -> tuple[float, float]:
    """Return the 95 % bootstrap interval of the ratio of two means over pairs."""
    picks = np.random.default_rng(0).integers(len(values), size=(10_000, len(values)))
    low, high = np.quantile(values[picks].mean(1) / against[picks].mean(1), [0.025, 0.975])
    return float(low), float(high)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Epochs saved by weights of the parent.")
    parser.add_argument("--pairs", type=int, default=40)
    parser.add_argument("--goal", type=float, default=0.95)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--hows", default=",".join(HOWS))
    parser.add_argument("--space", default="chain")
    given = parser.parse_args()
    hows = given.hows.split(",")
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        nursery = Nursery(load_space(given.space), given.epochs, given.goal, Path(folder))
        print(f"{given.space} on digits, until val_acc {given.goal} of at most {given.epochs} epochs")
        rows = []
        for row, words in pairs(nursery, given.pairs, hows):
            rows.append((row, words))
            print("  ".join(f"{how} {epochs:2}" for how, epochs in row.items()), words, sep="  ", flush=True)
    report("all", [row for row, _ in rows], hows)
    report("function kept", [row for row, words in rows if words == "morphism"], hows)
    report("shapes alone", [row for row, words in rows if words.startswith("shapes")], hows)


if __name__ == "__main__":
    main()
