"""Fixtures for the whole suite."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]


os.environ["RAY_num_workers_soft_limit"] = "6"  # noqa: SIM112 - as Ray spells it
"""Processes that Ray keeps, every Ray of the suite: on two cores it ends those that have torch loaded, and
starts others for the next search."""

LONGEST = ("test_docs.py", "engine/test_search.py", "cli/test_interrupt.py", "engine/test_killed.py")
"""Modules that take minutes; begun last, one process would wait for the other."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest modules."""
    items.sort(key=lambda item: not item.path.as_posix().endswith(LONGEST))


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
