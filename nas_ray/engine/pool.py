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

from nas_ray.engine import ray_private

POLL_SECONDS = 0.02


@dataclass(frozen=True)
class PoolGate:
    """Called by each actor after its first epoch: returns once all actors of the pool got there.

    An actor trains its first epoch while others still start, and holds back that epoch's report only.

    Args:
        size: Actors of the pool.
        patience: Seconds without a new arrival after which the pool counts as complete: a cluster
            may never have room for all of them.
        key: Name of the pool on the cluster.
    """

    size: int
    patience: float = 60.0
    key: str = field(default_factory=lambda: f"pool-{uuid.uuid4().hex}-")

    def __call__(self) -> None:
        """Announce this actor and wait for the others."""
        ray_private.put_key(self.key + uuid.uuid4().hex)
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
