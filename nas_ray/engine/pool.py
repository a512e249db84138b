"""The actors of a run: each is prepared once, and trains many networks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import ray

from nas_ray.engine.peers import Peers
from nas_ray.estimation.estimator import MOVES, Estimator
from nas_ray.spaces import Config


def put_parts(**parts: Any) -> dict[str, ray.ObjectRef]:
    """Put what :meth:`Estimator.setup` takes into the object store, each part for itself.

    Tune unpickles what it is handed before the trainable's own code runs; references always can be.
    """
    return {name: ray.put(part) for name, part in parts.items()}


class PooledEstimator(Estimator):
    """An estimator that a failure to prepare it does not end.

    Where the process cannot be prepared (a module is missing on its node, the data do not fit into its
    memory), the trial reports that as the failure of its first step. An exception here would cost the
    process, and it would be started again for a trial that cannot succeed.
    """

    def setup(  # type: ignore[override]  # the engine alone makes it
        self, config: Config, *, parts: Mapping[str, ray.ObjectRef]
    ) -> None:
        """Prepare the process; ``parts`` are those of :func:`put_parts`."""
        self._parts, self._prepared = parts, False
        self._try(self._prepare, config)

    def reset_config(self, new_config: Config) -> bool:
        """Take the next trial; what could not be prepared for the last one is tried again."""
        self._try(super().reset_config if self._prepared else self._prepare, new_config)
        return True

    def step(self) -> dict[str, Any]:
        """Train one epoch and report it."""
        return self._failed or super().step()

    def cleanup(self) -> None:
        """Keep what an interrupted trial has learnt; called when the actor ends."""
        if self._prepared:
            super().cleanup()

    def _prepare(self, config: Config) -> None:
        super().setup(config, **{name: ray.get(part) for name, part in self._parts.items()})
        self.team = Peers.of_this_trial(self._parts, self.device)
        self._prepared = True

    def _try(self, begin: Callable[[Config], Any], config: Config) -> None:
        self._failed: dict[str, Any] | None = None
        try:
            begin(config)
        except Exception as error:
            self._failed = _failure(error, ray.get(self._parts["moves"]))


def _failure(error: Exception, moves: bool) -> dict[str, Any]:
    from nas_ray.estimation import failures, hardware  # load torch, which the driver has no use for

    if failures.spoils_process(error):
        raise error
    reason = "out_of_memory" if failures.is_out_of_memory(error) else "error"
    end: dict[str, Any] = {
        "outcome": "failed",
        "reason": reason,
        "error": failures.text_of(error),
        "epoch": 0,
        "done": True,
    }
    if moves and reason == "out_of_memory" and hardware.share_of_gpu() < 1:
        end[MOVES] = True
    failures.release(error)
    return end
