"""Seconds in words, and how busy the slots of a run were."""

from __future__ import annotations

from nas_ray.ledger.run import RunRecord


def slots(run: RunRecord) -> int:
    """Return how many trials the run trains at once."""
    return max(1, int(run.setting("concurrency", 1)))


def busy_share(run: RunRecord) -> float:
    """Return busy slot seconds over slot seconds, from 0 to 1.

    The clock of an attempt runs from the first training's begin to the last one's end: what Ray needs
    to start, and the final test, are not the slots' idleness.
    """
    busy, spans = 0.0, dict[int, tuple[float, float]]()
    for trial in run.trials.values():
        for stint in trial.stints:
            busy += stint.seconds
            begin, end = spans.get(stint.attempt, (stint.begin, stint.end))
            spans[stint.attempt] = (min(begin, stint.begin), max(end, stint.end))
    offered = slots(run) * sum(end - begin for begin, end in spans.values())
    return min(1.0, busy / offered) if offered > 0 else 0.0


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
