"""Which trials of this process hold no slot: a stopping rule paused them.

Tune tells a searcher nothing when a scheduler pauses a trial, and a searcher that counts a paused trial as
one that runs comes to a standstill: Tune's own ``ConcurrencyLimiter`` does. Rules and strategies of nas_ray
meet here, also in a Tuner of one's own, by Tune's ids, of which no two trials of a process share one; a
simulation, whose ids are the same in every run, says of each new trial that it is not paused.
"""

from __future__ import annotations

_PAUSED: set[str] = set()


def pause(trial_id: str) -> None:
    """Note that a trial gave its slot back; called by the rule that pauses it."""
    _PAUSED.add(trial_id)


def go_on(trial_id: str) -> None:
    """Note that a trial holds a slot again or has ended; called by the rule."""
    _PAUSED.discard(trial_id)


def is_paused(trial_id: str) -> bool:
    """Return whether a trial is paused; asked by strategies, by Tune's id."""
    return trial_id in _PAUSED
