"""One Ray for all strategies of this folder: it takes seconds to start."""

from collections.abc import Iterator

import pytest


@pytest.fixture(scope="module")
def one_ray() -> Iterator[None]:
    import ray

    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    yield
    ray.shutdown()
