"""A pool of actors that is complete before the first of them is reused.

With ``reuse_actors=True`` Tune hands an actor that is free to a trial that still waits for one of its own,
and removes that trial's: where trials are shorter than the start of an actor, processes are started and
killed for the whole run. If no trial ends before all actors exist, exactly as many as trials run at once
are ever started.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import ray

from nas_ray.engine import ray_private
from nas_ray.estimation.estimator import Estimator
from nas_ray.spaces import Config

POLL_SECONDS = 0.02


@dataclass(frozen=True)
class PoolGate:
    """Tells the actors of a pool when all of them exist.

    Args:
        size: Actors of the pool.
        patience: Seconds without a new arrival after which the pool counts as complete: a cluster
            may never have room for all of them.
        key: Name of the pool on the cluster.
    """

    size: int
    patience: float = 60.0
    key: str = field(default_factory=lambda: f"pool-{uuid.uuid4().hex}-")

    def arrive(self) -> None:
        """Announce an actor; called once by each."""
        ray_private.put_key(self.key + uuid.uuid4().hex)

    def open(self) -> None:
        """Let all actors go on; called by the driver where no further trial will need an actor."""
        for _ in range(self.size):
            self.arrive()

    def wait(self) -> None:
        """Return once all actors have arrived, or no other has come for ``patience`` seconds."""
        arrived, since = 0, time.monotonic()
        while arrived < self.size and time.monotonic() - since < self.patience:
            now = ray_private.count_keys(self.key)
            if now > arrived:
                arrived, since = now, time.monotonic()
            if arrived < self.size:
                time.sleep(POLL_SECONDS)

    def close(self) -> None:
        """Forget the pool; called by the driver at the end of a run."""
        ray_private.delete_keys(self.key)


def put_parts(**parts: Any) -> dict[str, ray.ObjectRef]:
    """Put what :meth:`Estimator.setup` takes into the object store, each part for itself.

    Tune unpickles what it is handed before the trainable's own code runs; references always can be.
    """
    return {name: ray.put(part) for name, part in parts.items()}


class PooledEstimator(Estimator):
    """An estimator whose first report waits until the pool is complete.

    An actor trains its first epoch while others still start; only that epoch's report is held back.

    Where the process cannot be prepared (a module is missing on its node, the data do not fit into its
    memory), the trial reports that as the failure of its first step. An exception here would cost the
    process, and it would be started again for a trial that cannot succeed.
    """

    def setup(  # type: ignore[override]  # the engine alone makes it, with a gate
        self, config: Config, *, gate: PoolGate, parts: Mapping[str, ray.ObjectRef]
    ) -> None:
        """Prepare the process and announce it; ``parts`` are those of :func:`put_parts`."""
        self._gate: PoolGate | None = gate
        self._parts, self._prepared = parts, False
        self._try(self._prepare, config)
        gate.arrive()

    def reset_config(self, new_config: Config) -> bool:
        """Take the next trial; what could not be prepared for the last one is tried again."""
        self._try(super().reset_config if self._prepared else self._prepare, new_config)
        return True

    def step(self) -> dict[str, Any]:
        """Train one epoch and report it."""
        result = self._failed or super().step()
        if self._gate is not None:
            self._gate.wait()
            self._gate = None
        return result

    def cleanup(self) -> None:
        """Keep what an interrupted trial has learnt; called when the actor ends."""
        if self._prepared:
            super().cleanup()

    def _prepare(self, config: Config) -> None:
        super().setup(config, **{name: ray.get(part) for name, part in self._parts.items()})
        self._prepared = True

    def _try(self, begin: Callable[[Config], Any], config: Config) -> None:
        self._failed: dict[str, Any] | None = None
        try:
            begin(config)
        except Exception as error:
            self._failed = _failure(error)


def _failure(error: Exception) -> dict[str, Any]:
    from nas_ray.estimation import failures  # loads torch, which the driver has no use for

    if failures.spoils_process(error):
        raise error
    reason = "out_of_memory" if failures.is_out_of_memory(error) else "error"
    end = {"outcome": "failed", "reason": reason, "error": failures.text_of(error), "epoch": 0, "done": True}
    failures.release(error)
    return end
