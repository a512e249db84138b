"""The files for clusters are what Ray takes."""

import json
from pathlib import Path

import jsonschema
import pytest
import ray.autoscaler
import yaml

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
