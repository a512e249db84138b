"""Seconds in words."""

from __future__ import annotations


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
