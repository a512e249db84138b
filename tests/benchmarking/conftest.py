"""The published tables, found where the environment says."""

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def tables_folder(shared_data: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NAS_RAY_DATA", str(shared_data.resolve()))
    return shared_data
