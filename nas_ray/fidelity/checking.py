"""Do cheap trainings rank networks as full ones do? On networks that are trained for it, or off a table."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nas_ray.config import SearchConfig, load_config
from nas_ray.engine import run_folder
from nas_ray.engine.progress import Progress
from nas_ray.errors import ConfigError
from nas_ray.fidelity import sampled
from nas_ray.fidelity.measurements import FEWEST
from nas_ray.fidelity.report import FidelityReport
from nas_ray.fidelity.tabled import read_off
from nas_ray.tables import Table, load_table

TRAINED, LISTED = 8, 100
"""Networks where they are trained, and where they are read off a table, unless somebody says how many."""


def check_fidelity(
    config: str | Path | Mapping[str, Any] | SearchConfig | None = None,
    overrides: Sequence[str] | Mapping[str, Any] = (),
    *,
    table: str | os.PathLike[str] | Table | None = None,
    networks: int | None = None,
    seeds: int = 2,
    progress: Progress | None = None,
) -> FidelityReport:
    """Find out which fidelities rank networks as full training does; what ``nas-ray check-fidelity`` does.

    Networks are drawn from the space and trained to the end with every seed, through the same engine as a
    search; what they reach at fewer epochs is compared with what the other seeds reach at the end. Where the
    configuration turns down ``estimation.data_share``, ``resolution`` or ``width``, they are trained so too,
    and with all of them at full. Several searches are left in ``run.dir``, below one folder; with a
    ``run.name`` a check that was interrupted goes on where it stopped.

    Example::

        report = nas_ray.check_fidelity({"space": {"name": "chain"}, "estimation": {"max_epochs": 27}})
        print(report)
        report.frame, report.advice.grace_period

    Args:
        config: A YAML file, a nested dict or a :class:`SearchConfig`; strategy, stopping and limits of the
            run do not matter.
        overrides: ``"block.key=value"`` texts, or a dict of them.
        table: Take the curves of a table instead: a name, the path of a description, or a table.
        networks: How many; 8 by default, 100 of a table.
        seeds: Trainings of each network in each setting; a table has one.
        progress: Shows each search while it goes on.

    Raises:
        ConfigError: If a key, name or value cannot be, or there are fewer than 4 networks.
        DataError: If the data or the table's files are missing or damaged.
        RunError: If fewer than 4 networks could be trained, or a folder cannot be written.
        KeyboardInterrupt: If the user stopped it.
    """
    resolved = load_config(config, overrides)
    table = table if table is not None else resolved.simulation.table
    wanted = networks if networks is not None else TRAINED if table is None else LISTED
    if wanted < FEWEST:
        raise ConfigError(f"`networks` must be at least {FEWEST}, but got {wanted}")
    if seeds < 1:
        raise ConfigError(f"`seeds` must be at least 1, but got {seeds}")
    seed = resolved.run.seed
    if table is not None:
        found = table if isinstance(table, Table) else load_table(table)
        return FidelityReport(read_off(found, wanted, seed).complete(), f"table {found.name}", seed)
    if resolved.estimation.max_epochs < 2:
        raise ConfigError("`estimation.max_epochs` must be at least 2: there is no fidelity below one epoch")
    named = _named(resolved)
    told = sampled.measure(named, wanted, seeds, progress).complete()
    folder = run_folder.new_name(named, "")
    return FidelityReport(told, f"{named.space.name} on {named.data.name}", seed, folder)


def _named(config: SearchConfig) -> SearchConfig:
    """Return the configuration with the name of a folder that all searches share."""
    return load_config(config, {"run.name": run_folder.new_name(config, "check-fidelity").name})
