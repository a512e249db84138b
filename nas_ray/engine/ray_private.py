"""The one place that uses names of Ray that are not public; a test says when one of them changes.

Used: the cluster's internal key-value store, which every worker reaches without a process of its own
(an actor for the same purpose would cost a process start).
"""

from __future__ import annotations

from ray.experimental.internal_kv import _internal_kv_del, _internal_kv_list, _internal_kv_put

NAMESPACE = b"nas_ray"


def put_key(key: str) -> None:
    """Set a key of the cluster's store."""
    _internal_kv_put(key.encode(), b"1", overwrite=True, namespace=NAMESPACE)


def count_keys(prefix: str) -> int:
    """Return how many keys with this prefix are set."""
    return len(_internal_kv_list(prefix.encode(), namespace=NAMESPACE))


def delete_keys(prefix: str) -> None:
    """Forget all keys with this prefix."""
    _internal_kv_del(prefix.encode(), del_by_prefix=True, namespace=NAMESPACE)
