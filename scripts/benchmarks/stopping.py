"""What stopping rules lose and save: published learning curves, replayed in virtual time.

    python scripts/benchmarks/stopping.py [--orders N] [--rules a,b,c] [SET ...]

The real rule objects decide; trials come in random order without repeats. Regret is the highest value of any
full curve in the set minus the highest value seen within the budget of 20 or 50 full trainings; orders are
the same for each rule (1,000 by default). Printed are mean regrets in accuracy points and the ratio of
each rule to ``asha-reference`` and to ``none``, with a 95 % bootstrap interval over paired orders.

Sets: ``spikenas`` (CIFAR-10, the networks of 100 epochs), ``naap`` (NAAP-440; it has no validation split, so
that its test curve is the signal), both also with the ranks of the first tenth of the epochs reversed, and
parametric curves: ``crossing`` and ``crossing-late``, where slow starters win; ``deep`` and ``deep-late``,
where deeper networks start more slowly and end higher, but the deepest of the latter do not arrive in time;
``wide`` and ``wide-late``, where width and kernels count as much as depth and the learning rate drops at
epoch 80, so that early epochs are a little worse than useless; and ``power``, power laws that hardly cross.
``asha-reference``: rungs at 1, 3, 9, 27, 81 epochs, a trial stops below the 1 - 1/3 quantile of a rung with
at least 3 entries.
"""

from __future__ import annotations

import argparse
import heapq
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import product

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nas_ray.stopping import StoppingRule, load_rule
from nas_ray.stopping.pausing import PausingRule
from nas_ray.tables.files import data_root

Array = NDArray[np.float64]
SETS = (
    "spikenas",
    "naap",
    "spikenas-reversed",
    "naap-reversed",
    "crossing",
    "crossing-late",
    "deep",
    "deep-late",
    "wide",
    "wide-late",
    "power",
)
RULES = ("none", "asha-reference", "asha", "asha-promote", "hyperband", "median", "learning-curve")
REFERENCES = ("none", "asha-reference")


class ReferenceASHA(StoppingRule):
    """ASHA as the comparison defines it."""

    name = "asha-reference"
    rungs = (1, 3, 9, 27, 81)

    def __init__(self) -> None:
        super().__init__("acc", "max")
        self._scores: dict[float, list[float]] = {rung: [] for rung in self.rungs}

    def decide(self, trial: str, fidelity: float, score: float) -> bool:
        """Stop below the quantile of a rung with enough entries."""
        if fidelity not in self._scores:
            return True
        rung = self._scores[fidelity]
        rung.append(score)
        return len(rung) < 3 or score >= float(np.quantile(rung, 1 - 1 / 3))


def curves(name: str) -> Array:
    """Return the curves of a set, (trials, epochs), in percent."""
    parametric = {
        "crossing": lambda: _crossing(late=False),
        "crossing-late": lambda: _crossing(late=True),
        "deep": lambda: _deep(late=False),
        "deep-late": lambda: _deep(late=True),
        "wide": lambda: _wide(late=False),
        "wide-late": lambda: _wide(late=True),
        "power": _power,
    }
    if name in parametric:
        return parametric[name]()
    base = name.removesuffix("-reversed")
    read = _spikenas if base == "spikenas" else _naap
    return read() if base == name else reversed_early(read())


def _spikenas() -> Array:
    archs = pd.read_parquet(data_root() / "spikenas_archs.parquet", columns=["dataset", "arch_id", "epochs"])
    wanted = archs[(archs["dataset"] == "cifar10") & (archs["epochs"] == 100)]["arch_id"]
    columns = ["dataset", "arch_id", "epoch", "val_acc_milli"]
    rows = pd.read_parquet(data_root() / "spikenas_curves.parquet", columns=columns)
    rows = rows[(rows["dataset"] == "cifar10") & rows["arch_id"].isin(wanted)]
    table = rows.pivot_table(index="arch_id", columns="epoch", values="val_acc_milli")
    return np.asarray(table.to_numpy(dtype=np.float64) / 1000)


