"""The further processes of a trial that trains on several GPUs."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import ray
from ray.exceptions import RayError
from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

from nas_ray.estimation.estimator import Estimator
from nas_ray.spaces import Config

if TYPE_CHECKING:
    import torch

    from nas_ray.estimation.learner import Learner

KEEP_OUT = ("folder", "recorded")
"""Parts of a run that only the first process of a trial has to do with."""
ERROR_S = 5.0
"""Seconds in which another process that failed tells why."""


class Peer(Estimator):
    """One further process of a trial: it trains the network that it is told to, and reports nothing.

    Args:
        parts: Of :func:`~nas_ray.engine.pool.put_parts`.
    """

    def __init__(self, parts: Mapping[str, ray.ObjectRef]) -> None:
        self._parts = parts
        super().__init__({})

    def setup(self, config: Config) -> None:  # type: ignore[override]  # the engine alone makes it
        """Prepare the process."""
        parts = {name: ray.get(part) for name, part in self._parts.items() if name not in KEEP_OUT}
        super().setup(config, **parts)

    def join(self, host: str, port: int, rank: int, ranks: int) -> None:
        """Join the other processes of the trial.

        Args:
            host: Address of the first one.
            port: Where they find each other there.
            rank: Of this one.
            ranks: Of all.
        """
        from nas_ray.estimation import parallel

        parallel.open_group(parallel.open_store(host, port), rank, ranks, self.device)

    def take(self, config: Config, batch_size: int | None, state: dict[str, Any]) -> None:
        """Take a network over as it is in the first process."""
        from nas_ray.estimation import parallel

        self._free()
        self._begin(config)
        self._batch_size = batch_size
        self.learner = self._untrained()
        self.learner.load_state_dict(state)
        parallel.share_out(self.learner)

    def train_share(self) -> dict[str, float]:
        """Train an epoch with the others, and return the metrics of this process's share."""
        assert self.learner is not None
        return self.learner.step(evaluates=False)


class Peers:
    """The :class:`~nas_ray.estimation.parallel.Team` of a trial: an actor in each further bundle.

    They start with the first network that is trained, and serve every later trial of the first process.

    Args:
        parts: Of :func:`~nas_ray.engine.pool.put_parts`.
        device: Where the first process computes.
        place: The placement group of the trial.
    """

    def __init__(self, parts: Mapping[str, ray.ObjectRef], device: torch.device, place: Any) -> None:
        self._parts, self._device, self._place = parts, device, place
        self._actors: list[Any] = []

    @classmethod
    def of_this_trial(cls, parts: Mapping[str, ray.ObjectRef], device: torch.device) -> Peers | None:
        """Return those of the trial that this process belongs to; None where it trains alone."""
        place = ray.util.get_current_placement_group()
        return cls(parts, device, place) if place is not None and place.bundle_count > 1 else None

    def take(self, learner: Learner, config: Config, batch_size: int | None) -> None:
        """Have them train the network of ``learner`` with it."""
        from nas_ray.estimation import parallel

        if not self._actors:
            self._start()
        state = ray.put(learner.state_dict())
        ray.get([actor.take.remote(config, batch_size, state) for actor in self._actors])
        parallel.share_out(learner)

    def step(self, learner: Learner) -> dict[str, float]:
        """Train one epoch together."""
        from nas_ray.estimation import parallel

        shares = [actor.train_share.remote() for actor in self._actors]
        with ThreadPoolExecutor(1) as beside:
            theirs = beside.submit(self._shares, shares)
            try:
                own = learner.step()
            except RuntimeError:
                if ray.wait(shares, num_returns=1, timeout=ERROR_S)[0]:
                    theirs.result()  # if another one failed first, this one was left alone
                self.leave()
                raise
            return parallel.together(own, theirs.result())

    def leave(self) -> None:
        """End them."""
        from nas_ray.estimation import parallel

        for actor in self._actors:
            ray.kill(actor)
        self._actors = []
        parallel.close_group()

    def _start(self) -> None:
        from nas_ray.estimation import parallel

        host, ranks = ray.util.get_node_ip_address(), self._place.bundle_count
        store = parallel.open_store(host)
        bundles = self._place.bundle_specs
        for rank in range(1, ranks):
            strategy = PlacementGroupSchedulingStrategy(self._place, placement_group_bundle_index=rank)
            peer = ray.remote(Peer).options(
                num_cpus=bundles[rank].get("CPU", 0),
                num_gpus=bundles[rank].get("GPU", 0),
                scheduling_strategy=strategy,
            )
            self._actors.append(peer.remote(self._parts))
        joined = [
            actor.join.remote(host, store.port, rank, ranks) for rank, actor in enumerate(self._actors, 1)
        ]
        parallel.open_group(store, 0, ranks, self._device)
        ray.get(joined)

    def _shares(self, shares: list[ray.ObjectRef]) -> list[dict[str, float]]:
        """Return what the others report; the first failure ends them, which ends this process's wait."""
        waiting = shares
        try:
            while waiting:
                done, waiting = ray.wait(waiting, num_returns=1)
                ray.get(done)
        except RayError as error:
            for actor in self._actors:
                ray.kill(actor)
            raise getattr(error, "cause", None) or error from error
        return list(ray.get(shares))
