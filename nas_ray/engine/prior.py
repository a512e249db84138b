"""Networks measured in the workers before the first training, so that the best of them are trained first."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from typing import Any

import ray
from ray.exceptions import RayError

from nas_ray.config import SearchConfig
from nas_ray.data import Splits
from nas_ray.engine.cluster import Plan
from nas_ray.engine.history import Past
from nas_ray.estimation.proxies import PROXIES
from nas_ray.estimation.settings import Estimation
from nas_ray.ledger import Ledger
from nas_ray.parts import Parts
from nas_ray.spaces import Config, SearchSpace
from nas_ray.strategies.prior import Measured, drawn, first_of
from nas_ray.tasks import Task


def begin_with_best(config: SearchConfig, parts: Parts, plan: Plan, ledger: Ledger, past: Past) -> None:
    """Have the strategy propose first what looks best by ``estimation.prior``; called before its replay.

    What was measured is a record of the ledger, and is not measured again by a later attempt.

    Args:
        config: The resolved configuration.
        parts: Its objects.
        plan: Resources of a trial.
        ledger: Takes what was measured.
        past: Earlier attempts.
    """
    names = config.estimation.prior
    if not names:
        return
    measured = past.prior
    if measured is None:
        measured = tuple(_measured(config, parts, plan))
        told = [{"config": each.config, "values": dict(each.values)} for each in measured]
        ledger.append("prior", networks=told)
    if measured:
        parts.strategy.propose_first(first_of(measured, names))


def _measured(config: SearchConfig, parts: Parts, plan: Plan) -> list[Measured]:
    strategy, settings = parts.strategy, config.estimation
    networks = drawn(parts.space, settings.prior_networks, config.run.seed, strategy.task, _allowed(strategy))
    known = {
        "space": parts.space,
        "task": parts.task,
        "settings": settings,
        "seed": config.run.seed,
        "learner": parts.learner,
        "threads": plan.threads,
        "data": parts.data,
    }
    shared = {name: ray.put(thing) for name, thing in known.items()}
    work = ray.remote(measure).options(num_cpus=plan.cpus / plan.processes, num_gpus=min(1.0, plan.gpus))
    size = math.ceil(len(networks) / plan.concurrency)
    parcels = [networks[at : at + size] for at in range(0, len(networks), size)]
    asked = [work.remote(parcel, **shared) for parcel in parcels]
    return list(itertools.chain(*map(_answer, asked, parcels)))


def _allowed(strategy: Any) -> Any:
    def allowed(config: Config) -> bool:
        verdict = strategy.constraints(config) if strategy.constraints else None
        return not (verdict and verdict.broken)

    return allowed


def _answer(asked: ray.ObjectRef, networks: Sequence[Config]) -> Iterable[Measured]:
    try:
        values: list[dict[str, float]] = ray.get(asked)
    except RayError:  # the process is lost again and again: nothing is known of these
        values = [{} for _ in networks]
    return itertools.starmap(Measured, zip(networks, values, strict=True))


def measure(
    networks: Sequence[Config],
    *,
    space: SearchSpace,
    task: Task,
    data: Splits,
    settings: Estimation,
    seed: int,
    learner: Any,
    threads: int,
) -> list[dict[str, float]]:
    """Return parameters, operations and proxies of untrained networks; runs in a worker.

    Of a network that cannot be built nothing is known.

    Args:
        networks: Their configurations.
        space: The search space.
        task: The problem at the data's own resolution.
        data: The data set.
        settings: The training recipe and the fidelity dials; ``prior`` names the proxies.
        seed: Of the run.
        learner: The recipe's class, None for nas_ray's own.
        threads: CPU threads.
    """
    import torch

    from nas_ray.estimation import failures, hardware
    from nas_ray.estimation.device_data import DeviceData
    from nas_ray.estimation.learner import Learner
    from nas_ray.estimation.proxies.measuring import of_learner
    from nas_ray.spaces import derived_seed

    torch.set_num_threads(threads)
    device, share = hardware.best_device(), hardware.share_of_gpu()
    hardware.keep_to(share, device)
    ready = DeviceData(data, device, resolution=settings.resolution, data_share=settings.data_share)
    task = task.at(resolution=settings.resolution, width=settings.width)
    proxies = [name for name in settings.prior if name in PROXIES]
    found: list[dict[str, float]] = []
    for config in networks:
        try:
            own = derived_seed(seed, space.config_id(config))
            untrained = (learner or Learner)(space, config, task, ready, settings, own)
            costs = {"params": untrained.costs.params, "flops": untrained.costs.flops}
            found.append({**costs, **of_learner(untrained, proxies)})
        except Exception as error:  # whatever somebody's module does; the search itself will tell
            if failures.spoils_process(error):
                raise
            failures.release(error)
            found.append({})
        hardware.free(device)
    return found
