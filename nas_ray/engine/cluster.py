"""Joining or starting Ray, and dividing what it has among trials."""

from __future__ import annotations

import contextlib
import logging
import math
import os
import signal
import socket
import threading
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import ray
from ray import tune
from ray.exceptions import RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from nas_ray.config import Resources
from nas_ray.errors import ClusterError, RunError

SHARES = (0.25, 0.5, 1.0)
"""Sizes of trials that are packed, in GPUs: a quarter, a half, a whole one."""
ROUNDING = 1e-9
NODE_CHECK_SECONDS = 60
REACH_SECONDS = 5.0


@dataclass(frozen=True)
class Plan:
    """How a run divides the cluster.

    Args:
        concurrency: Trials at once.
        cpus: CPU cores of a trial; fractions are bookkeeping.
        gpus: GPUs of a trial; where trials are packed, of the smallest.
        packs: GPUs among which trials of several sizes are packed; 0 gives all the same.
    """

    concurrency: int
    cpus: float
    gpus: float
    packs: float = 0

    @property
    def processes(self) -> int:
        """Processes that train one network together, each on a GPU."""
        return max(1, int(self.gpus))

    @property
    def most_gpus(self) -> float:
        """GPUs of the largest trial."""
        return 1.0 if self.packs else self.gpus

    @property
    def threads(self) -> int:
        """CPU threads that each process of a trial computes with."""
        return max(1, int(self.cpus / self.processes))

    def placement(self, gpus: float | None = None) -> tune.PlacementGroupFactory:
        """Return the resources of one trial in Ray's terms: a bundle for each of its processes.

        Args:
            gpus: GPUs of this trial, where trials are packed.
        """
        gpus = self.gpus if gpus is None else gpus
        bundle = {"CPU": self.cpus / self.processes, **({"GPU": gpus / self.processes} if gpus else {})}
        return tune.PlacementGroupFactory([bundle] * self.processes)


def connect(address: str | None) -> None:
    """Join the Ray cluster at ``address``, or the one of ``RAY_ADDRESS``, or start Ray on this machine.

    A Ray that runs in this process already is used as it is.

    Raises:
        ClusterError: If the cluster cannot be reached.
    """
    if ray.is_initialized():
        return
    joining = address or os.environ.get("RAY_ADDRESS")
    if joining and joining.startswith("ray://"):
        raise ClusterError(
            f"RAY_ADDRESS must not be a ray:// address, but is {joining!r}; "
            "submit the search as a job with scripts/submit.sh, or unset it"
        )
    quiet = {"log_to_driver": False, "logging_level": logging.ERROR}
    try:
        with _own_sigterm():
            if joining:
                _knock(joining)
                ray.init(address=joining, **quiet)
            else:
                ray.init(address="local", include_dashboard=False, **quiet)
    except (OSError, ValueError, RuntimeError, RayError) as error:
        raise ClusterError(
            f"no Ray cluster can be reached at {joining!r}: {error}; start one with `ray start --head`, "
            "set RAY_AUTH_MODE=token if it asks for a token, "
            "or leave `resources.address` out to run on this machine"
        ) from error


@contextlib.contextmanager
def _own_sigterm() -> Iterator[None]:
    """Give a program back the handler of SIGTERM that it set: Ray replaces it by one that aborts."""
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        if callable(before) and threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, before)


def _knock(address: str) -> None:
    """Open and close a connection to ``host:port``: where nobody listens, Ray itself waits for minutes.

    Raises:
        OSError: If nobody listens.
    """
    host, colon, port = address.rpartition(":")
    if colon and port.isdigit():
        with contextlib.closing(socket.create_connection((host.strip("[]"), int(port)), REACH_SECONDS)):
            pass


def plan(resources: Resources, trials: int | None, has: Mapping[str, float] | None = None) -> Plan:
    """Divide the cluster: by default as many trials at once as GPUs, or else CPU cores, allow.

    Args:
        resources: What is asked for.
        trials: Trials of the run.
        has: What there is, by Ray's names; None asks the cluster.

    Raises:
        ClusterError: If not even one trial fits.
    """
    has = ray.cluster_resources() if has is None else has
    cpus, gpus = has.get("CPU", 0.0), has.get("GPU", 0.0)
    packs = _packed(resources, gpus) if resources.gpus_per_trial == "auto" else 0
    per_gpu = _gpus_of_a_trial(resources, gpus)
    if per_gpu > gpus:
        raise ClusterError(
            f"`resources.gpus_per_trial` must be at most the {gpus:g} GPUs of the cluster, "
            f"but got {per_gpu:g}"
        )
    if resources.cpus_per_trial is not None and resources.cpus_per_trial > cpus:
        raise ClusterError(
            f"`resources.cpus_per_trial` must be at most the {cpus:g} cores of the cluster, "
            f"but got {resources.cpus_per_trial:g}"
        )
    fits = _fits(cpus, gpus, resources.cpus_per_trial, per_gpu)
    wanted = resources.concurrency or fits
    if resources.address is None and (per_gpu or resources.cpus_per_trial):
        wanted = min(wanted, fits)  # nothing is added to this machine; a cluster may grow
    concurrency = max(1, min(wanted, trials or wanted))
    share = cpus / concurrency if per_gpu else min(1.0, cpus / concurrency)
    chosen = Plan(concurrency, resources.cpus_per_trial or _whole(share), per_gpu, packs)
    if not chosen.cpus and not chosen.gpus:
        raise ClusterError(
            "a trial must have cores or a GPU, but the cluster has none for trials now; "
            "set `resources.gpus_per_trial` or `resources.cpus_per_trial`, and keep one worker running"
        )
    return chosen


