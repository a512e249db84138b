"""Trains a few networks in every setting, with every seed, through the same engine as a search."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from nas_ray.config import SearchConfig, load_config
from nas_ray.engine import run_folder
from nas_ray.engine.progress import Progress
from nas_ray.errors import ConfigError
from nas_ray.fidelity.measurements import FEWEST, Measurements, Setting
from nas_ray.ledger import LEDGER
from nas_ray.parts import Parts, make_parts
from nas_ray.results import SearchResult
from nas_ray.spaces import Config

DIALS: dict[str, Any] = {"data_share": 1.0, "resolution": None, "width": 1.0}
"""Dials beside the epochs, and their values at full fidelity."""

TRIES = 100
"""Draws for each network that is wanted, after which a space is taken to have no more."""


def settings_of(config: SearchConfig) -> tuple[Setting, ...]:
    """Return the full setting, and one for each dial that the configuration turns down."""
    stated = {dial: getattr(config.estimation, dial) for dial in DIALS}
    turned = {dial: value for dial, value in stated.items() if value != DIALS[dial]}
    full = Setting(dials=dict(DIALS))
    return (
        full,
        *(Setting(f"{dial}={value:g}", {**DIALS, dial: value}) for dial, value in turned.items()),
    )


def draw(parts: Parts, config: SearchConfig, networks: int) -> list[Config]:
    """Return different networks of the space that keep the constraints.

    Raises:
        ConfigError: If the space has too few.
    """
    space, task, rng = parts.space, parts.task, np.random.default_rng(config.run.seed)
    found: dict[str, Config] = {}
    for _ in range(TRIES * networks):
        drawn = space.sample(rng, task)
        if parts.bounds and parts.bounds.foreseen(space, drawn, task).broken:
            continue
        found.setdefault(space.config_id(drawn), drawn)
        if len(found) == networks:
            break
    if len(found) < FEWEST:
        raise ConfigError(
            f"at least {FEWEST} different networks are needed to be ranked, but of {TRIES * networks} draws "
            f"from the space {config.space.name!r} only {len(found)} are different and keep the constraints"
        )
    return list(found.values())


def searches(config: SearchConfig, networks: list[Config], seeds: int) -> dict[tuple[str, int], SearchConfig]:
    """Return the search that trains ``networks``, and nothing else, for each setting and seed."""
    fixed = {
        "strategy": {"name": "random", "points_to_evaluate": networks},
        "stopping": {"name": "none"},
        "run.trials": len(networks),
        "run.epochs": None,
        "run.time_budget": None,
        "run.dir": str(run_folder.new_name(config, "")),
    }
    found = {}
    for setting in settings_of(config):
        for seed in range(config.run.seed, config.run.seed + seeds):
            own = {f"estimation.{dial}": value for dial, value in setting.dials.items()}
            name = {"run.seed": seed, "run.name": f"{setting.name}-seed{seed}"}
            found[setting.name, seed] = load_config(config, {**fixed, **own, **name})
    return found


def train(config: SearchConfig, progress: Progress | None) -> SearchResult:
    """Do one of :func:`searches`; what an earlier call has done of it is not done again.

    Raises:
        KeyboardInterrupt: If the user stopped it.
        RunError: If there is another run at its place.
    """
    from nas_ray import orchestrator

    folder = Path(config.run.dir) / str(config.run.name)
    saved = folder / run_folder.CONFIG
    if (folder / LEDGER).is_file() and saved.is_file() and load_config(saved) == config:
        result = orchestrator.resume(folder, address=config.resources.address, progress=progress)
    else:
        result = orchestrator.search(config, progress=progress)
    if result.record.stop is not None and result.record.stop["reason"] == "user":
        raise KeyboardInterrupt
    return result


def measure(config: SearchConfig, networks: int, seeds: int, progress: Progress | None) -> Measurements:
    """Train networks of the space in every setting, with every seed.

    Raises:
        NasRayError: Whatever a search would refuse before it starts; RunError if too few are trained.
    """
    parts = make_parts(config)
    drawn = draw(parts, config, networks)
    places = {parts.space.config_id(network): place for place, network in enumerate(drawn)}
    metric, full = parts.task.objectives[0].metric, config.estimation.max_epochs
    settings = settings_of(config)
    shape = (len(drawn), seeds, full)
    values = {setting.name: np.full(shape, np.nan) for setting in settings}
    seconds = {setting.name: np.full(shape, np.nan) for setting in settings}
    planned = searches(config, drawn, seeds)
    for (setting, seed), search in planned.items():
        result = train(search, progress)
        trials = result.trials.set_index("trial_id")
        for report in result.epochs.to_dict("records"):
            trial = trials.loc[report["trial_id"]]
            if trial["outcome"] == "finished" and report["epoch"] <= full:
                at = (places[trial["config_id"]], seed - config.run.seed, report["epoch"] - 1)
                values[setting][at], seconds[setting][at] = report[metric], report["seconds"]
    took = {name: np.cumsum(each, axis=2) for name, each in seconds.items()}
    return Measurements(metric, settings, np.arange(1, full + 1), values, took)
