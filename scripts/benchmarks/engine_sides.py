"""One side of the benchmarks of the engine, in a process of its own: nas_ray's engine, or plain Ray Tune.

    python scripts/benchmarks/engine_sides.py '{"side": "engine", "trials": 400, "reports": 1}'

Prints one line of JSON. The trainable is the same on both sides: it computes nothing, or sleeps. Ray is
started before the clock. Settings, with what they are where they are left out:

    side        "engine", or "plain": a Tuner with the same searcher
    trials      400
    reports     1, of each trial
    at_once     8 trials
    seconds     0, that a report takes
    reuse       true: the plain side reuses its actors
    loggers     false: the plain side keeps Tune's default loggers
    nodes       0 of a fake cluster that share the trials; 0 for one machine
    replace_after   0; after so many ends a node is removed, and another added
    barrier     false; no trial takes its first step before all actors exist
    thinks      0, seconds that the strategy takes for a proposal
    lean        false: the plain side switches off what a user may (loggers, checkpoints, snapshots)
    profile     a file that takes where the driver's time goes; left out, nothing is profiled
    heap        a file that takes where the driver's memory stays
"""

from __future__ import annotations

import atexit
import json
import logging
import os
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import Any

SETTINGS: dict[str, Any] = {
    "side": "engine",
    "trials": 400,
    "reports": 1,
    "at_once": 8,
    "seconds": 0.0,
    "reuse": True,
    "loggers": False,
    "lean": False,
    "thinks": 0.0,
    "nodes": 0,
    "replace_after": 0,
    "barrier": False,
    "profile": "",
    "heap": "",
}


def measured(**settings: Any) -> dict[str, Any]:
    """Do one run in a process of its own and return what it measured."""
    command = [sys.executable, __file__, json.dumps(settings)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr[-4000:])
    facts: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return facts


def run(settings: dict[str, Any]) -> dict[str, Any]:
    """Do one run in this process."""
    import ray

    if settings["nodes"]:
        settings = {**settings, "removal": tempfile.mkdtemp()}
        cluster = fake_cluster(settings)
        threading.Thread(target=replace_node, args=(cluster, settings), daemon=True).start()
    else:
        ray.init(
            "local",
            num_cpus=settings["at_once"],
            include_dashboard=False,
            log_to_driver=False,
            logging_level=logging.ERROR,
        )
    side = {"engine": engine, "plain": plain}[settings["side"]]
    started = time.perf_counter()
    watch = side(settings)
    total = time.perf_counter() - started
    ray.shutdown()
    facts: dict[str, Any] = watch.facts(started, total)
    return facts


def fake_cluster(settings: dict[str, Any]) -> Any:
    """Start a head without slots and nodes that share them; join it."""
    import ray
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
    for _ in range(settings["nodes"]):
        cluster.add_node(num_cpus=settings["at_once"] // settings["nodes"])
    cluster.wait_for_nodes()
    ray.init(address=cluster.address, log_to_driver=False, logging_level=logging.ERROR)
    return cluster


def replace_node(cluster: Any, settings: dict[str, Any]) -> None:
    """Once the callback says so, remove a node and add another."""
    folder = Path(settings["removal"])
    while not (folder / "now").exists():
        time.sleep(0.05)
    pids = json.loads((folder / "now").read_text())
    cluster.remove_node(next(iter(cluster.worker_nodes)), allow_graceful=False)
    at = time.time()
    slots = settings["at_once"] // settings["nodes"]
    # Ray's fake cluster adds nodes in the main thread alone, which is Tune's.
    ray = Path(sys.executable).with_name("ray")
    command = [str(ray), "start", f"--address={cluster.address}", f"--num-cpus={slots}", "--block"]
    node = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    atexit.register(node.terminate)
    time.sleep(5.0)  # the processes of the node that is gone end when they miss it
    lost = [pid for pid in pids if not Path(f"/proc/{pid}").exists()]
    (folder / "done").write_text(json.dumps([at, lost]))


def plain(settings: dict[str, Any]) -> Any:
    """Search as one writes it from Ray Tune's documentation, with the same searcher as the engine."""
    from engine_stopwatch import Stopwatch
    from ray import tune

    lean = settings["lean"]
    if lean or not settings["loggers"]:
        os.environ["TUNE_DISABLE_AUTO_CALLBACK_LOGGERS"] = "1"
    if lean:
        os.environ["TUNE_GLOBAL_CHECKPOINT_S"] = "86400"
    watch = Stopwatch(settings)
    tune.Tuner(
        tune.with_resources(trainable(settings), {"CPU": 1}),
        tune_config=tune.TuneConfig(
            metric="score",
            mode="max",
            num_samples=settings["trials"],
            search_alg=strategy_of(settings),
            max_concurrent_trials=settings["at_once"],
            reuse_actors=settings["reuse"],
        ),
        run_config=tune.RunConfig(
            storage_path=tempfile.mkdtemp(),
            verbose=0,
            callbacks=[watch],
            checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False) if lean else None,
        ),
    ).fit()
    return watch


