"""How well zero-cost proxies rank networks, beside parameters and operations.

    python scripts/benchmarks/proxies.py [nasbench201] [chain] [--networks N] [--batch N]

``nasbench201``: cells sampled from all 15,625 and built as the benchmark has them (16 channels, 5 cells a
stage), their proxies on batches of ``cifar10_16px_14k.npz`` (16x16 images) against the published CIFAR-10
validation accuracy after 200 epochs. ``chain``: networks of that space on digits, against the validation
accuracy after 8 epochs of training here. Printed are Spearman's and Kendall's rank correlation with 95 %
bootstrap intervals over networks; those without a value of a proxy count as the lowest. The last column is
Spearman's of the better half alone, among which a search has to choose.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator, Mapping

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from scipy.stats import kendalltau, spearmanr

from nas_ray import data
from nas_ray.estimation import Estimation, Learner
from nas_ray.estimation.device_data import DeviceData
from nas_ray.estimation.proxies import PROXIES
from nas_ray.estimation.proxies.measuring import of_learner
from nas_ray.spaces import Config, load_space
from nas_ray.tables.files import data_root

Array = NDArray[np.float64]
COSTS = ("params", "flops")
EPOCHS = 8
RESAMPLES = 1000


def nasbench201(networks: int, batch: int) -> Iterator[dict[str, float]]:
    """Yield proxies, costs and published accuracy of sampled cells."""
    space = load_space("nasbench201")
    splits = data.load(f"npz:{data_root() / 'cifar10_16px_14k.npz'}")
    ready = DeviceData(splits, torch.device("cpu"))
    table = pd.read_parquet(data_root() / "nasbench201.parquet")
    for row in table.sample(networks, random_state=0).to_dict("records"):
        config = {key: row[key] for key in space.domains}
        learner = Learner(space, config, splits.task(), ready, Estimation(batch_size=batch), seed=0)
        yield {**_measured(learner), "accuracy": row["cifar10_val_acc_e200"]}


def chain(networks: int, batch: int) -> Iterator[dict[str, float]]:
    """Yield proxies, costs and accuracy of networks that are trained here."""
    space, splits, rng = load_space("chain"), data.load("digits"), np.random.default_rng(0)
    ready, settings = DeviceData(splits, torch.device("cpu")), Estimation(max_epochs=EPOCHS)
    for seed in range(networks):
        config: Config = space.sample(rng, splits.task())
        learner = Learner(space, config, splits.task(), ready, Estimation(batch_size=batch), seed)
        values = _measured(learner)
        trained = Learner(space, config, splits.task(), ready, settings, seed)
        yield {**values, "accuracy": [100 * trained.step()["val_acc"] for _ in range(EPOCHS)][-1]}


def _measured(learner: Learner) -> dict[str, float]:
    started = time.perf_counter()
    values = of_learner(learner, PROXIES)
    costs: Mapping[str, float] = {"params": learner.costs.params, "flops": learner.costs.flops}
    return {**values, **costs, "seconds": time.perf_counter() - started}


def report(frame: pd.DataFrame) -> None:
    """Print a line for each proxy and each cost."""
    accuracy = frame["accuracy"].to_numpy(dtype=np.float64)
    better = accuracy >= np.median(accuracy)
    print(f"{len(frame)} networks, {frame['seconds'].mean():.2f} s each for all proxies")
    print(f"{'':10}  {'Spearman':>8} {'95 %':>14}  {'Kendall':>8} {'95 %':>14}  {'better half':>11}")
    for name in (*COSTS, *PROXIES):
        values = frame[name].fillna(-np.inf).to_numpy(dtype=np.float64)
        print(
            f"{name:10}  {_told(_spearman, values, accuracy)}  {_told(_kendall, values, accuracy)}"
            f"  {_spearman(values[better], accuracy[better]):11.2f}"
        )


def _told(correlation: Callable[[Array, Array], float], values: Array, accuracy: Array) -> str:
    picks = np.random.default_rng(0).integers(len(values), size=(RESAMPLES, len(values)))
    low, high = np.nanquantile([correlation(values[pick], accuracy[pick]) for pick in picks], [0.025, 0.975])
    return f"{correlation(values, accuracy):8.2f} {f'[{low:.2f}, {high:.2f}]':>14}"


def _spearman(values: Array, accuracy: Array) -> float:
    return float(spearmanr(values, accuracy).statistic)


def _kendall(values: Array, accuracy: Array) -> float:
    return float(kendalltau(values, accuracy).statistic)


SETS = {"nasbench201": nasbench201, "chain": chain}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Rank correlation of zero-cost proxies.")
    parser.add_argument("sets", nargs="*", choices=[*SETS, []], default=list(SETS))
    parser.add_argument("--networks", type=int, default=150)
    parser.add_argument("--batch", type=int, default=64)
    given = parser.parse_args()
    torch.set_num_threads(1)
    for name in given.sets:
        print(f"\n{name}, batches of {given.batch}", flush=True)
        report(pd.DataFrame(SETS[name](given.networks, given.batch)))


if __name__ == "__main__":
    main()
