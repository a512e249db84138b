"""Searches on the table of NAS-Bench-201, for worker processes."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
from ray import tune

from nas_ray.plugins import load_object
from nas_ray.spaces import CustomSpace

TRIALS = 300
OPERATIONS = ["none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3"]
EDGES = ["op_1_0", "op_2_0", "op_2_1", "op_3_0", "op_3_1", "op_3_2"]
SIGNAL, TRUTH = "cifar10_val_acc_e12", "cifar10_test_acc_e200"


@dataclass(frozen=True)
class Outcome:
    """What a search found, accuracies as fractions.

    Args:
        best: Best 12-epoch validation accuracy.
        selected: 200-epoch test accuracy of that cell.
        late: Mean 12-epoch validation accuracy of the last 100 cells trained.
    """

    best: float
    selected: float
    late: float


@cache
def cells(path: Path) -> dict[tuple[str, ...], tuple[float, float]]:
    table = pd.read_parquet(path, columns=[*EDGES, SIGNAL, TRUTH])
    return {tuple(row[:6]): (row[6] / 100, row[7] / 100) for row in table.itertuples(index=False)}


def search(path: Path, strategy: str, seed: int, sign: int = 1, options: Any = None) -> Outcome:
    """Train 300 cells one after the other; ``sign`` -1 rewards the worst."""
    space = CustomSpace({edge: tune.choice(OPERATIONS) for edge in EDGES}, name="nasbench201")
    chosen = load_object(strategy)(space, "val_acc", "max", seed, **(options or {}))
    trained = []
    for number in range(TRIALS):
        config = chosen.suggest(str(number))
        trained.append(cells(path)[tuple(config[edge] for edge in EDGES)])
        chosen.on_trial_complete(str(number), {"val_acc": sign * trained[-1][0]})
    best, selected = max(trained)
    return Outcome(best, selected, statistics.mean(cell[0] for cell in trained[-100:]))
