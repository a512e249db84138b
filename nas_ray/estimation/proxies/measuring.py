"""Computing proxies of a network that is about to be trained, and leaving it as it was."""

from __future__ import annotations

import copy
import itertools
import math
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn

from nas_ray.costs.counting import example
from nas_ray.estimation.failures import spoils_process
from nas_ray.estimation.learner import Learner
from nas_ray.estimation.proxies.grad_norm import grad_norm
from nas_ray.estimation.proxies.layers import Loss
from nas_ray.estimation.proxies.naswot import naswot
from nas_ray.estimation.proxies.snip import snip
from nas_ray.estimation.proxies.synflow import synflow
from nas_ray.estimation.proxies.zico import zico
from nas_ray.estimation.seeding import seeded
from nas_ray.spaces import derived_seed
from nas_ray.tasks import Task

Batch = tuple[Tensor, Tensor]


def of_learner(learner: Learner, names: Iterable[str]) -> dict[str, float]:
    """Return proxies of a learner's network by name, on the same batches of training for every network.

    A proxy that cannot be computed (a module that knows no double precision, a network without activations)
    has no entry: it is no reason not to train. The learner is left bit for bit as it was, the generators
    included.

    Args:
        learner: Before its first epoch.
        names: From :data:`PROXIES`.
    """
    order = torch.Generator().manual_seed(derived_seed("proxies"))
    size = learner.settings.batch_size
    batches = list(itertools.islice(learner.data.batches("train", size, order), 2))
    found: dict[str, float] = {}
    for name in names:
        try:
            with seeded(derived_seed("proxies", name), learner.device):
                value = proxy(name, learner.model, learner.task, batches, learner.loss)
        except Exception as error:  # whatever somebody's module does when it is not simply trained
            if spoils_process(error):
                raise
            continue
        if math.isfinite(value):
            found[name] = value
    return found


def proxy(name: str, model: nn.Module, task: Task, batches: Sequence[Batch], loss: Loss) -> float:
    """Return one proxy of a network, which is left as it was: a copy is measured.

    Args:
        name: From :data:`PROXIES`.
        model: The network, untrained.
        task: The problem.
        batches: (inputs, targets) of training: one, and for ``zico`` at least two.
        loss: The mean loss of a batch.
    """
    measured = copy.deepcopy(model)
    inputs, targets = batches[0]
    if name == "synflow":
        return synflow(measured, example(measured, task))
    if name == "naswot":
        return naswot(measured, inputs)
    if name == "zico":
        return zico(measured, batches, loss)
    return {"grad_norm": grad_norm, "snip": snip}[name](measured, inputs, targets, loss)
