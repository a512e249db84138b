"""A search in which everything fails alike: it is stopped with one clear error."""

from __future__ import annotations

ALIKE = 10
"""Trials, the first of a run, that must fail with the same reason."""


class Failing:
    """Notices that the first trials of a run all fail with the same reason.

    Args:
        trained: Trials that earlier attempts of the run trained without a failure.
    """

    def __init__(self, trained: int = 0) -> None:
        self._watching = trained == 0
        self._reason, self._error, self._count = "", "", 0

    def ended(self, outcome: str, reason: str, error: str) -> None:
        """Hear of the end of a trial; infeasible and known ones say nothing."""
        if outcome in ("infeasible", "cached", "interrupted") or not self._watching:
            return
        self._reason, self._error = self._reason or reason, self._error or error
        self._watching = outcome == "failed" and reason == self._reason
        self._count += 1

    @property
    def hopeless(self) -> bool:
        """Whether the run should stop."""
        return self._watching and self._count >= ALIKE

    def __str__(self) -> str:
        last = (self._error.strip().splitlines() or ["no error was reported"])[-1]
        return (
            f"a search needs trials that can be trained, but the first {self._count} all failed "
            f"({self._reason}): {last}"
        )
