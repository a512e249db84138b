"""The checkpoint of a trial in its run's folder: what a lost or interrupted trial goes on from."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from nas_ray.estimation import weights


class Checkpoint:
    """The file of one trial, which no epoch is missing from or doubled by.

    A run may end between a worker's reports and their reading. So :meth:`tick` is called before an epoch
    begins, when those before are known to be read; and what :meth:`write` keeps at the end brings its last
    reports along, of which :meth:`load` hands back, to be told again, those that the run's record lacks.

    Args:
        path: The file; None keeps nothing.
        seconds: Least time between two writings while the trial trains.
        recorded: Last epoch of the trial in the run's record, as far as it was read.
    """

    def __init__(self, path: Path | None, seconds: float = math.inf, recorded: int = 0) -> None:
        self._path, self._seconds, self._recorded = path, seconds, recorded
        self._written = time.monotonic()

    def load(self) -> tuple[weights.State | None, list[dict[str, Any]]]:
        """Return the state to go on from, None if there is none, and the reports that were never read."""
        state = weights.read(self._path) if self._path else None
        reports = (state or {}).pop("reports", [])
        return state, [each for each in reports if each["done"] or each["epoch"] > self._recorded]

    def tick(self, make: Callable[[], weights.State]) -> None:
        """Write the state that ``make`` returns, if the last writing is long enough ago."""
        if self._path is not None and time.monotonic() - self._written >= self._seconds:
            weights.write(self._path, make())
            self._written = time.monotonic()

    def write(self, state: Mapping[str, Any], reports: Sequence[dict[str, Any]]) -> None:
        """Write ``state`` and the reports that may never be read, at the end of an attempt."""
        if self._path is not None:
            weights.write(self._path, {**state, "reports": list(reports)})

    def forget(self) -> None:
        """Remove the file of a trial that ended."""
        if self._path is not None:
            self._path.unlink(missing_ok=True)
