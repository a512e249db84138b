"""The private names of Ray that the engine uses still do what they did."""

import inspect
from types import SimpleNamespace

from ray.air.execution._internal.actor_manager import RayActorManager
from ray.tune.execution.tune_controller import TuneController
from ray.tune.utils.object_cache import _ObjectCache

from nas_ray.engine import ray_private


def controller():
    """Return what the engine knows of Tune's controller, wrapped as a scheduler is handed it."""
    bare = SimpleNamespace(_actor_cache=_ObjectCache(), _resources_to_pending_trials={"cpu": {"t1", "t2"}})
    return SimpleNamespace(_tune_controller=bare)


def test_the_controller_has_the_names():
    source = inspect.getsource(TuneController)
    assert "self._actor_cache = _ObjectCache(may_keep_one=True)" in source
    assert "self._resources_to_pending_trials[trial.placement_group_factory].discard(" in source
    assert "self._started_actors.add(tracked_actor)" in source
    assert "self._started_actors.discard(tracked_actor)" in source
    assert "self._stopping_actors[tracked_actor] = now" in source
    assert "self._trial_to_actor[trial] = tracked_actor" in source
    assert "self._actor_manager.is_actor_started(tracked_actor=tracked_actor)" in source
    assert "start_trial = self._resources_to_pending_trials[resource].pop()" in source
    assert "self._tune_controller = tune_controller" in inspect.getsource(
        inspect.getmodule(TuneController).TrialRunnerWrapper
    )


def test_actors_that_are_free_are_kept():
    trial, wrapped = SimpleNamespace(placement_group_factory="cpu"), controller()
    cache = wrapped._tune_controller._actor_cache
    ray_private.keep_actors(wrapped, trial, 2)
    assert not ray_private.has_free_actor(wrapped)
    assert [cache.cache_object("cpu", actor) for actor in "abc"] == [True, True, False]
    assert list(cache.flush_cached_objects()) == []
    assert ray_private.has_free_actor(wrapped)
    ray_private.keep_actors(wrapped, trial, -2)
    assert list(cache.flush_cached_objects()) == ["a", "b"]


def test_a_trial_waits_for_its_own_actor():
    class Waiting:
        placement_group_factory = "cpu"

    trial, wrapped = Waiting(), controller()
    pending = wrapped._tune_controller._resources_to_pending_trials
    pending["cpu"].add(trial)
    ray_private.let_wait(wrapped, trial)
    ray_private.let_wait(wrapped, trial)
    assert pending == {"cpu": {"t1", "t2"}}


def test_of_the_actors_that_are_removed_those_that_never_came_up_are_ended_at_once():
    class Manager:
        ended: tuple = ()

        def is_actor_started(self, tracked_actor):
            return tracked_actor != "gone"

        def remove_actor(self, tracked_actor, kill):
            assert kill
            self.ended += (tracked_actor,)

    assert inspect.signature(RayActorManager.remove_actor).bind(None, "actor", kill=True)
    wrapped, manager = controller(), Manager()
    bare = wrapped._tune_controller
    bare._stopping_actors, bare._started_actors = {"starting": 1.0, "up": 2.0, "gone": 3.0}, {"up"}
    bare._actor_manager = manager
    ray_private.end_unstarted(wrapped)
    assert manager.ended == ("starting",), "one that was up may have something to keep"
