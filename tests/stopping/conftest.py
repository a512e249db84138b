"""Ray for the tests of a module."""

import pytest
import ray


@pytest.fixture(scope="module")
def local_ray():
    """Two cores on this machine, ended after the module."""
    ray.shutdown()
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    yield
    ray.shutdown()
