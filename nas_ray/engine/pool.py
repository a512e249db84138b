"""A pool of actors that is complete before the first of them is reused.

With ``reuse_actors=True`` Tune hands an actor that is free to a trial that still waits for one of its own,
and removes that trial's: where trials are shorter than the start of an actor, processes are started and
killed for the whole run. If no trial ends before all actors exist, exactly as many as trials run at once
are ever started.
"""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass, field
from typing import Any

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


class PooledEstimator(Estimator):
    """An estimator whose first report waits until the pool is complete.

    An actor trains its first epoch while others still start; only that epoch's report is held back.
    """

    def setup(  # type: ignore[override]  # the engine alone makes it, with a gate
        self, config: Config, *, gate: PoolGate, **parts: Any
    ) -> None:
        """Prepare the process and announce it; ``parts`` are those of :meth:`Estimator.setup`."""
        super().setup(config, **parts)
        self._gate: PoolGate | None = gate
        gate.arrive()

    def step(self) -> dict[str, Any]:
        """Train one epoch and report it."""
        result = super().step()
        if self._gate is not None:
            self._gate.wait()
            self._gate = None
        return result
