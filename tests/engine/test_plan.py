"""How a cluster is divided among trials."""

import pytest

from nas_ray.config import Resources
from nas_ray.engine import cluster
from nas_ray.errors import ClusterError


@pytest.mark.parametrize(
    ("has", "asked", "trials", "expected"),
    [
        ({"CPU": 2}, {}, 24, (2, 1, 0)),
        ({"CPU": 8}, {}, 3, (3, 1, 0)),
        ({"CPU": 8}, {"cpus_per_trial": 4}, None, (2, 4, 0)),
        ({"CPU": 2}, {"concurrency": 8}, 24, (8, 0.25, 0)),
        ({"CPU": 3}, {"concurrency": 2}, 24, (2, 1, 0)),
        ({"CPU": 16, "GPU": 4}, {}, 24, (4, 4, 1)),
        ({"CPU": 16, "GPU": 1}, {"gpus_per_trial": 0.25}, 24, (4, 4, 0.25)),
        ({"CPU": 16, "GPU": 1}, {"gpus_per_trial": 0.1}, 24, (10, 1, 0.1)),
        ({"CPU": 16, "GPU": 4}, {"gpus_per_trial": 0, "cpus_per_trial": 2}, 24, (8, 2, 0)),
        ({"CPU": 16, "GPU": 4}, {"concurrency": 2}, 24, (2, 8, 1)),
        ({"CPU": 16, "GPU": 4}, {"gpus_per_trial": 0.4}, 24, (8, 2, 0.4)),
        ({"CPU": 16, "GPU": 4}, {"gpus_per_trial": 2}, 24, (2, 8, 2)),
        ({"CPU": 2}, {"concurrency": 4, "cpus_per_trial": 1}, 24, (2, 1, 0)),
    ],
)
def test_as_many_trials_run_at_once_as_fit(monkeypatch, has, asked, trials, expected):
    monkeypatch.setattr(cluster.ray, "cluster_resources", lambda: has)
    plan = cluster.plan(Resources(**asked), trials)
    assert (plan.concurrency, plan.cpus, plan.gpus) == expected
    assert plan.threads == max(1, int(plan.cpus / plan.processes)), "of each process"
    assert plan.cpus * plan.concurrency <= has["CPU"]


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"gpus_per_trial": 1}, "`resources.gpus_per_trial` must be at most the 0 GPUs"),
        ({"cpus_per_trial": 4}, "`resources.cpus_per_trial` must be at most the 2 cores"),
    ],
)
def test_what_does_not_fit_is_refused(monkeypatch, asked, message):
    monkeypatch.setattr(cluster.ray, "cluster_resources", lambda: {"CPU": 2.0})
    with pytest.raises(ClusterError, match=message):
        cluster.plan(Resources(**asked), 24)


def test_a_cluster_without_cores_for_trials_is_refused(monkeypatch):
    monkeypatch.setattr(cluster.ray, "cluster_resources", lambda: {"CPU": 0.0})
    with pytest.raises(ClusterError, match="a trial must have cores or a GPU"):
        cluster.plan(Resources(), 24)


def test_a_cluster_may_grow_to_the_concurrency_that_is_asked_for(monkeypatch):
    monkeypatch.setattr(cluster.ray, "cluster_resources", lambda: {"CPU": 4.0, "GPU": 1.0})
    assert cluster.plan(Resources(concurrency=8, address="auto"), 24).concurrency == 8


def test_a_client_address_in_the_environment_is_refused(monkeypatch):
    monkeypatch.setattr(cluster.ray, "is_initialized", lambda: False)
    monkeypatch.setenv("RAY_ADDRESS", "ray://head:10001")
    with pytest.raises(ClusterError, match=r"scripts/submit\.sh"):
        cluster.connect(None)
