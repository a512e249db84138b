"""The checkpoint of a trial in its run's folder: what a lost or interrupted trial goes on from."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from nas_ray.estimation import weights


class Checkpoint:
    """The file of one trial, which no epoch is missing from or doubled by.

    A run may end between a worker's report and its reading. So :meth:`tick` is called before an epoch
    begins, when the one before is known to be read; and what :meth:`write` keeps at the end brings its last
    report along, which :meth:`load` hands back to be told again if the run's record lacks it.

    Args:
        path: The file; None keeps nothing.
        seconds: Least time between two writings while the trial trains.
        recorded: Last epoch of the trial in the run's record, as far as it was read.
    """

    def __init__(self, path: Path | None, seconds: float = math.inf, recorded: int = 0) -> None:
        self._path, self._seconds, self._recorded = path, seconds, recorded
        self._written = time.monotonic()

    def load(self) -> tuple[weights.State | None, dict[str, Any] | None]:
        """Return the state to go on from and the report that was never read, each None if there is none."""
        state = weights.read(self._path) if self._path else None
        report = (state or {}).pop("report", None)
        if report is not None and not report["done"] and report["epoch"] <= self._recorded:
            report = None
        return state, report

    def tick(self, make: Callable[[], weights.State]) -> None:
        """Write the state that ``make`` returns, if the last writing is long enough ago."""
        if self._path is not None and time.monotonic() - self._written >= self._seconds:
            weights.write(self._path, make())
            self._written = time.monotonic()

    def write(self, state: Mapping[str, Any], report: Mapping[str, Any]) -> None:
        """Write ``state`` and the last report, at the end of an attempt."""
        if self._path is not None:
            weights.write(self._path, {**state, "report": dict(report)})

    def forget(self) -> None:
        """Remove the file of a trial that ended."""
        if self._path is not None:
            self._path.unlink(missing_ok=True)