def _packed(resources: Resources, gpus: float) -> float:
    if resources.address is None:
        return gpus
    if not gpus:
        raise ClusterError(
            "`resources.gpus_per_trial` auto divides GPUs, but the cluster has none now; "
            "keep one worker with a GPU running, or leave it out to train on cores"
        )
    return max(gpus, SHARES[0] * (resources.concurrency or 0))  # a cluster may grow


def _gpus_of_a_trial(resources: Resources, gpus: float) -> float:
    if resources.gpus_per_trial is None:
        return float(gpus > 0)
    if resources.gpus_per_trial == "auto":
        return SHARES[0] if gpus else 0.0
    return resources.gpus_per_trial


def _fits(cpus: float, gpus: float, per_cpu: float | None, per_gpu: float) -> int:
    by_cpu = math.floor(cpus / per_cpu + ROUNDING) if per_cpu else None
    if not per_gpu:
        return max(1, math.floor(cpus) if by_cpu is None else by_cpu)
    # A trial's fraction is of one GPU: two thirds of two GPUs do not make a third trial.
    by_gpu = gpus * math.floor(1 / per_gpu + ROUNDING) if per_gpu <= 1 else gpus // per_gpu
    return max(1, int(by_gpu if by_cpu is None else min(by_gpu, by_cpu)))


def _whole(share: float) -> float:
    # Ray counts in thousandths; more cores than one are given whole.
    return float(math.floor(share)) if share >= 1 else math.floor(share * 1000) / 1000


def gpu_memory_mb(resources: Resources) -> float:
    """Return the memory of a GPU in MiB: what is stated, or the least of the cluster's nodes.

    Raises:
        ClusterError: If no node can tell: where CUDA sees no GPU, or all are in use.
    """
    if resources.gpu_memory_mb is not None:
        return resources.gpu_memory_mb
    ask = ray.remote(num_cpus=0, num_gpus=SHARES[0])(_total_memory_mb)
    asked = [
        ask.options(scheduling_strategy=NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)).remote()
        for node in ray.nodes()
        if node["Alive"] and node["Resources"].get("GPU")
    ]
    answered, silent = (
        ray.wait(asked, num_returns=len(asked), timeout=NODE_CHECK_SECONDS) if asked else ([], [])
    )
    for question in silent:
        ray.cancel(question, force=True)
    told: list[float] = [memory for memory in ray.get(answered) if memory]
    if not told:
        raise ClusterError(
            "`resources.gpus_per_trial` auto needs the memory of a GPU, and no node told it: "
            f"CUDA sees none, or all were in use for {NODE_CHECK_SECONDS} s; "
            "set `resources.gpu_memory_mb`, or a number of GPUs"
        )
    return min(told)


def _total_memory_mb() -> float | None:
    from nas_ray.estimation import hardware  # loads torch, in a process of its own

    return hardware.total_memory_mb()


def starts_at_once(concurrency: int) -> int:
    """Return how many processes to start at a time: on one machine, no more than it has cores.

    The start of a process is work for a core. More of them than cores would be ready late and all together,
    where the first could train already.
    """
    hosts = {node["NodeManagerHostname"] for node in ray.nodes() if node["Alive"]}
    return min(concurrency, os.cpu_count() or 1) if hosts == {socket.gethostname()} else concurrency


def check_shared(folder: Path) -> None:
    """Check that every node of the cluster sees the run's folder, before anything is computed.

    Raises:
        RunError: If a node does not.
    """
    nodes = [node for node in ray.nodes() if node["Alive"]]
    if len(nodes) < 2:
        return
    marker = folder / f".seen-{uuid.uuid4().hex}"
    marker.touch()
    sees = ray.remote(num_cpus=0)(os.path.exists)
    try:
        asked = {
            node["NodeManagerAddress"]: sees.options(
                scheduling_strategy=NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
            ).remote(str(marker))
            for node in nodes
        }
        blind = [name for name, seen in asked.items() if not ray.get(seen, timeout=NODE_CHECK_SECONDS)]
    finally:
        marker.unlink()
    if blind:
        raise RunError(
            f"`run.dir` must be on storage that every node shares, but {', '.join(blind)} cannot see "
            f"{str(folder)!r}; mount one and name it as run.dir"
        )
