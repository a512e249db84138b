"""What must hold before a run goes on: told before Ray starts."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from nas_ray.config import SearchConfig, load_config
from nas_ray.data import Splits, data_id
from nas_ray.engine.history import Past
from nas_ray.errors import ConfigError, RunError
from nas_ray.ledger import LEDGER, Record, read
from nas_ray.results import SearchResult


def begun(folder: Path) -> list[Record]:
    """Return the ledger of a run.

    Raises:
        RunError: If it is empty.
    """
    records = read(folder / LEDGER)
    if not records:
        raise RunError(
            f"a run that goes on must have begun, but {folder / LEDGER} is empty; "
            "remove the folder and start the search anew"
        )
    return records


def relived(config: SearchConfig) -> SearchConfig:
    """Return the configuration without its warm start: the ledger holds what was learned from it."""
    strategy = {key: value for key, value in config.strategy.model_dump().items() if key != "warm_start"}
    return load_config(config, {"strategy": strategy})


def delivered(folder: Path) -> bool:
    """Return whether the last attempt wrote everything that a run hands over."""
    best = SearchResult.load(folder).best
    return (folder / "epochs.parquet").is_file() and (best is None or bool(best.test))


def check_data(records: list[Record], data: Splits) -> None:
    """Check that the data are those that the run began with.

    Raises:
        RunError: If they are not.
    """
    was, now = records[0].get("data_id"), data_id(data)
    if was not in (None, now):
        raise RunError(
            f"a run must go on with the data it began with, but their id was {was} and is {now}; "
            "restore the data, or start a new run"
        )


def check_totals(config: SearchConfig, changed: Iterable[str], past: Past) -> None:
    """Check that no new total is below what was done.

    Args:
        config: With the new totals.
        changed: Their keys.
        past: What was done.

    Raises:
        ConfigError: If one is.
    """
    done = _done(past)
    for key in changed:
        name = key.partition(".")[2]
        total = getattr(config.run, name)
        if total < done[name]:
            raise ConfigError(
                f"`{key}` is the new total and must be at least the {done[name]:g} that are done, "
                f"but got {total:g}"
            )


def check_left(config: SearchConfig, past: Past) -> None:
    """Check that no limit of the run is spent: it would start Ray and end at once.

    Raises:
        ConfigError: If one is.
    """
    for name, done in _done(past).items():
        total = getattr(config.run, name)
        if total is not None and done >= total:
            raise ConfigError(f"{_words(name, total)}; give a new total with --{name.replace('_', '-')} N")


def _done(past: Past) -> dict[str, Any]:
    return {"trials": past.trained, "epochs": past.epochs, "time_budget": past.seconds}


def _words(name: str, total: float) -> str:
    if name == "time_budget":
        return f"the time budget of {total:g} s is spent"
    return f"the {total:g} {name} of the run are trained"
