"""A benchmark as a table, for a terminal or a page."""

from __future__ import annotations

import math
from io import StringIO
from typing import TYPE_CHECKING, Any

from nas_ray.benchmarking.result import BenchmarkResult
from nas_ray.benchmarking.statistics import LEVEL, Comparison
from nas_ray.tables import Table

if TYPE_CHECKING:
    import pandas as pd

DECIMALS = 3
"""Of accuracies in percent; other metrics have two more."""


def towards_worse(value: float, mode: str, decimals: int) -> str:
    """Return a value as text, rounded down where larger is better and up where smaller is.

    A mean is so never printed above the best value of its table.

    Example:
        >>> towards_worse(0.943766, "max", 4), towards_worse(0.01011, "min", 4)
        ('0.9437', '0.0102')
    """
    if not math.isfinite(value):
        return "-"
    scale = 10.0**decimals
    # The nearest multiple is kept where a value is one already, up to the error of its own digits.
    nearest = round(value * scale)
    exact = math.isclose(nearest, value * scale, rel_tol=1e-12)
    whole = nearest if exact else (math.floor if mode == "max" else math.ceil)(value * scale)
    return f"{whole / scale:.{decimals}f}"


def summary_frame(result: BenchmarkResult, *at: float) -> pd.DataFrame:
    """Return one row for each table, number of workers, budget and strategy; the best strategy first.

    Columns: table, workers, at, strategy, seeds, mean and std of the incumbents' signal, report_mean and
    report_std, regret, found (share of the seeds that found the table's best signal), better_than (the
    strategies that are significantly worse), duplicates, repeated, propose_ms and utilisation.
    """
    values = result.values(*at)
    values["found"] = values["regret"] == 0
    grouped = values.groupby(["table", "workers", "at", "strategy"], sort=False)
    frame = grouped.agg(
        seeds=("seed", "count"),
        score=("score", "mean"),
        mean=("best", "mean"),
        std=("best", "std"),
        report_mean=("report", "mean"),
        report_std=("report", "std"),
        regret=("regret", "mean"),
        found=("found", "mean"),
        duplicates=("duplicates", "mean"),
        repeated=("repeated", "sum"),
        propose_ms=("propose_ms", "mean"),
        utilisation=("utilisation", "mean"),
    ).reset_index()
    comparisons = result.comparisons(*at)
    beaten = [_beaten(comparisons, row) for row in frame.to_dict("records")]
    frame.insert(list(frame.columns).index("found") + 1, "better_than", beaten)
    frame = frame.sort_values(["table", "workers", "at", "score"], ascending=[True, True, True, False])
    return frame.drop(columns="score").reset_index(drop=True)


def _beaten(comparisons: list[Comparison], row: dict[Any, Any]) -> str:
    names = [
        each.worse
        for each in comparisons
        if each.significant
        and (each.table, each.workers, each.at, each.better)
        == (row["table"], row["workers"], row["at"], row["strategy"])
    ]
    return ", ".join(names)


def shown(result: BenchmarkResult, *at: float) -> list[tuple[str, list[str], list[list[str]]]]:
    """Return a title, the headings and the rows of each comparison."""
    tables = []
    for _, frame in summary_frame(result, *at).groupby(["table", "workers", "at"]):
        records = frame.to_dict("records")
        table, workers, spent = (records[0][key] for key in ("table", "workers", "at"))
        found = result.tables[table]
        title = f"{found.name}, {workers} worker{'s' * (workers > 1)}, {spent:g} {result.axis}"
        tables.append((title, _headings(found), [_row(found, row) for row in records]))
    return tables


def _scale(metric: str) -> tuple[float, int]:
    """Return factor and decimals: accuracies are printed in percent."""
    return (100.0, DECIMALS) if metric.endswith("acc") else (1.0, DECIMALS + 2)


def _value(metric: str, mode: str, value: float) -> str:
    factor, decimals = _scale(metric)
    return towards_worse(factor * value, mode, decimals)


def _spread(metric: str, value: float) -> str:
    factor, decimals = _scale(metric)
    return f"{factor * value:.{decimals}f}" if math.isfinite(value) else "-"


def _heading(metric: str, mode: str, best: float) -> str:
    percent = " %" if _scale(metric)[0] == 100 else ""
    return f"{metric}{percent} (best {_value(metric, mode, best)})"


def _headings(table: Table) -> list[str]:
    signal, report = table.objective.metric, table.report
    return [
        "strategy",
        "seeds",
        _heading(signal, table.objective.mode, table.optimum()),
        "std",
        _heading(report, table.report_mode, table.optimum(report)),
        "std",
        "found",
        "better than",
        "known",
        "ms/trial",
        "busy",
    ]


def _row(table: Table, row: dict[Any, Any]) -> list[str]:
    signal, report = table.objective.metric, table.report
    return [
        row["strategy"],
        f"{row['seeds']}",
        _value(signal, table.objective.mode, row["mean"]),
        _spread(signal, row["std"]),
        _value(report, table.report_mode, row["report_mean"]),
        _spread(report, row["report_std"]),
        f"{row['found']:.0%}",
        row["better_than"] or "-",
        f"{row['duplicates']:.1%}",
        f"{row['propose_ms']:.1f}",
        f"{row['utilisation']:.1%}",
    ]


def note(result: BenchmarkResult, *at: float) -> str:
    """Return how to read the tables."""
    count = len(result.comparisons(*at))
    repeated = int(result.values()["repeated"].sum())
    return (
        f"better than: significantly, by the signal, paired by seed (Wilcoxon signed-rank, two-sided, level "
        f"{LEVEL:g}, Holm over {count} comparisons). found: share of the seeds with the table's best signal. "
        f"known: share of the proposals that were known and not trained again. "
        f"Networks trained twice: {repeated}."
    )


def as_text(result: BenchmarkResult, *at: float) -> str:
    """Return the tables for a terminal."""
    from rich.console import Console
    from rich.table import Table as Grid

    text = StringIO()
    console = Console(file=text, width=180)
    for title, headings, rows in shown(result, *at):
        grid = Grid(title=title, title_justify="left", box=None, pad_edge=False)
        for heading in headings:
            left = heading in ("strategy", "better than")
            grid.add_column(heading, justify="left" if left else "right", max_width=40)
        for row in rows:
            grid.add_row(*row)
        console.print(grid)
        console.print()
    return "\n".join(line.rstrip() for line in text.getvalue().splitlines()) + note(result, *at)
