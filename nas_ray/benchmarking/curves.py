"""Regret curves: how far the incumbent is from the best network, over the budget, with bands."""

from __future__ import annotations

from io import BytesIO

from nas_ray.benchmarking.result import BenchmarkResult

LABELS = {"trials": "trials", "epochs": "epochs", "seconds": "virtual seconds"}


def curve(result: BenchmarkResult, table: str, workers: int) -> bytes:
    """Return one table's curves as a PNG.

    Args:
        result: A benchmark.
        table: One of its tables.
        workers: One of its numbers of workers.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.5, 4.5), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    frame = result.curves
    frame = frame[(frame["table"] == table) & (frame["workers"] == workers)]
    for strategy, course in frame.groupby("strategy", sort=False):
        (line,) = axes.plot(course["spent"], course["mean"], label=strategy)
        axes.fill_between(course["spent"], course["low"], course["high"], color=line.get_color(), alpha=0.2)
    smallest = frame.loc[frame["mean"] > 0, "mean"].min()
    # Linear below the smallest mean, since the logarithm knows no regret of 0.
    axes.set_yscale("symlog", linthresh=smallest if smallest == smallest else 1e-6)
    axes.set_ylim(bottom=0)
    metric = result.tables[table].objective.metric
    axes.set(xlabel=LABELS[result.axis], ylabel=f"regret of {metric}", title=_title(result, table, workers))
    axes.legend(frameon=False)
    axes.grid(alpha=0.3)
    image = BytesIO()
    figure.savefig(image, format="png", dpi=120)
    return image.getvalue()


def _title(result: BenchmarkResult, table: str, workers: int) -> str:
    seeds = result.plan.seeds
    return (
        f"{result.tables[table].name}, {workers} worker{'s' * (workers > 1)}, {seeds} seeds (mean, 95 % band)"
    )
