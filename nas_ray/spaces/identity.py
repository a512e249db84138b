"""Identities: stable hashes of canonical JSON."""

from __future__ import annotations

import hashlib
import json
from typing import Any

VERSION = "nas-ray-id/1"
_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False, ensure_ascii=True)


def canonical_json(value: Any) -> str:
    """Return the one JSON text of ``value``: sorted keys, no spaces, no NaN."""
    return _ENCODER.encode(value)


def stable_id(value: Any) -> str:
    """Return 32 hexadecimal digits of SHA-256 over a version prefix and the canonical JSON of ``value``.

    Equal values give equal ids in every process, on every machine and in every release of one ``VERSION``.
    """
    return hashlib.sha256(f"{VERSION}:{canonical_json(value)}".encode()).hexdigest()[:32]


def derived_seed(*parts: Any) -> int:
    """Return a 63-bit seed that is a function of ``parts`` (plain JSON values) and nothing else."""
    digest = hashlib.sha256(f"nas-ray-seed/1:{canonical_json(list(parts))}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1
