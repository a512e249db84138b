"""Whether ``auto`` is behind another strategy, on any table and at any budget.

    python scripts/benchmarks/auto_against_all.py [--quick] [FOLDER]

Every strategy searches every table with 300 trials and 30 seeds; incumbents are compared by the signal after
50, 100, 200 and 300 trials, paired by seed (Wilcoxon's signed-rank test, two-sided, level 5 %, Holm over
tables, budgets and rivals). Optuna's Gaussian process takes half a second a trial and more: it has 100
trials, on three tables. The results are kept in FOLDER (``benchmark-auto`` by default), and what is there
already is not run again. It takes two hours on two cores; ``--quick`` has three seeds and 50 trials.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from nas_ray.benchmarking import Plan, benchmark
from nas_ray.benchmarking.statistics import LEVEL, holm, paired_p
from nas_ray.config import load_config
from nas_ray.tables import load_table

if TYPE_CHECKING:
    import pandas as pd

SLOW = "optuna(sampler=gp)"
SLOW_ON = ("nasbench201-cifar10", "nasbench201-imagenet16-e200", "nasbench_macro")
TABLES = (
    *SLOW_ON,
    "nasbench201-cifar10-e200",
    "nasbench201-cifar100",
    "nasbench201-cifar100-e200",
    "nasbench201-imagenet16",
    "naap440",
    "spikenas-cifar10",
    "spikenas-cifar100",
    "spikenas-tinyimagenet",
)
RIVALS = (
    "bayesian",
    "local-search",
    "evolution",
    "evolution(aging=False)",
    "nsga2",
    "mcts",
    "mcts(partition=regions)",
    "optuna",
    "controller",
    "controller(algorithm=ppo)",
    "grid",
    "random",
)
ON_GRAPHS = "neat"
BUDGETS = (50, 100, 200, 300)


class Duel(NamedTuple):
    """``auto`` and a rival on a table at a budget.

    Args:
        table: The table.
        trials: The budget.
        rival: The other strategy.
        ours: Mean signal of the incumbents of ``auto``.
        theirs: That of the rival.
        behind: Whether ``auto`` has the smaller sum of signed differences.
        p: Two-sided, of the signed-rank test.
    """

    table: str
    trials: float
    rival: str
    ours: float
    theirs: float
    behind: bool
    p: float


def duels(values: pd.DataFrame) -> Iterator[Duel]:
    """Yield ``auto`` against each of the others.

    Args:
        values: Of one table, see :meth:`BenchmarkResult.values`.
    """
    for _, group in values.groupby(["table", "at"], sort=False):
        table, trials = group["table"].iloc[0], group["at"].iloc[0]
        scores = group.pivot_table(index="seed", columns="strategy", values="score", sort=False)
        for rival in scores.columns.drop("auto"):
            differences = (scores["auto"] - scores[rival]).to_numpy(dtype=np.float64)
            means = float(scores["auto"].mean()), float(scores[rival].mean())
            yield Duel(table, trials, rival, *means, means[0] < means[1], paired_p(differences))


def searches(
    table: str, strategies: tuple[str, ...], folder: Path, trials: int, seeds: int
) -> Iterator[Duel]:
    """Run the searches that are not in the folder yet, and yield their duels."""
    config = load_config({"run": {"trials": trials}, "stopping": {"name": "none"}})
    result = benchmark(Plan(config, (table,), ("auto", *strategies), seeds=seeds), folder)
    yield from duels(result.values(*(each for each in BUDGETS if each <= trials)))


def main() -> None:
    """Print a line for each table and budget, and whether ``auto`` is behind anywhere."""
    words = [word for word in sys.argv[1:] if word != "--quick"]
    folder = Path(words[0] if words else "benchmark-auto")
    trials, seeds = (50, 3) if "--quick" in sys.argv[1:] else (300, 30)
    fought: list[Duel] = []
    for table in TABLES:
        graphs = (ON_GRAPHS,) if "graph" in load_table(table).space.offers else ()
        fought += searches(table, (*RIVALS, *graphs), folder, trials, seeds)
        if table in SLOW_ON:
            fought += [
                duel
                for duel in searches(table, (SLOW,), folder / "gp", min(100, trials), seeds)
                if duel.rival == SLOW
            ]
        report(table, fought)
    adjusted = holm([duel.p for duel in fought])
    behind = [duel for duel, p in zip(fought, adjusted, strict=True) if duel.behind and p < LEVEL]
    ahead = sum(not duel.behind and p < LEVEL for duel, p in zip(fought, adjusted, strict=True))
    print(f"of {len(fought)} comparisons, auto is significantly ahead in {ahead}, behind in {len(behind)}")
    for duel in behind:
        print("BEHIND", duel)


def report(table: str, fought: list[Duel]) -> None:
    """Print the strongest rival at each budget."""
    for trials in BUDGETS:
        here = [duel for duel in fought if (duel.table, duel.trials) == (table, trials)]
        if here:
            best = max(here, key=lambda duel: duel.theirs)
            print(
                f"{table:30}{trials:5} trials: auto {100 * best.ours:.3f}, best rival {best.rival} "
                f"{100 * best.theirs:.3f} (p {best.p:.2g} before Holm)",
                flush=True,
            )


if __name__ == "__main__":
    main()
