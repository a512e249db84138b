"""What a child takes over of its parent's weights before it is trained."""

from __future__ import annotations

import math
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from nas_ray.costs.counting import unchanged
from nas_ray.errors import Unsupported
from nas_ray.estimation.heritage import Heritage
from nas_ray.estimation.learner import Learner
from nas_ray.estimation.seeding import seeded
from nas_ray.spaces import Config, derived_seed

TOLERANCE = 1e-5
"""Largest difference of outputs, relative to the largest one (or 1), with which a function counts as kept."""

SAMPLES = 32
"""Inputs on which that is checked."""

State = dict[str, Tensor]


def inherit(learner: Learner, heritage: Heritage, trial: str, *, morph: bool) -> dict[str, Any]:
    """Give an untrained network weights of the first of its parents that has left any.

    Args:
        learner: Before its first epoch.
        heritage: Of the run.
        trial: Name of the learner's trial.
        morph: Whether the parent's function is kept where the space can do that exactly; where it cannot, and
            else, what agrees in name and shape is taken over.

    Returns:
        For the record: ``inherited_from``, the parent's name, where there was something to take, and
        ``inheritance``, what was done, in words; empty for a trial without parents.
    """
    parents = heritage.parents_of(trial)
    for parent in parents:
        if (left := heritage.of(parent)) is not None:
            words = _take(learner, *left, morph)
            return {"inherited_from": None if words.startswith("fresh") else parent, "inheritance": words}
    gone = f"fresh: the weights of {' and '.join(parents)} are gone"
    return {"inherited_from": None, "inheritance": gone} if parents else {}


def _take(learner: Learner, config: Config, state: State, morph: bool) -> str:
    why = ""
    if morph:
        before = {name: value.clone() for name, value in learner.model.state_dict().items()}
        if not (why := _morph(learner, config, state)):
            return "morphism"
        learner.model.load_state_dict(before)
    share = take_shapes(learner.model, state)
    told = f"shapes, {math.floor(100 * share)}% of the weights" if share else "fresh: no shape agrees"
    return f"{told}; {why}" if why else told


def take_shapes(model: nn.Module, state: State) -> float:
    """Copy every tensor that has the name and shape of one in ``model``, and return the share of its weights.

    Args:
        model: The child.
        state: State_dict of the parent.
    """
    taken = total = 0
    weights = {name for name, _ in model.named_parameters()}
    with torch.no_grad():
        for name, value in model.state_dict(keep_vars=True).items():
            agrees = name in state and state[name].shape == value.shape
            if agrees:
                value.data.copy_(state[name])
            if name in weights:
                total += value.numel()
                taken += value.numel() if agrees else 0
    return taken / total if total else 0.0


def _morph(learner: Learner, config: Config, state: State) -> str:
    """Give the network its parent's function; return in words why it cannot be had, empty if it is had."""
    seed = derived_seed(learner.seed, "inherit")
    with seeded(seed, learner.device):
        parent = learner.space.build(config, learner.task).to(learner.device)
        try:
            parent.load_state_dict(state)
            order = torch.Generator().manual_seed(seed)
            inputs, _ = next(iter(learner.data.batches("train", SAMPLES, order)))
            rng = np.random.default_rng(seed)
            with unchanged(parent), unchanged(learner.model), torch.no_grad(), _exact():
                learner.space.morph(parent, config, learner.model, learner.config, inputs, rng)
                far = distance(parent(inputs), learner.model(inputs))
        except (Unsupported, RuntimeError) as error:  # weights that do not fit the parent any more
            return str(error).splitlines()[0]
    return "" if far <= TOLERANCE else f"the function is kept only to {far:.1g}"


def _exact() -> AbstractContextManager[None]:
    """Return the context in which a GPU multiplies all 23 bits of a number, not the first 10 (TF32)."""
    flags: AbstractContextManager[None] = torch.backends.cudnn.flags(
        enabled=torch.backends.cudnn.enabled, allow_tf32=False
    )
    return flags


def distance(first: Tensor, second: Tensor) -> float:
    """Return the largest difference of two tensors, relative to the largest number of the first."""
    return float((first - second).abs().max() / first.abs().max().clamp(min=1.0))
