"""Which actor a trial gets: no process is started that is not needed, and none is ended that will be.

Left to itself, Tune with ``reuse_actors=True`` hands an actor that is free to a trial that still waits for
one of its own, and ends that one: where trials are shorter than the start of an actor, processes are started
and killed for the whole run. Here a trial whose actor is starting waits for it, an actor that is free takes
the next trial, and actors that are free while the strategy thinks are kept. At the end of a run nobody waits
for the start of an actor that is not needed any more.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ray.tune.experiment import Trial
from ray.tune.schedulers import FIFOScheduler

from nas_ray.engine import ray_private
from nas_ray.engine.load import Load
from nas_ray.estimation.estimator import MOVES
from nas_ray.stopping import StoppingRule
from nas_ray.strategies import Strategy


class Placing(FIFOScheduler):  # type: ignore[misc]  # Ray ships no types for its schedulers
    """Tune's scheduler of a run: the stopping rule decides, and trials keep to their actors.

    Args:
        rule: The stopping rule.
        strategy: Says whether more trials come.
        size: Actors of the pool, as many as trials at once.
        starts: Actors that may start at the same time.
        load: Says whether the driver has time for more of them.
    """

    def __init__(
        self,
        rule: StoppingRule,
        strategy: Strategy,
        size: int,
        starts: int | None = None,
        load: Load | None = None,
    ) -> None:
        super().__init__()
        self._load = load or Load()
        self._rule, self._strategy, self._size, self._starts = rule, strategy, size, starts or size
        # Tune's own choice looks at every trial of the run.
        self._rule_chooses = type(rule).choose_trial_to_run is not FIFOScheduler.choose_trial_to_run
        self._limit = min(size, self._starts)
        strategy.set_max_concurrency(self._limit)
        self._new: list[Any] = []
        self._waiting: list[Any] = []
        self._kinds: dict[float | None, Any] = {}
        """A trial of each size, in GPUs; one where all have the same resources."""
        self._kept: set[float | None] = set()
        """Sizes whose actors are kept while they are free."""

    @property
    def metric(self) -> str | None:
        """Name of the objective's metric."""
        return self._rule.objective.metric or None

    def set_search_properties(self, metric: str | None, mode: str | None, **spec: Any) -> bool:
        """Hand metric and mode to the rule."""
        return self._rule.set_search_properties(metric, mode, **spec)

    def on_trial_add(self, tune_controller: Any, trial: Any) -> None:
        """Note a trial that wants an actor: a new one, or one that is retried."""
        self._new.append(trial)
        self._rule.on_trial_add(tune_controller, trial)

    def on_trial_error(self, tune_controller: Any, trial: Any) -> None:
        """Hand it to the rule."""
        self._rule.on_trial_error(tune_controller, trial)

    def on_trial_result(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> str:
        """Hand it to the rule."""
        return self._rule.on_trial_result(tune_controller, trial, result)

    def on_trial_complete(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> None:
        """Hand it to the rule, for which a trial that goes on in a larger part of a GPU has not ended."""
        if result.get(MOVES):
            self._rule.on_trial_error(tune_controller, trial)
        else:
            self._rule.on_trial_complete(tune_controller, trial, result)

    def on_trial_remove(self, tune_controller: Any, trial: Any) -> None:
        """Hand it to the rule."""
        self._rule.on_trial_remove(tune_controller, trial)

    def choose_trial_to_run(self, tune_controller: Any) -> Any:
        """Return the trial to start before all others; called in every step, it looks at few trials.

        Tune itself starts the new ones in their order, each in an actor that is free, if there is one.
        """
        for trial in self._new:
            ray_private.let_wait(tune_controller, trial)
            self._waiting.append(trial)
            self._kinds.setdefault(trial.gpus, trial)
        self._new.clear()
        chosen = self._rule.choose_trial_to_run(tune_controller) if self._rule_chooses else None
        self._keep(tune_controller, chosen)
        self._ramp(tune_controller)
        if self._strategy.closed:
            ray_private.end_unstarted(tune_controller)
        if chosen is not None:
            return chosen
        return self._first(tune_controller) if ray_private.has_free_actor(tune_controller) else None

    def debug_string(self) -> str:
        """Return the rule's words."""
        return str(self._rule.debug_string())

    def _first(self, controller: Any) -> Any:
        """Return the trial that waits longest and whose own actor is not starting; any, if no other comes."""
        taker = next(self._without_place(controller), None)
        return self._waiting[0] if taker is None and self._waiting and self._strategy.closed else taker

    def _without_place(self, controller: Any) -> Iterator[Any]:
        self._waiting = [trial for trial in self._waiting if trial.status == Trial.PENDING]
        return (trial for trial in self._waiting if not ray_private.is_starting(controller, trial))

    def _ramp(self, controller: Any) -> None:
        # The start of a process takes a core from those that train, and from a driver that is busy with them.
        wanted = min(self._size, ray_private.actors_up(controller) + self._starts)
        if wanted > self._limit and self._load.has_time():
            self._limit = wanted
            self._strategy.set_max_concurrency(wanted)

    def _keep(self, controller: Any, chosen: Any) -> None:
        wanted = set() if self._strategy.closed else self._sizes_to_keep(controller, chosen)
        if wanted == self._kept:
            return
        for size, trial in self._kinds.items():
            by = (size in wanted) - (size in self._kept)
            if by:
                ray_private.keep_actors(controller, trial, by * self._size)
        self._kept = wanted

    def _sizes_to_keep(self, controller: Any, chosen: Any) -> set[float | None]:
        if len(self._kinds) < 2:
            return set(self._kinds)
        if chosen is None or ray_private.is_starting(controller, chosen):
            chosen = next(self._without_place(controller), None)
        # Free actors of another size hold what a trial without a place needs.
        return set(self._kinds) if chosen is None else {chosen.gpus}

    def __getstate__(self) -> dict[str, Any]:
        """Tune's objects stay behind."""
        return {**self.__dict__, "_new": [], "_waiting": [], "_kinds": {}, "_kept": set()}
