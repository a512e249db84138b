"""A search on a cluster that grows with what it asks for, and shrinks again: Ray's autoscaler, fake nodes."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
import ray
from odd_spaces import Gathering

import nas_ray
from nas_ray.ledger import read

HEAD, FIRST, SECOND = (f"{number:05d}".rjust(56, "f") for number in range(3))
"""Ids that Ray's fake provider gives to the head and to the nodes that join, in their order."""

PROVIDER = {
    # By its class, since the defaults of `type: fake_multinode` are a file that Ray's wheel lacks.
    "type": "external",
    "module": "ray.autoscaler._private.fake_multi_node.node_provider.FakeMultiNodeProvider",
    "head_node_id": HEAD,
    "launch_multiple": True,
    "use_node_id_as_ip": True,
    "disable_node_updaters": True,
    "disable_launch_config_check": True,
}
COMMANDS = (
    "initialization_commands",
    "setup_commands",
    "head_setup_commands",
    "worker_setup_commands",
    "head_start_ray_commands",
    "worker_start_ray_commands",
    "cluster_synced_files",
    "rsync_exclude",
    "rsync_filter",
)
"""Lists that the autoscaler expects, and of which a fake node needs nothing."""
STORE = 80 * 1024**2
QUICK_TO_MISS = {
    "health_check_initial_delay_ms": 1000,
    "health_check_period_ms": 500,
    "health_check_failure_threshold": 4,
}


def scaling(address):
    """Return the autoscaler's configuration: a head of one core, up to two workers of one core each."""
    worker = {"resources": {"CPU": 1, "object_store_memory": STORE}, "min_workers": 0, "max_workers": 2}
    head = {"resources": {"CPU": 1}, "max_workers": 0}
    return {
        "cluster_name": "fake",
        "provider": {**PROVIDER, "gcs_address": address},
        "max_workers": 2,
        "idle_timeout_minutes": 0.05,
        "upscaling_speed": 1.0,
        "available_node_types": {
            "ray.head.default": {**head, "node_config": {}},
            "worker": {**worker, "node_config": {}},
        },
        "head_node_type": "ray.head.default",
        **{key: {} for key in ("auth", "docker", "file_mounts")},
        **{key: [] for key in COMMANDS},
    }


def free_address():
    with socket.socket() as listener:
        listener.bind(("", 0))
        return f"{ray.util.get_node_ip_address()}:{listener.getsockname()[1]}"


def wait_until(happened, seconds=60.0):
    until = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < until, "it never happened"
        time.sleep(0.1)


def answers(address):
    host, _, port = address.rpartition(":")
    with socket.socket() as knock:
        return knock.connect_ex((host, int(port))) == 0


def alive():
    return {node["NodeID"] for node in ray.nodes() if node["Alive"]}


@pytest.fixture
def growing():
    """The address of a head with an autoscaler.

    Ray's own ``AutoscalingCluster`` does the same, but ends every Ray of the machine before and after.
    """
    ray.shutdown()
    folder, address = Path(tempfile.mkdtemp(prefix="ray-")), free_address()  # short: it is of socket paths
    (folder / "scaling.json").write_text(json.dumps(scaling(address)))
    command = [
        Path(sys.executable).with_name("ray"),
        *("start", "--head", "--block", "--num-cpus=1", f"--port={address.rpartition(':')[2]}"),
        *(f"--temp-dir={folder / 'ray'}", f"--object-store-memory={STORE}", "--include-dashboard=false"),
        *(f"--autoscaling-config={folder / 'scaling.json'}", f"--system-config={json.dumps(QUICK_TO_MISS)}"),
    ]
    settings = {
        "RAY_FAKE_CLUSTER": "1",
        "RAY_enable_autoscaler_v2": "1",  # what `ray up` and KubeRay start
        "RAY_CLOUD_INSTANCE_ID": HEAD,
        # A process that started Ray itself asks for tokens from then on, and a head must ask for the same.
        "RAY_AUTH_MODE": os.environ.get("RAY_AUTH_MODE", "disabled"),
        "AUTOSCALER_UPDATE_INTERVAL_S": "1",
    }
    with (folder / "log").open("w") as log:
        head = subprocess.Popen(
            command, env={**os.environ, **settings}, start_new_session=True, stdout=log, stderr=log
        )
    try:
        wait_until(lambda: answers(address) or head.poll() is not None)
        assert head.poll() is None, (folder / "log").read_text()
        yield address
    finally:
        ray.shutdown()
        os.killpg(head.pid, signal.SIGKILL)  # the nodes that joined are its too
        head.wait()
        shutil.rmtree(folder, ignore_errors=True)


def search(address, runs_dir, leaver=""):
    """Search with three trials at once, none of which trains before three nodes have one."""
    gathered = runs_dir / "nodes"
    gathered.mkdir()
    result = nas_ray.search(
        space=Gathering(str(gathered), nodes=3, leaver=leaver),
        strategy="random",
        stopping="none",
        data="digits",
        trials=6,
        max_epochs=1,
        concurrency=3,
        overrides={"resources.cpus_per_trial": 1},
        address=address,
        runs_dir=runs_dir,
        name="run",
    )
    return result, {path.name for path in gathered.iterdir()}


def trials_of(result, kind):
    return [record["trial_id"] for record in read(result.path / "ledger.jsonl") if record["kind"] == kind]


def test_trials_without_a_core_bring_nodes_which_leave_after_the_search(growing, tmp_path):
    result, nodes = search(growing, tmp_path)
    assert nodes == {HEAD, FIRST, SECOND}, "each has one core, and trained"
    assert list(result.trials["outcome"]) == ["finished"] * 6
    assert sorted(trials_of(result, "start")) == sorted(trials_of(result, "end")) == ids(6)
    assert trials_of(result, "retry") == []
    wait_until(lambda: alive() == {HEAD})


def test_a_node_that_joined_and_leaves_while_it_trains_loses_no_trial(growing, tmp_path):
    result, nodes = search(growing, tmp_path, leaver=FIRST)
    assert nodes >= {HEAD, FIRST, SECOND}
    assert FIRST not in alive()
    assert list(result.trials["outcome"]) == ["finished"] * 6
    (lost,) = trials_of(result, "retry")
    assert sorted(trials_of(result, "start")) == sorted([*ids(6), lost]), "on another node"
    assert sorted(trials_of(result, "report")) == sorted(trials_of(result, "end")) == ids(6)


def ids(count):
    return [f"t{number:05d}" for number in range(count)]
