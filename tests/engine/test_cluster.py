"""A search on a cluster of two nodes, and what is refused."""

import os
import signal

import pytest
import ray
from odd_spaces import Tiny
from ray.cluster_utils import Cluster

import nas_ray
from nas_ray.engine import cluster as engine
from nas_ray.errors import ClusterError, ConfigError, RunError
from nas_ray.ledger import read


@pytest.fixture(scope="module")
def two_nodes():
    """Two nodes with one core each."""
    ray.shutdown()
    nodes = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    nodes.add_node(num_cpus=1)
    nodes.wait_for_nodes()
    yield nodes
    ray.shutdown()
    nodes.shutdown()


def test_a_search_uses_both_nodes(two_nodes, tmp_path):
    result = nas_ray.search(
        space=Tiny(),
        strategy="random",
        data="digits",
        trials=6,
        max_epochs=2,
        stopping="none",
        address=two_nodes.address,
        runs_dir=tmp_path,
        name="run",
    )
    assert list(result.trials["outcome"]) == ["finished"] * 6
    assert result.best.test["test_acc"] > 0.1
    nodes = {node["NodeID"]: node for node in ray.nodes() if node["Alive"]}
    assert len(nodes) == 2
    reports = [record for record in read(result.path / "ledger.jsonl") if record["kind"] == "report"]
    assert len({record["pid"] for record in reports}) == 2, "an actor of one core each, on nodes of one core"


def test_storage_that_a_node_cannot_see_is_refused_before_the_first_trial(two_nodes, tmp_path, monkeypatch):
    engine.connect(two_nodes.address)
    engine.check_shared(tmp_path)
    monkeypatch.setattr(engine.os.path, "exists", os.path.islink)
    with pytest.raises(RunError, match=r"`run.dir` must be on storage that every node shares"):
        engine.check_shared(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_client_address_is_refused_with_the_way_out(tmp_path):
    with pytest.raises(ConfigError, match=r"scripts/submit\.sh"):
        nas_ray.search(address="ray://head:10001", runs_dir=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_more_than_the_cluster_has_is_refused_before_a_folder_is_made(two_nodes, tmp_path):
    engine.connect(two_nodes.address)
    with pytest.raises(ClusterError, match=r"`resources.gpus_per_trial` must be at most the 0 GPUs"):
        nas_ray.search(gpus_per_trial=1, runs_dir=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_programs_own_handler_of_sigterm_survives_the_start_of_ray(monkeypatch):
    def init(**options):
        signal.signal(signal.SIGTERM, lambda *_: None)

    monkeypatch.setattr(engine.ray, "is_initialized", lambda: False)
    monkeypatch.setattr(engine.ray, "init", init)
    monkeypatch.delenv("RAY_ADDRESS", raising=False)

    def ours(number, frame):
        pass

    before = signal.signal(signal.SIGTERM, ours)
    try:
        engine.connect(None)
        assert signal.getsignal(signal.SIGTERM) is ours
    finally:
        signal.signal(signal.SIGTERM, before or signal.SIG_DFL)
