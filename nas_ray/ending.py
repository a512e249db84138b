"""How a search ends on the terminal: summary, what to do next, exit code."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable
from pathlib import Path

from nas_ray.live import Live
from nas_ray.results import SearchResult
from nas_ray.results.continuing import new_total
from nas_ray.termination import Termination

NOTHING_FINISHED = 1


def follow(begin: Callable[[Live], SearchResult], runs_dir: str, quiet: bool = False) -> int:
    """Show a search while it runs, then what it found.

    Args:
        begin: Starts or resumes the search with this display.
        runs_dir: Folder that the run's folder is in.
        quiet: Print errors alone.

    Returns:
        The exit code: 0 if a trial finished, 1 if none did, 130 after Ctrl-C, 143 after SIGTERM.
    """
    live, termination = Live(quiet=quiet), Termination()
    try:
        with termination, live:
            result = begin(live)
    except KeyboardInterrupt:
        # Before the first trial, or a second Ctrl-C that did not wait for the run to stop in order.
        _tell_way_on(Path(runs_dir) / live.title if live.title else None)
        return termination.exit_code
    except Exception:
        if live.title:  # the run began, and what it found is delivered
            _tell_way_on(Path(runs_dir) / live.title)
        raise
    if not quiet:
        print(f"\n{result.summary()}\n{next_commands(result)}")
    if _interrupted(result):
        _tell_way_on(result.path)
        return termination.exit_code
    if result.outcomes().get("finished"):
        return 0
    print(f"error: {why_none(result)}", file=sys.stderr)
    return NOTHING_FINISHED


def next_commands(result: SearchResult) -> str:
    """Return the commands that are likely to follow."""
    run = _typed(result.path)
    commands = [f"nas-ray results {run} --format csv --output trials.csv"]
    if more := new_total(result.record):
        commands.append(f"nas-ray resume {run} {more}")
    return "\n".join(f"{'next' if not index else '':4} {command}" for index, command in enumerate(commands))


def why_none(result: SearchResult) -> str:
    """Return, for a run in which no trial finished, what became of them and the first error."""
    trials = result.trials
    text = "no trial finished"
    reasons = trials["reason"].replace("", None).dropna().value_counts()
    if len(reasons):
        text += ": " + ", ".join(f"{count} {reason}" for reason, count in reasons.items())
    errors = trials["error"].replace("", None).dropna()
    if len(errors):
        text += f"; the first error: {str(errors.iloc[0]).strip().splitlines()[-1]}"
    return f"{text}; `nas-ray results {_typed(result.path)}` shows all"


def _interrupted(result: SearchResult) -> bool:
    return result.record.stop is not None and result.record.stop["reason"] == "user"


def _tell_way_on(run: Path | None) -> None:
    hint = "before the run began" if run is None else f"take it up with `nas-ray resume {_typed(run)}`"
    print(f"interrupted: {hint}", file=sys.stderr)


def _typed(path: Path) -> str:
    near = os.path.relpath(path)
    return shlex.quote(str(path) if near.startswith("..") else near)
