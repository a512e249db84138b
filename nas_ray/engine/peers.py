"""The further processes of a trial that trains on several GPUs."""

from __future__ import annotations

import os
import threading
import traceback
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar

import ray
from ray.exceptions import RayActorError, RayError
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
ALONE_S = 60.0
"""Seconds in which a process that was left alone on CUDA must be done, or hear of it: NCCL may not say it."""
T = TypeVar("T")


class Peer(Estimator):
    """One further process of a trial: it trains the network that it is told to, and reports nothing.

    Args:
        parts: Of :func:`~nas_ray.engine.pool.put_parts`.
    """

    def __init__(self, parts: Mapping[str, ray.ObjectRef]) -> None:
        self._parts = parts
        super().__init__({})

    def setup(self, config: Config) -> None:  # type: ignore[override]  # the engine alone makes it
        """Leave it to :meth:`prepare`, whose errors can be told."""

    def prepare(self) -> None:
        """Prepare the process."""
        parts = {name: ray.get(part) for name, part in self._parts.items() if name not in KEEP_OUT}
        super().setup({}, **parts)

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
    Where one of them is lost, this process ends too: the trial is then lost as one that trains alone is, and
    begins again where trials of the run do. So it does where one of them fails and NCCL keeps this process
    waiting for it, since no exception can reach a kernel.

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

        state = ray.put(learner.state_dict())
        _or_lost(lambda: self._hand(config, batch_size, state))
        parallel.share_out(learner)

    def step(self, learner: Learner) -> dict[str, float]:
        """Train one epoch together."""
        from nas_ray.estimation import parallel

        patience = ALONE_S if self._device.type == "cuda" else None
        shares = [actor.train_share.remote() for actor in self._actors]
        own, theirs = self._beside(learner.step, shares, patience)
        assert learner.averaging is not None
        learner.averaging.check()
        return parallel.together(own, theirs)

    def leave(self) -> None:
        """End them."""
        from nas_ray.estimation import parallel

        self._kill()
        self._actors = []
        parallel.close_group()

    def _hand(self, config: Config, batch_size: int | None, state: ray.ObjectRef) -> None:
        if not self._actors:
            self._start()
        _results([actor.take.remote(config, batch_size, state) for actor in self._actors])

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
        _results([actor.prepare.remote() for actor in self._actors])
        self._beside(
            lambda: parallel.open_group(store, 0, ranks, self._device),
            [actor.join.remote(host, store.port, rank, ranks) for rank, actor in enumerate(self._actors, 1)],
            ERROR_S,
        )

    def _beside(
        self, own: Callable[[], T], theirs: list[ray.ObjectRef], patience: float | None
    ) -> tuple[T, list[Any]]:
        """Do this process's part while the others do theirs; raise the error of whichever failed first.

        Args:
            own: This process's part.
            theirs: Those of the others.
            patience: Seconds after which this process ends that has not heard of their failure; None where
                it is bound to hear of it.
        """
        over = threading.Event()
        with ThreadPoolExecutor(1) as beside:
            others = beside.submit(self._watched, theirs, over, patience)
            try:
                done = own()
            except BaseException as error:
                over.set()
                told = isinstance(error, Exception) and ray.wait(theirs, num_returns=1, timeout=ERROR_S)[0]
                if told:
                    _or_lost(others.result)  # if another one failed first, this one was left alone
                self._kill()
                raise
            over.set()
            return done, _or_lost(others.result)

    def _watched(
        self, theirs: list[ray.ObjectRef], over: threading.Event, patience: float | None
    ) -> list[Any]:
        """Return what the others did; the first failure ends them, and with it this process's wait."""
        try:
            return _results(theirs)
        except Exception as error:
            self._kill()
            lost = isinstance(error, RayActorError)
            if not over.wait(ERROR_S if lost else patience):
                traceback.print_exception(error)
                _end_process()
            raise

    def _kill(self) -> None:
        for actor in self._actors:
            ray.kill(actor)


def _results(calls: list[ray.ObjectRef]) -> list[Any]:
    """Return the results of calls; raise the error of the first that fails, as it was raised there."""
    waiting = calls
    try:
        while waiting:
            done, waiting = ray.wait(waiting, num_returns=1)
            ray.get(done)
    except RayError as error:
        raise getattr(error, "cause", None) or error from error
    return list(ray.get(calls))


def _or_lost(result: Callable[[], T]) -> T:
    try:
        return result()
    except RayActorError:
        _end_process()
        raise


def _end_process() -> None:
    os._exit(1)
