"""One record as one line of strict JSON, whatever plain or numeric objects it is made of."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any, TypeAlias

Record: TypeAlias = dict[str, Any]
"""One line of the ledger: ``kind``, ``at`` (unix seconds) and the fields of its kind."""


def to_line(record: Mapping[str, Any]) -> bytes:
    """Return ``record`` as one line of ASCII with its newline; NaN and infinities become null."""
    try:
        text = json.dumps(record, allow_nan=False, default=plain, separators=(",", ":"))
    except (TypeError, ValueError):
        # A NaN, or a key that is no plain string: rare, so only then is the record walked in Python.
        text = json.dumps(plain(record), allow_nan=False, separators=(",", ":"))
    return text.encode("ascii") + b"\n"


def from_line(line: bytes) -> Record:
    """Return the record in ``line``.

    Raises:
        ValueError: If it is not JSON, or not a record.
    """
    record = json.loads(line)
    if not isinstance(record, dict) or not {"kind", "at"} <= record.keys():
        raise ValueError("it is not a record with `kind` and `at`")
    return record


def plain(value: Any) -> Any:
    """Return ``value`` made of JSON's own types: arrays and tensors as lists, what is unknown as its text."""
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, (set, frozenset)):
        return [plain(item) for item in sorted(value, key=repr)]
    to_list = getattr(value, "tolist", None)
    return plain(to_list()) if callable(to_list) else str(value)
