"""How many workers? Quality against time, GPU-hours and cost, simulated for each number."""

from __future__ import annotations

from collections.abc import Sequence
from io import StringIO
from typing import TYPE_CHECKING

from nas_ray.config import SearchConfig, load_config
from nas_ray.engine import run_folder
from nas_ray.results import SearchResult
from nas_ray.results.timing import in_words
from nas_ray.simulation.driver import simulate_config
from nas_ray.simulation.result import Simulation

if TYPE_CHECKING:
    import pandas as pd

SHARES = (0.25, 0.5, 1.0)
"""Shares of the time at which the quality is shown."""
HOUR = 3600.0


def recorded(config: SearchConfig, workers: int) -> str:
    """Simulate one search with its run's folder, and return its summary.

    Raises:
        ConfigError: If there is no table, or the budget cannot be.
        RunError: If the folder exists.
    """
    stated = load_config(config, {"resources.concurrency": workers})
    run_folder.check(stated)
    run = simulate_config(stated, run_folder.new_name(stated, f"simulated-{stated.strategy.name}"))
    assert run.folder is not None
    return (
        f"{SearchResult.load(run.folder).summary()}\n"
        f"known proposals {run.duplicates:.1%}, {1000 * run.propose_s:.1f} ms a trial to propose and learn"
    )


def plan(config: SearchConfig, workers: Sequence[int], price: float | None = None) -> pd.DataFrame:
    """Simulate the same search for several numbers of workers.

    Args:
        config: The search; its limits hold for each.
        workers: Numbers of virtual workers.
        price: Of a GPU-hour, None leaves the cost out.

    Returns:
        One row for each number: workers, seconds, gpu_hours, the signal and the reported metric of the
        incumbent at a quarter, half and all of the time, utilisation, and cost.
    """
    import pandas as pd

    return pd.DataFrame([_row(simulate_config(config_for(config, each)), each, price) for each in workers])


def config_for(config: SearchConfig, workers: int) -> SearchConfig:
    """Return the configuration with another number of workers."""
    return load_config(config, {"resources.concurrency": workers})


def _row(run: Simulation, workers: int, price: float | None) -> dict[str, float]:
    table, path = run.cluster.table, run.trajectory
    hours = run.worker_seconds / HOUR
    row: dict[str, float] = {
        "workers": workers,
        "seconds": run.seconds,
        "trials": len(path),
        "gpu_hours": hours,
    }
    for share in SHARES:
        until = path[path["seconds"] <= share * run.seconds]
        for metric, column in ((table.objective.metric, "best"), (table.report, "report")):
            row[f"{metric} at {share:.0%}"] = float(until[column].iloc[-1]) if len(until) else float("nan")
    row["utilisation"] = run.utilisation
    if price is not None:
        row["cost"] = hours * price
    return row


def compare(config: SearchConfig, workers: Sequence[int], price: float | None = None) -> str:
    """Return :func:`plan` as a table for people."""
    from rich.console import Console
    from rich.table import Table

    frame = plan(config, workers, price)
    shown = Table(title=f"{config.strategy.name} on {config.simulation.table}", box=None, pad_edge=False)
    for column in frame.columns:
        shown.add_column(column, justify="right")
    for row in frame.to_dict("records"):
        shown.add_row(*(_cell(str(column), value) for column, value in row.items()))
    text = StringIO()
    Console(file=text, width=max(80, 18 * len(frame.columns))).print(shown)
    return text.getvalue().rstrip()


def _cell(column: str, value: float) -> str:
    if column in ("workers", "trials"):
        return f"{int(value)}"
    if column == "seconds":
        return in_words(value)
    if column in ("gpu_hours", "cost"):
        return f"{value:,.2f}"
    return f"{value:.1%}" if column == "utilisation" else f"{value:.4f}"
