"""What a search would do, without doing it: configuration, space, costs of samples, an estimate of time."""

from __future__ import annotations

import math
import os
import time
from dataclasses import dataclass
from statistics import median

import numpy as np
import torch

from nas_ray.catalogue import size_text
from nas_ray.config import SearchConfig
from nas_ray.costs import Costs, count
from nas_ray.engine import run_folder
from nas_ray.engine.cluster import Plan, plan
from nas_ray.errors import ConfigError, SpaceError
from nas_ray.estimation import Learner
from nas_ray.estimation.device_data import DeviceData
from nas_ray.estimation.failures import is_out_of_memory
from nas_ray.estimation.hardware import best_device
from nas_ray.parts import Parts, make_parts
from nas_ray.results.timing import in_words
from nas_ray.spaces import Config
from nas_ray.tasks import Task

SAMPLES = 20
BATCHES = 8
START_S = 10.0
"""Ray's start, the workers' and the test of the winner, taken as constant."""
EVALUATION_SHARE = 1 / 3
"""Cost of evaluating a sample over that of training on it: a forward pass without the backward one."""


@dataclass(frozen=True)
class Sample:
    """A configuration drawn from the space, and what its network costs."""

    config: Config
    costs: Costs


def preview(config: SearchConfig) -> str:
    """Return what ``nas-ray search --dry-run`` prints; starts no Ray and makes no folder.

    Args:
        config: The resolved configuration.

    Raises:
        NasRayError: Whatever the search itself would refuse before it starts.
    """
    run_folder.check(config)
    parts = make_parts(config)
    task = parts.task.at(resolution=config.estimation.resolution, width=config.estimation.width)
    samples = draw(parts, task, config.run.seed)
    resources = plan(config.resources, config.run.trials, _machine())
    rows = {
        "task": _task_text(parts, task),
        "objective": ", ".join(f"{each.metric} ({each.mode})" for each in task.objectives),
        "space": f"{size_text(parts.space.size())} configurations",
        "parameters": _spread([sample.costs.params for sample in samples]),
        "flops": _spread([sample.costs.flops for sample in samples]),
        "infeasible": _infeasible(config, samples, parts, task),
        **_prior(config),
        "time": _time_text(config, parts, task, samples, resources),
    }
    table = "\n".join(f"{name:11} {text}" for name, text in rows.items())
    return f"{config.to_yaml()}\n{table}"


def draw(parts: Parts, task: Task, seed: int) -> list[Sample]:
    """Return architectures drawn from the space with their costs, counted on the meta device.

    Raises:
        SpaceError: If the network of a configuration cannot be built.
    """
    rng, samples = np.random.default_rng(seed), []
    for _ in range(SAMPLES):
        config = parts.space.sample(rng, task)
        try:
            samples.append(Sample(config, count(parts.space, config, task)))
        except Exception as error:  # a space is somebody's own code
            raise SpaceError(f"the network of {config} cannot be built: {error}") from error
    return samples


def epoch_seconds(config: SearchConfig, parts: Parts, task: Task, sample: Config, threads: int) -> float:
    """Return the seconds that an epoch of ``sample`` takes, measured on a few batches of training."""
    settings, before = config.estimation, torch.get_num_threads()
    device = best_device()
    trained = settings.data_share * len(parts.data.x_train)
    share = min(settings.data_share, BATCHES * settings.batch_size / len(parts.data.x_train))
    data = DeviceData(parts.data, device, resolution=settings.resolution, data_share=share)
    learner = (parts.learner or Learner)(parts.space, sample, task, data, settings, seed=config.run.seed)
    torch.set_num_threads(threads)
    try:
        learner.train_epoch()  # the first batches set up kernels and memory
        started = time.perf_counter()
        learner.train_epoch()
        if device.type == "cuda":
            torch.cuda.synchronize()
        per_sample = (time.perf_counter() - started) / len(data)
    finally:
        torch.set_num_threads(before)
    return per_sample * (trained + EVALUATION_SHARE * len(parts.data.x_val))


