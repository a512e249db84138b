"""Fixtures for the whole suite."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of published tables and images: read by tests, never copied into the project."""
    folder = Path(os.environ.get("NAS_RAY_DATA", REPOSITORY / "../shared/data"))
    if not folder.is_dir():
        pytest.skip(f"no folder of shared data at {folder}; set NAS_RAY_DATA")
    return folder


@pytest.fixture(scope="module")
def local_ray() -> Iterator[None]:
    """Two cores on this machine, ended after the module: starting Ray takes seconds."""
    import ray

    ray.shutdown()
    ray.init("local", num_cpus=2, include_dashboard=False, log_to_driver=False)
    yield
    ray.shutdown()
