"""The search of ``against_plain_tune.py`` as one writes it by hand from Ray Tune's documentation.

A function trainable, OptunaSearch and ASHAScheduler; the space, the networks, the data and the training
recipe are nas_ray's, so that the two sides differ in the orchestration alone.
"""

from __future__ import annotations

import math
import tempfile
import time
from typing import Any

import ray
import torch
from ray import tune
from ray.tune.schedulers import ASHAScheduler
from ray.tune.search.basic_variant import BasicVariantGenerator
from ray.tune.search.optuna import OptunaSearch
from torch.nn import functional as F

from nas_ray.data import Splits
from nas_ray.spaces import Config, SearchSpace
from nas_ray.tasks import Task

EPOCHS, BATCH, RATE, DECAY = 8, 64, 3e-3, 1e-2


def train(config: Config, space: SearchSpace, task: Task, data: Splits) -> None:
    """Train one architecture and report every epoch."""
    torch.set_num_threads(1)
    if space.violations(config, task):
        tune.report({"val_acc": 0.0, "seconds": 0.0, "epochs": 0})
        return
    mean, spread = float(data.x_train.mean()), float(data.x_train.std())
    x_train, x_val = (
        (torch.tensor(x, dtype=torch.float32) - mean) / spread for x in (data.x_train, data.x_val)
    )
    y_train, y_val = torch.tensor(data.y_train), torch.tensor(data.y_val)
    model = space.build(config, task)
    optimizer = torch.optim.AdamW(model.parameters(), RATE, weight_decay=DECAY)
    steps = math.ceil(len(x_train) / BATCH)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=steps * EPOCHS)
    started = time.perf_counter()
    for epoch in range(1, EPOCHS + 1):
        model.train()
        for batch in torch.randperm(len(x_train)).split(BATCH):  # type: ignore[no-untyped-call]
            loss = F.cross_entropy(model(x_train[batch]), y_train[batch])
            optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()
        model.eval()
        with torch.inference_mode():
            accuracy = float((model(x_val).argmax(1) == y_val).float().mean())
        tune.report({"val_acc": accuracy, "seconds": time.perf_counter() - started, "epochs": epoch})


def search(
    space: SearchSpace, task: Task, data: Splits, trials: int, seed: int, configs: list[Config] | None
) -> dict[str, Any]:
    """Run the search and return what it trained and found.

    Args:
        space: The search space.
        task: The problem.
        data: The data set.
        trials: Number of trials.
        seed: Seed of the sampler.
        configs: A fixed list to train in place of Optuna's proposals.
    """
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    algorithm = (
        OptunaSearch(seed=seed) if configs is None else BasicVariantGenerator(points_to_evaluate=configs)
    )
    tuner = tune.Tuner(
        tune.with_resources(tune.with_parameters(train, space=space, task=task, data=data), {"cpu": 1}),
        param_space=space.param_space(),
        tune_config=tune.TuneConfig(
            metric="val_acc",
            mode="max",
            search_alg=algorithm,
            scheduler=ASHAScheduler(max_t=EPOCHS, grace_period=1, reduction_factor=3),
            num_samples=trials,
            max_concurrent_trials=2,
        ),
        run_config=tune.RunConfig(storage_path=tempfile.mkdtemp(), verbose=0),
    )
    results = tuner.fit()
    metrics = [result.metrics or {} for result in results]
    ray.shutdown()
    return {
        "trials": len(metrics),
        "epochs": sum(metric.get("epochs", 0) for metric in metrics),
        "trained_s": sum(metric.get("seconds", 0.0) for metric in metrics),
        "best": max(metric.get("val_acc", 0.0) for metric in metrics),
    }