def _time_text(config: SearchConfig, parts: Parts, task: Task, samples: list[Sample], resources: Plan) -> str:
    middle = sorted(samples, key=lambda sample: sample.costs.params)[(len(samples) - 1) // 2]
    seconds = _measured(config, parts, task, middle.config, resources.threads)
    epochs, slots, budget = _epochs(config), resources.concurrency, config.run.time_budget or math.inf
    total = epochs * seconds / slots + START_S
    measured = (
        f"measured: {seconds:.2g} s per epoch of a network with {middle.costs.params:,} parameters, "
        f"on {BATCHES} batches"
    )
    of_that_size = f"networks of that size, {slots} at once on this machine, {START_S:.0f} s around them"
    if min(total, budget) == math.inf:
        lines = ["open: neither trials nor epochs nor time are limited", measured]
    elif budget < total:
        pays = max(0.0, budget - START_S) * slots / seconds
        lines = [f"about {in_words(budget)}, the time budget", measured]
        lines += [f"enough for about {pays:,.0f} epochs of {of_that_size}"]
    else:
        lines = [f"about {in_words(total)}", measured, f"assumed: {epochs:,.0f} epochs of {of_that_size};"]
        lines += ["every trial trains to its last epoch, so that a stopping rule makes it less"]
    return f"\n{'':11} ".join(lines)


def _measured(config: SearchConfig, parts: Parts, task: Task, sample: Config, threads: int) -> float:
    try:
        return epoch_seconds(config, parts, task, sample, threads)
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        shape = " x ".join(map(str, task.input_shape))
        raise ConfigError(
            f"a network and its data must fit into memory, but with inputs {shape} and batches of "
            f"{config.estimation.batch_size} they do not; give a smaller `estimation.resolution`, "
            "`estimation.batch_size` or `estimation.width`"
        ) from error


def _epochs(config: SearchConfig) -> float:
    by_trials = math.inf if config.run.trials is None else config.run.trials * config.estimation.max_epochs
    return min(by_trials, config.run.epochs or math.inf)


def _task_text(parts: Parts, task: Task) -> str:
    data, shape = parts.data, " x ".join(map(str, task.input_shape))
    targets = "classes" if task.kind == "classification" else "targets"
    sizes = f"{len(data.x_train):,} training, {len(data.x_val):,} validation, {len(data.x_test):,} test"
    inputs = f"inputs {shape}" if task.vocabulary is None else f"{shape} tokens of {task.vocabulary:,}"
    return f"{task.kind}, {inputs}, {task.outputs} {targets}; {sizes} samples"


def _spread(values: list[int]) -> str:
    return f"{min(values):,} to {max(values):,}, median {median(values):,.0f}; {len(values)} sampled networks"


def _prior(config: SearchConfig) -> dict[str, str]:
    settings = config.estimation
    if not settings.prior:
        return {}
    names = " and ".join(settings.prior)
    return {
        "prior": f"{settings.prior_networks} networks compared by {names}; the best tenth is trained first"
    }


def _infeasible(config: SearchConfig, samples: list[Sample], parts: Parts, task: Task) -> str:
    shares = [f"the best {share:.0%} by {name}" for name, share in config.constraints.proxies.items()]
    trained = f"trained are {' and '.join(shares)}, measured in the run" if shares else ""
    if not parts.bounds:
        return trained or "no constraints"
    verdicts = [parts.bounds.foreseen(parts.space, sample.config, task) for sample in samples]
    broken = sum(bool(verdict.broken) for verdict in verdicts)
    exceed = f"{broken} of {len(samples)} sampled networks exceed a constraint"
    return f"{exceed}; of the others {trained}" if trained else exceed


def _machine() -> dict[str, float]:
    return {"CPU": float(os.cpu_count() or 1), "GPU": float(torch.cuda.device_count())}