def engine(settings: dict[str, Any]) -> Any:
    """Search with the engine, strategy, rule and ledger of nas_ray."""
    from engine_stopwatch import Stopwatch

    from nas_ray.engine.ahead import Ahead
    from nas_ray.engine.cluster import Plan
    from nas_ray.engine.limits import Limits
    from nas_ray.engine.progress import Snapshot
    from nas_ray.engine.quiet import quiet_tune
    from nas_ray.engine.recorder import Recorder
    from nas_ray.engine.tuner import make_tuner
    from nas_ray.ledger import LEDGER, Ledger, read
    from nas_ray.stopping.none import NoStopping
    from nas_ray.tasks import Objective

    folder = Path(tempfile.mkdtemp())
    at_once, objective = settings["at_once"], Objective("score", "max")
    strategy, rule, watch = strategy_of(settings), NoStopping("score", "max"), Stopwatch(settings)
    strategy.max_trials, rule.max_fidelity = settings["trials"], settings["reports"]
    strategy.set_max_concurrency(at_once)
    with Ledger(folder / LEDGER) as ledger, quiet_tune(at_once), closing(Ahead(strategy, at_once)) as ahead:
        snapshot = Snapshot(objective, settings["trials"], settings["reports"], at_once)
        recorder = Recorder(ledger, strategy, rule=rule, attempt=1, snapshot=snapshot, folder=folder)
        make_tuner(
            trainable(settings),
            strategy=strategy,
            rule=rule,
            plan=Plan(at_once, 1.0, 0.0),
            limits=Limits(None, None),
            recorder=recorder,
            folder=folder,
            attempt=1,
            ahead=ahead,
            callbacks=[watch],
        ).fit()
    kinds = [record["kind"] for record in read(folder / LEDGER)]
    assert kinds.count("end") == settings["trials"], "a trial was lost"
    assert kinds.count("report") == settings["trials"] * settings["reports"], "a report was lost"
    watch.ledger = folder / LEDGER
    return watch


def strategy_of(settings: dict[str, Any]) -> Any:
    """Return the searcher, the same on both sides."""
    from ray import tune

    from nas_ray.spaces import CustomSpace
    from nas_ray.strategies.random import RandomSearch

    class Thinking(RandomSearch):
        def propose(self, rng: Any) -> Any:
            time.sleep(settings["thinks"])
            return super().propose(rng)

    return (Thinking if settings["thinks"] else RandomSearch)(
        CustomSpace({"x": tune.uniform(0, 1)}, name="trivial"), "score", "max", seed=0
    )


def trainable(settings: dict[str, Any]) -> Any:
    """Return the trainable class, the same on both sides."""
    from ray import tune

    class Trivial(tune.Trainable):  # type: ignore[misc]  # Ray ships no types
        """Reports a number a few times; behind a barrier, not before all actors are there."""

        def setup(
            self, config: dict[str, Any], reports: int = 1, seconds: float = 0.0, barrier: Any = None
        ) -> None:
            self.x, self.reports, self.seconds, self.barrier = config["x"], reports, seconds, barrier
            if barrier:
                (barrier[0] / str(os.getpid())).touch()

        def step(self) -> dict[str, Any]:
            while self.barrier and len(list(self.barrier[0].iterdir())) < self.barrier[1]:
                time.sleep(0.05)
            self.barrier = None
            if self.seconds:
                time.sleep(self.seconds)
            epoch = self.iteration + 1
            return {"score": self.x * epoch, "epoch": epoch, "done": epoch >= self.reports}

        def reset_config(self, new_config: dict[str, Any]) -> bool:
            self.x = new_config["x"]
            return True

        def save_checkpoint(self, checkpoint_dir: str) -> dict[str, Any]:
            return {}

    barrier = (Path(tempfile.mkdtemp()), settings["at_once"]) if settings["barrier"] else None
    return tune.with_parameters(
        Trivial, reports=settings["reports"], seconds=settings["seconds"], barrier=barrier
    )


def main() -> None:
    """Do the run that the settings on the command line describe."""
    settings = {**SETTINGS, **json.loads(sys.argv[1])}
    print(json.dumps(run(settings)))


if __name__ == "__main__":
    main()
