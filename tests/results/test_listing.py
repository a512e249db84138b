import pandas as pd

from nas_ray.ledger import LEDGER
from nas_ray.results import runs


def test_one_row_per_run_oldest_first(new_driver, tmp_path):
    first, second, third = new_driver("b"), new_driver("a"), new_driver("c")
    for age, driver in enumerate([first, second, third]):
        records = (driver.folder / LEDGER).read_text().replace('"at":17', f'"at":1{age}')
        (driver.folder / LEDGER).write_text(records)
    first.trial(0, [0.5]).leave("done")
    second.propose(0, "cached", "known").die()
    frame = runs(tmp_path / "runs")
    assert frame["name"].tolist() == ["b", "a", "c"]
    assert frame["state"].tolist() == ["done", "lost", "running"]
    assert frame["trials"].tolist() == [1, 1, 0]
    assert frame["best"].iloc[0] == 0.5
    assert frame["best"].isna().tolist() == [False, True, True]
    assert frame[["space", "strategy", "data"]].iloc[0].tolist() == ["widths", "random", "digits"]


def test_a_folder_without_runs_has_the_same_columns(tmp_path, finished):
    for folder in (tmp_path, tmp_path / "nowhere"):
        frame = runs(folder)
        assert frame.empty
        pd.testing.assert_series_equal(frame.dtypes, runs(finished.parent).dtypes)


def test_damaged_and_empty_runs_are_listed_too(tmp_path, finished):
    (finished / LEDGER).write_text("broken\n{}\n")
    (finished / "config.yaml").unlink()
    (finished.parent / "empty").mkdir()
    (finished.parent / "empty" / LEDGER).touch()
    (finished.parent / "no run").mkdir()
    frame = runs(finished.parent)
    assert frame["name"].tolist() == ["empty", "run-1"]
    assert frame["state"].tolist() == ["lost", "damaged"]
    assert frame["started"].isna().all()
