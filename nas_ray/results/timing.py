"""Seconds that are left, and seconds in words."""

from __future__ import annotations

from collections.abc import Iterable


def seconds_left(elapsed: float, limits: Iterable[tuple[float | None, float, float]]) -> float | None:
    """Return the seconds until the first of several limits is reached; None where nothing can be said.

    That is where there is no limit that is reached already, or that anything was done of since the start.

    Args:
        elapsed: Seconds in which the pace was measured.
        limits: Of each the limit, None where there is none; what is done of it; and what of that was done in
            the seconds that elapsed.
    """
    ends = []
    for limit, done, now in limits:
        if limit is not None and (now > 0 or done >= limit):
            ends.append(elapsed / now * (limit - done) if done < limit else 0.0)
    return min(ends, default=None)


def in_words(seconds: float) -> str:
    """Return a duration for people.

    Example:
        >>> in_words(93.4), in_words(5400), in_words(7.25)
        ('1 min 33 s', '1 h 30 min', '7.2 s')
    """
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if not minutes:
        return f"{rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"
