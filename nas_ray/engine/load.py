"""How busy the loop of the driver is: actors would wait for one that is, and more of them bring nothing."""

from __future__ import annotations

import time
from collections.abc import Callable

LOOK_S = 0.25
"""Seconds over which the loop is watched."""
BUSY = 0.4
"""Share of a core from which the loop counts as busy: it waits for an answer of an actor after each call."""


class Load:
    """Watches the loop that asks it, and says whether it has time for more actors.

    Args:
        clock: Seconds that pass.
        work: Seconds of them in which this thread computes.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.perf_counter,
        work: Callable[[], float] = time.thread_time,
    ) -> None:
        self._clock, self._work = clock, work
        self._since: tuple[float, float] | None = None

    def has_time(self) -> bool:
        """Return whether the loop was watched for long enough since the last yes, and had time.

        The first question only begins to watch, since what the loop did before says nothing.
        """
        now, worked = self._clock(), self._work()
        began, before = self._since or (now, worked)
        if self._since is not None and now - began < LOOK_S:
            return False
        self._since = (now, worked)
        return now > began and (worked - before) / (now - began) < BUSY
