"""Ray for the tests of a module."""

import sys
from pathlib import Path

import pytest
import ray

# odd_spaces.py is what a user's own module is: importable where the search starts, unknown to workers.
sys.path.append(str(Path(__file__).parent))


@pytest.fixture(scope="module")
def local_ray():
    """Two cores on this machine, ended after the module."""
    ray.shutdown()
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    yield
    ray.shutdown()