def _naap() -> Array:
    rows = pd.read_parquet(data_root() / "naap440_curves.parquet")
    table = rows.pivot_table(index="model_id", columns="epoch", values="test_acc")
    return np.asarray(100 * table.to_numpy(dtype=np.float64))


def reversed_early(true: Array) -> Array:
    """Return curves, (trials, epochs), with the ranks of the first tenth of the epochs reversed."""
    false = true.copy()
    for epoch in range(true.shape[1] // 10):
        order = np.argsort(true[:, epoch])
        false[order, epoch] = true[order[::-1], epoch]
    return false


def _crossing(late: bool) -> Array:
    rng, epochs, trials = np.random.default_rng(0), np.arange(1, 101), 500
    quality = rng.normal(size=trials)
    noise = rng.normal(scale=0.3, size=(trials, len(epochs)))
    final = 80 + 4 * quality[:, None]
    if late:  # still rising at the end, with a half-life that grows with quality
        half = np.clip(np.exp(2.5 + 0.4 * quality + 0.4 * rng.normal(size=trials)), 2, 60)[:, None]
        rising = (final - 10) * epochs / (epochs + half) * (100 + half) / 100
        return np.asarray(10 + rising + noise)
    pace = np.exp(2.2 + 0.8 * quality + 0.3 * rng.normal(size=trials))[:, None]
    return np.asarray(final * (1 - np.exp(-epochs / pace)) + noise)


def _deep(late: bool) -> Array:
    # Of 2 to 18 blocks, 140 epochs.
    rng, epochs, trials = np.random.default_rng(0), np.arange(1, 141), 2000
    depth = rng.integers(2, 19, size=trials)
    final = 70 + 1.5 * depth - 0.03 * depth**2 + rng.normal(size=trials)
    pace = np.exp((1.8 if late else 0.8) + 0.14 * depth + 0.15 * rng.normal(size=trials))[:, None]
    noise = rng.normal(scale=0.6, size=(trials, len(epochs)))
    return np.asarray(final[:, None] * (1 - 0.85 * np.exp(-epochs / pace)) + noise)


def _wide(late: bool) -> Array:
    # Of 2 to 18 blocks, 2 to 22 filters, and kernels of 3, 5 or 7; 140 epochs.
    rng, epochs, trials = np.random.default_rng(17), np.arange(1, 141), 500
    depth, filters = rng.integers(2, 19, size=trials) - 10, np.log(rng.integers(2, 23, size=trials) / 10)
    kernel = rng.choice([3, 5, 7], size=trials)
    final = 40 + 0.35 * depth + 3 * filters + 0.5 * (kernel - 5) + 0.8 * rng.normal(size=trials)
    pace = np.exp(1.6 + late + 0.12 * depth - 0.3 * filters + 0.2 * rng.normal(size=trials))[:, None]
    rise = 0.02 + 0.86 * (1 - np.exp(-epochs / pace))
    drop = np.where(epochs >= 80, 0.12 * (1 - np.exp(-(epochs - 79) / 4)), 0)
    noise = np.where(epochs < 80, 1.2, 0.5) * rng.normal(size=(trials, len(epochs)))
    return np.asarray(final[:, None] * (rise + drop) + noise)


def _power() -> Array:
    rng, epochs, trials = np.random.default_rng(0), np.arange(1, 301), 2000
    limit, gap = 75 + 4 * rng.normal(size=(trials, 1)), 30 + 10 * rng.normal(size=(trials, 1))
    falling = gap * epochs ** -rng.uniform(0.5, 0.8, size=(trials, 1))
    return np.asarray(limit - falling + rng.normal(scale=0.5, size=(trials, len(epochs))))


def replay(rule: StoppingRule, values: Array, order: NDArray[np.intp], budget: int, workers: int) -> float:
    """Return the highest value seen within ``budget`` epochs on ``workers`` virtual workers.

    Args:
        rule: Has its metric and mode.
        values: (trials, epochs).
        order: Trials in the order in which they begin.
        budget: Epochs of all trials together.
        workers: Trials at once; an epoch takes one unit of time.
    """
    epochs, coming, seen = values.shape[1], iter(order), -np.inf
    rule.max_fidelity, rule.budget = epochs, float(budget)
    done: dict[str, int] = {}
    queue: list[tuple[int, int, str]] = []

    def begin(time: int, worker: int) -> None:
        name = rule.due() if isinstance(rule, PausingRule) else None
        if name is not None:
            rule.resumed(name)
        else:
            fresh = next(coming, None)
            name = _revived(rule, done) if fresh is None else str(fresh)
        if name is not None:
            done.setdefault(name, 0)
            heapq.heappush(queue, (time + 1, worker, name))

    for worker in range(workers):
        begin(0, worker)
    for _ in range(budget):
        if not queue:
            break
        time, worker, name = heapq.heappop(queue)
        value = float(values[int(name), done[name]])
        done[name] += 1
        seen = max(seen, value)
        goes_on = rule.judge(name, done[name], value) == "continue"
        if goes_on and done[name] < epochs:
            heapq.heappush(queue, (time + 1, worker, name))
            continue
        if done[name] == epochs and isinstance(rule, PausingRule):
            rule.ended(name)
        begin(time, worker)
    return seen


def _revived(rule: StoppingRule, done: dict[str, int]) -> str | None:
    # All trials of the set have begun: the best paused one goes on.
    paused = rule.given_up() if isinstance(rule, PausingRule) else []
    if not paused:
        return None
    rule.take(paused[-1])
    return paused[-1]


def make(name: str) -> StoppingRule:
    """Return a new rule."""
    return ReferenceASHA() if name == "asha-reference" else load_rule(name, metric="acc", mode="max")


def regrets(job: tuple[str, str, int, int, int]) -> Array:
    """Return the regret in every order, in accuracy points."""
    name, rule, full, workers, orders = job
    values, rng = curves(name), np.random.default_rng(0)
    best, budget = float(values.max()), full * values.shape[1]
    return np.array(
        [
            best - replay(make(rule), values, rng.permutation(len(values)), budget, workers)
            for _ in range(orders)
        ]
    )


def ratio(ours: Array, theirs: Array) -> str:
    """Return the ratio of two mean regrets with its 95 % interval, by bootstrap over paired orders."""
    rng = np.random.default_rng(1)
    picks = rng.integers(0, len(ours), size=(2000, len(ours)))
    means, others = ours[picks].mean(1), theirs[picks].mean(1)
    if not others.all():
        return "   -"
    low, high = np.quantile(means / others, (0.025, 0.975))
    return f"{ours.mean() / theirs.mean():.2f} [{low:.2f}, {high:.2f}]"


def settings(
    sets: list[str], rules: list[str], orders: int, budgets: list[int]
) -> Iterator[tuple[str, str, int, int, int]]:
    """Yield every replay to be made."""
    for name, full, workers in product(sets, budgets, (1, 8)):
        for rule in rules:
            yield name, rule, full, workers, orders


def main() -> None:
    """Print a line for every set, budget, number of workers and rule."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sets", nargs="*", default=list(SETS))
    parser.add_argument("--orders", type=int, default=1000)
    parser.add_argument("--rules", default=",".join(RULES))
    parser.add_argument("--budgets", type=int, nargs="+", default=[20, 50], help="in full trainings")
    words = parser.parse_args()
    rules = list(dict.fromkeys([*REFERENCES, *words.rules.split(",")]))
    print(f"{'set':20}{'full':>5}{'workers':>8}  {'rule':18}{'regret':>7}  ratio to none, to asha-reference")
    jobs = list(settings(words.sets, rules, words.orders, words.budgets))
    with ProcessPoolExecutor() as pool:
        found: dict[str, Array] = {}
        for job, regret in zip(jobs, pool.map(regrets, jobs), strict=True):
            found[job[1]] = regret
            against = "   ".join(ratio(regret, found[other]) for other in REFERENCES if other in found)
            print(f"{job[0]:20}{job[2]:5}{job[3]:8}  {job[1]:18}{regret.mean():7.3f}  {against}", flush=True)


if __name__ == "__main__":
    main()
