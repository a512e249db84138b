"""What a benchmark leaves in its folder for people: a page with tables and curves, and the curves as PNG."""

from __future__ import annotations

import base64
import re
from importlib.resources import files
from pathlib import Path

from nas_ray.benchmarking.curves import curve
from nas_ray.benchmarking.result import BenchmarkResult
from nas_ray.benchmarking.summary import note, shown, summary_frame

PAGE = "benchmark.html"
SUMMARY = "summary.csv"


def write(result: BenchmarkResult, folder: Path, *at: float) -> Path:
    """Write ``benchmark.html``, ``summary.csv`` and one PNG for each table and number of workers.

    Returns:
        The path of the page; it needs none of the other files.
    """
    import jinja2

    images = {}
    for table in result.plan.tables:
        for workers in result.plan.workers:
            image = curve(result, table, workers)
            name = re.sub(r"[^A-Za-z0-9_.-]+", "-", result.tables[table].name)
            file = f"regret-{name}-{workers}.png"
            (folder / file).write_bytes(image)
            images[file] = base64.b64encode(image).decode()
    summary_frame(result, *at).to_csv(folder / SUMMARY, index=False)
    template = files("nas_ray.benchmarking").joinpath("page.html").read_text()
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    page = environment.from_string(template).render(
        strategies=result.plan.strategies,
        seeds=result.plan.seeds,
        budget=f"{result.budget:g} {result.axis}",
        images=images,
        tables=shown(result, *at),
        note=note(result, *at),
    )
    (folder / PAGE).write_text(page)
    return folder / PAGE
