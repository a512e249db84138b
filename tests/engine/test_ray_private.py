"""The private names of Ray that the engine uses still do what they did."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from nas_ray.engine import ray_private
from nas_ray.engine.pool import PoolGate

pytestmark = pytest.mark.usefixtures("local_ray")


def test_keys_are_put_counted_and_deleted():
    ray_private.put_key("test-a-1")
    ray_private.put_key("test-a-2")
    ray_private.put_key("test-b-1")
    assert ray_private.count_keys("test-a-") == 2
    ray_private.delete_keys("test-a-")
    assert ray_private.count_keys("test-a-") == 0
    assert ray_private.count_keys("test-b-") == 1
    ray_private.delete_keys("test-b-")


def test_the_gate_opens_when_the_pool_is_complete():
    gate = PoolGate(size=3, patience=30)
    gate.arrive()
    gate.arrive()
    with ThreadPoolExecutor(2) as actors:
        waiting = [actors.submit(gate.wait) for _ in range(2)]
        assert not any(actor.done() for actor in waiting)
        gate.arrive()
        for actor in waiting:
            actor.result(timeout=10)
    gate.wait()  # an actor that takes the place of a lost one does not wait
    gate.close()


def test_the_gate_opens_where_the_pool_cannot_be_completed():
    gate = PoolGate(size=2, patience=0.2)
    gate.arrive()
    gate.wait()
    gate.close()
