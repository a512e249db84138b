"""The files for clusters are what Ray takes."""

import json
import shlex
from pathlib import Path

import jsonschema
import pytest
import ray.autoscaler
import yaml

from nas_ray import flags

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def cluster():
    return yaml.safe_load((ROOT / "cluster.yaml").read_text())


def test_cluster_yaml_passes_the_schema_check_of_ray(cluster):
    schema = json.loads((Path(ray.autoscaler.__file__).parent / "ray-schema.json").read_text())
    jsonschema.validate(cluster, schema)


def test_cluster_yaml_states_head_gpu_workers_autoscaling_spot_and_shared_storage(cluster):
    types = cluster["available_node_types"]
    head, workers = types[cluster["head_node_type"]], types["gpu_worker"]
    assert "InstanceMarketOptions" not in head["node_config"], "a head on spot would take the driver with it"
    assert workers["node_config"]["InstanceMarketOptions"]["MarketType"] == "spot"
    assert 1 == workers["min_workers"] < workers["max_workers"] <= cluster["max_workers"]
    assert cluster["idle_timeout_minutes"] > 0
    assert any("/shared" in command for command in cluster["initialization_commands"])


def test_cluster_yaml_names_no_key_that_the_autoscaler_does_not_know(cluster):
    schema = json.loads((Path(ray.autoscaler.__file__).parent / "ray-schema.json").read_text())
    assert cluster.keys() <= schema["properties"].keys()


def test_kuberay_yaml_runs_a_search_on_shared_storage_that_a_lost_head_takes_up():
    job = yaml.safe_load((ROOT / "kuberay.yaml").read_text())
    assert (job["apiVersion"], job["kind"]) == ("ray.io/v1", "RayJob")
    assert "nas-ray resume /shared/runs/search" in job["spec"]["entrypoint"]
    assert job["spec"]["backoffLimit"] > 0
    cluster = job["spec"]["rayClusterSpec"]
    head, (workers,) = cluster["headGroupSpec"], cluster["workerGroupSpecs"]
    assert head["rayStartParams"]["num-cpus"] == "0", "the head trains nothing"
    assert 1 == workers["minReplicas"] < workers["maxReplicas"]
    for group in (head, workers):
        spec = group["template"]["spec"]
        claims = {volume["name"] for volume in spec["volumes"] if "persistentVolumeClaim" in volume}
        (container,) = spec["containers"]
        assert [mount["mountPath"] for mount in container["volumeMounts"] if mount["name"] in claims] == [
            "/shared"
        ]
    assert workers["template"]["spec"]["containers"][0]["resources"]["limits"]["nvidia.com/gpu"] == "1"


def test_the_entrypoint_of_kuberay_yaml_is_a_search_that_the_command_line_takes():
    entrypoint = yaml.safe_load((ROOT / "kuberay.yaml").read_text())["spec"]["entrypoint"]
    _, _, script = shlex.split(entrypoint)
    words = shlex.split(script.partition("else nas-ray search")[2].partition(";")[0])
    given = dict(zip(words[::2], words[1::2], strict=True))
    assert {flag.removeprefix("--").replace("-", "_") for flag in given} <= flags.SEARCH.keys()
