"""Driving a strategy as Ray Tune does, without Ray: what a trial reports and how it ends."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from typing import Any

from nas_ray.spaces import Config, canonical_json, derived_seed
from nas_ray.strategies import Strategy

METRIC = "score"
EPOCHS = 4
"""Epochs of a full training; pass it as ``max_fidelity``."""

Live = list[tuple[str, Config]]
"""Trials in training, oldest first: Tune's id, configuration."""


def quality(config: Config) -> float:
    """Return a number in [0, 1) that depends on the configuration alone."""
    return derived_seed(canonical_json(config)) / 2**63


def finish(strategy: Strategy, trial_id: str, config: Config, value: Callable[[Config], float]) -> None:
    """Report every epoch and the end of a full training."""
    for epoch in range(1, EPOCHS):
        report = {METRIC: value(config) * epoch / EPOCHS, "training_iteration": epoch}
        strategy.on_trial_result(trial_id, report)
    strategy.on_trial_complete(trial_id, {METRIC: value(config), "training_iteration": EPOCHS})


def start(strategy: Strategy, live: Live, trials: int = 1) -> list[Config]:
    """Start up to ``trials`` trials; fewer if the strategy has no more."""
    started = []
    for _ in range(trials):
        trial_id = secrets.token_hex(4)  # random, as Tune's are
        config = strategy.suggest(trial_id)
        if not isinstance(config, dict):
            break
        live.append((trial_id, config))
        started.append(config)
    return started


def drive(
    strategy: Strategy,
    trials: int,
    *,
    workers: int = 1,
    value: Callable[[Config], float] = quality,
    live: Live | None = None,
) -> list[Config]:
    """Train ``trials`` networks, the oldest ends first; return the configurations in order.

    Args:
        strategy: The strategy.
        trials: How many to start.
        workers: How many at once.
        value: The metric of a configuration.
        live: Trials in training already; what is still in training afterwards stays in it.
    """
    live = [] if live is None else live
    configs: list[Config] = []
    while len(configs) < trials:
        if len(live) >= workers:
            finish(strategy, *live.pop(0), value)
        started = start(strategy, live)
        configs += started
        if not started:
            break
    return configs


def text(configs: list[Config]) -> str:
    """Return configurations as JSON, in which 1, 1.0 and true differ."""
    return json.dumps(configs, sort_keys=True)


def listen(strategy: Strategy) -> list[Any]:
    """Return a list that will hold every observation from now on."""
    heard: list[Any] = []
    learn = strategy.learn

    def overhear(observation: Any) -> None:
        heard.append(observation)
        learn(observation)

    strategy.learn = overhear  # type: ignore[method-assign]
    return heard
