"""Finding runs by what a person types."""

from __future__ import annotations

from pathlib import Path

from nas_ray.errors import RunError, suggestion


def find_run(run: str, runs_dir: str = "runs") -> Path:
    """Return the folder of a run.

    Args:
        run: Its folder, or its name in ``runs_dir``.
        runs_dir: The folder of all runs.

    Raises:
        RunError: If there is no such folder; the nearest name is offered.
    """
    candidates = [Path(run).expanduser(), Path(runs_dir).expanduser() / run]
    for folder in candidates:
        if folder.is_dir():
            return folder
    known = sorted(path.name for path in candidates[1].parent.glob("*") if path.is_dir())
    raise RunError(f"there is no run {run!r}, neither here nor in {runs_dir!r}{suggestion(run, known)}")


def runs_table(runs_dir: str) -> str:
    """Return the runs in ``runs_dir`` as a table for people."""
    from nas_ray.results import runs

    frame = runs(runs_dir)
    if frame.empty:
        return f"no runs in {runs_dir!r}; `nas-ray search` makes one"
    frame["started"] = frame["started"].dt.strftime("%Y-%m-%d %H:%M")
    return frame.to_string(index=False, na_rep="-", float_format=lambda value: f"{value:.4f}")
