import csv
import io
import json

import pandas as pd
import pytest

from nas_ray.errors import ConfigError, RunError, UnknownName
from nas_ray.results import SearchResult, export


@pytest.fixture
def result(finished):
    return SearchResult.load(finished)


def test_table_shows_what_fits_on_a_screen(result):
    lines = export(result).splitlines()
    assert lines[0].split() == ["trial_id", "outcome", "reason", "epoch", "val_acc", "params", "wall_s"]
    assert lines[1].split() == ["t00000", "finished", "3", "0.7000", "1234567", "3.0000"]
    assert lines[2].split() == ["t00001", "infeasible", "constraint", "0", "-", "-", "0.0000"]
    assert len(lines) == 6


def test_a_table_of_no_trials(driver):
    assert export(SearchResult.load(driver.leave("user"))) == "no trials\n"


def test_csv_has_every_row_and_column(result):
    rows = list(csv.DictReader(io.StringIO(export(result, "csv"))))
    assert [row["trial_id"] for row in rows] == result.trials["trial_id"].tolist()
    assert list(rows[0]) == list(result.trials)
    assert rows[0]["parent_ids"] == "[]"
    assert (rows[1]["val_acc"], rows[0]["config.hidden"]) == ("", "2")


def test_json_is_strict_and_exact(result):
    result.trials.loc[0, "wall_s"] = 0.1 + 0.2
    rows = json.loads(export(result, "json"), parse_constant=pytest.fail)
    assert len(rows) == 5
    assert list(rows[0]) == list(result.trials)
    assert (rows[0]["wall_s"], rows[0]["parent_ids"], rows[0]["params"]) == (0.1 + 0.2, [], 1_234_567)
    assert (rows[1]["val_acc"], rows[1]["ray_trial_id"], rows[1]["started_at"]) == (None, None, None)
    assert rows[0]["proposed_at"] == "2023-11-14T22:13:21+00:00"


# pandas compares a list with an array, which numpy below 2.2 warns of where both are empty.
@pytest.mark.filterwarnings("ignore:The truth value of an empty array:DeprecationWarning")
def test_parquet_gives_the_frame_back(result, tmp_path):
    content = export(result, "parquet", tmp_path / "trials.parquet")
    assert (tmp_path / "trials.parquet").read_bytes() == content
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "trials.parquet"), result.trials)


def test_text_goes_to_a_file_too(result, tmp_path):
    assert (tmp_path / "t.csv").write_text("old") == 3
    text = export(result, "csv", tmp_path / "t.csv")
    assert (tmp_path / "t.csv").read_bytes().decode() == text


@pytest.mark.parametrize("format", ["table", "csv", "json", "parquet"])
def test_a_run_of_no_trials_has_every_format(driver, tmp_path, format):
    assert export(SearchResult.load(driver.leave("user")), format, tmp_path / "out")
    assert (tmp_path / "out").exists()


def test_bad_input(result, tmp_path):
    with pytest.raises(UnknownName, match="no format is called 'jsn'; did you mean 'json'"):
        export(result, "jsn")
    with pytest.raises(ConfigError, match="`parquet` must have a file"):
        export(result, "parquet")
    with pytest.raises(RunError, match="cannot be written: No such file"):
        export(result, "csv", tmp_path / "nowhere" / "t.csv")
