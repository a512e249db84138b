"""What a run found, as the text that ends a search."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from pathlib import Path

from nas_ray.ledger import trials_frame
from nas_ray.ledger.run import RunRecord
from nas_ray.ledger.utilisation import busy_share
from nas_ray.results.best import BestTrial, find_best
from nas_ray.results.calibration import calibration
from nas_ray.results.folder import DRAWING
from nas_ray.results.front import front_of, front_text
from nas_ray.results.model import space_of
from nas_ray.results.timing import in_words

OUTCOMES = ("running", "paused", "finished", "stopped", "failed", "infeasible", "cached", "interrupted")
"""The order in which outcomes are shown."""


def summarise(run: RunRecord, path: Path, live: bool) -> str:
    """Return the summary of the run at ``path``: the best architecture, its numbers, trials, time, place."""
    best = find_best(run)
    head = ["no trial has a score"] if best is None else [*_architecture(best, path), "", *_numbers(best)]
    counts = run.outcomes(live)
    if len(run.objectives) > 1 and best is not None:
        trials = trials_frame(run, live)
        head += ["", *front_text(front_of(trials, run.objectives), run.objectives)]
    believed = calibration(run)
    trained = sum(report.get("seconds") or 0.0 for report in run.reports)
    return "\n".join(
        [
            *head,
            f"trials {len(run.trials)}" + (f": {count_text(counts)}" if counts else ""),
            f"trained {run.epochs:g} epochs in {trained:.1f} s",
            *([] if believed is None else [str(believed)]),
            f"time {in_words(run.total_s)}, slots busy {busy_share(run):.0%}",
            f"run {path}",
        ]
    )


def count_text(counts: Mapping[str, int]) -> str:
    """Return trials by outcome, such as ``"9 finished, 13 stopped"``."""
    return ", ".join(f"{counts[outcome]} {outcome}" for outcome in OUTCOMES if counts.get(outcome))


def _architecture(best: BestTrial, path: Path) -> list[str]:
    title = f"best architecture {best.trial_id}, epoch {best.epoch}"
    drawn = [f"drawn in {path / DRAWING}"] if (path / DRAWING).is_file() else []
    return [title, textwrap.indent(_drawing(best, path), "  "), *drawn]


def _drawing(best: BestTrial, path: Path) -> str:
    try:
        return space_of(path).describe(best.config)
    except Exception:  # whatever somebody's space raises, a summary is no place to fail
        return "\n".join(f"{key}: {value}" for key, value in sorted(best.config.items()))


def _numbers(best: BestTrial) -> list[str]:
    lines = [f"{best.metric} {best.value:.4f}"]
    lines += [f"{name} {value:.4f}" for name, value in best.test.items() if value is not None]
    if best.test_error:
        why = best.test_error.splitlines()[-1]
        lines.append(f"test part could not be read: {why}; `nas-ray resume` reads it again")
    if best.params is not None:
        lines.append(f"parameters {best.params:,}")
    if best.flops is not None:
        lines.append(f"flops {best.flops:,}")
    return lines
