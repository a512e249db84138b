"""The one place that uses names of Ray that are not public; a test says when one of them changes.

Used: how Tune's controller keeps actors that are free, and the trials that wait for one. With
``reuse_actors=True`` it hands an actor that is free to a trial whose own actor is still starting, and ends
that one; it ends actors that are free while the searcher has nothing to propose; and at the end it waits for
actors that nobody needs to come up, so as to end them.
"""

from __future__ import annotations

from typing import Any


def keep_actors(controller: Any, trial: Any, by: int) -> None:
    """Let the controller keep more actors that are free and have the resources of ``trial``.

    Args:
        controller: As a scheduler is handed it.
        trial: One of its trials.
        by: How many more; negative takes it back.
    """
    _bare(controller)._actor_cache.increase_max(trial.placement_group_factory, by)


def has_free_actor(controller: Any) -> bool:
    """Return whether an actor is free."""
    return bool(_bare(controller)._actor_cache.num_cached_objects)


def actors_up(controller: Any) -> int:
    """Return how many actors have started and live."""
    return len(_bare(controller)._started_actors)


def is_starting(controller: Any, trial: Any) -> bool:
    """Return whether a trial's own actor has its place and is starting; it may also still lack resources."""
    bare = _bare(controller)
    actor = bare._trial_to_actor.get(trial)
    return actor is not None and bool(bare._actor_manager.is_actor_started(actor))


def end_unstarted(controller: Any) -> None:
    """End the processes of actors that are being removed and have never come up: they hold nothing."""
    bare = _bare(controller)
    for actor in bare._stopping_actors:
        if actor not in bare._started_actors and bare._actor_manager.is_actor_started(actor):
            bare._actor_manager.remove_actor(actor, kill=True)


def let_wait(controller: Any, trial: Any) -> None:
    """Let a trial wait for the actor that was requested for it, and take no other's."""
    _bare(controller)._resources_to_pending_trials[trial.placement_group_factory].discard(trial)


def _bare(controller: Any) -> Any:
    # Some hooks of a scheduler are handed the controller itself, some a wrapper that warns of these names.
    return getattr(controller, "_tune_controller", controller)
