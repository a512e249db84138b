"""A table of one's own needs a YAML file and no code; what is wrong with it is said when it is loaded."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from nas_ray.errors import DataError, UnknownName
from nas_ray.simulation import simulate
from nas_ray.tables import load_table

DESCRIPTION = """
file: results.csv
parameters:
  depth: {kind: integer}
  op: {kind: categorical}
signal: {metric: val_acc, column: accuracy, unit: percent}
report: {metric: test_acc, column: test, unit: percent}
cost: {column: minutes, unit: minutes}
epochs: 4
"""
ROWS = pd.DataFrame(
    {
        "depth": [1, 1, 2, 2, 3],
        "op": ["conv", "pool", "conv", "pool", "conv"],
        "accuracy": [80.0, 70.0, 85.0, 75.0, 90.0],
        "test": [79.0, 69.0, 84.0, 74.0, 88.0],
        "minutes": [1.0, 1.0, 2.0, 2.0, 3.0],
    }
)


@pytest.fixture
def own(tmp_path: Path) -> Path:
    ROWS.to_csv(tmp_path / "results.csv", index=False)
    (tmp_path / "mine.yaml").write_text(DESCRIPTION)
    return tmp_path / "mine.yaml"


def test_units_become_nas_rays_own(own: Path) -> None:
    table = load_table(own)
    entry = table.find({"depth": 2, "op": "conv"})
    assert entry is not None
    assert list(entry.reports()) == [(4, 120.0, {"val_acc": pytest.approx(0.85)})]
    assert entry.reported == pytest.approx(0.84)
    assert (table.optimum(), table.optimum("test_acc")) == (pytest.approx(0.9), pytest.approx(0.88))


def test_a_missing_row_is_infeasible(own: Path) -> None:
    table, absent = load_table(own), {"depth": 3, "op": "pool"}
    assert table.find(absent) is None
    assert table.space.violations(absent)
    assert table.space.size() == 5
    rng = np.random.default_rng(0)
    for _ in range(50):
        assert not table.space.violations(table.space.mutate(table.space.sample(rng), rng))
    run = simulate(table, "random", budget="50trials")
    assert run.outcomes["finished"] == 5


def test_a_missing_row_may_be_a_failure(own: Path) -> None:
    own.write_text(DESCRIPTION + "missing: failed\n")
    run = simulate(str(own) + "#mine", "grid", budget="50trials")
    assert (run.outcomes["finished"], run.outcomes["failed"]) == (5, 1)


def test_levels_of_fidelity_are_reports(own: Path) -> None:
    ROWS.assign(early=[50.0, 40.0, 55.0, 45.0, 60.0]).to_csv(own.parent / "results.csv", index=False)
    own.write_text(
        DESCRIPTION.replace(
            "column: accuracy, unit: percent", "unit: percent, levels: {1: early, 4: accuracy}"
        )
    )
    entry = load_table(f"{own}#mine").find({"depth": 3, "op": "conv"})
    assert entry is not None
    assert [(epoch, seconds) for epoch, seconds, _ in entry.reports()] == [(1, 45.0), (4, 135.0)]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("column: accuracy", "column: acuracy"), r"must have the columns \['acuracy'\]"),
        (("kind: integer", "kind: integral"), "parameters.depth.kind"),
        (("epochs: 4", "epoch: 4"), "epoch"),
        (("file: results.csv", "file: other.csv"), "NAS_RAY_DATA"),
        (("signal:", "parameters2: {}\nsignal:"), "parameters2"),
        (("  op: {kind: categorical}\n", ""), "must name each row once"),
    ],
)
def test_what_is_wrong_is_said(own: Path, change: tuple[str, str], message: str) -> None:
    own.write_text(DESCRIPTION.replace(*change))
    with pytest.raises(DataError, match=message):
        load_table(own)


def test_an_unknown_table_lists_the_known_ones() -> None:
    with pytest.raises(UnknownName, match="nasbench201-cifar10"):
        load_table("nasbench201-cifar11")
