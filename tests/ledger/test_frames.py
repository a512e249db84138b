import random
import time

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from nas_ray.errors import RunError
from nas_ray.ledger import epochs_frame, epochs_schema, trials_frame, trials_schema, write_parquet

TRIALS_HEAD = [
    "trial_id",
    "ray_trial_id",
    "proposal",
    "outcome",
    "reason",
    "error",
    "architecture_id",
    "config_id",
    "parent_ids",
    "inherited_from",
    "inheritance",
]
FIDELITY = ["rung", "epoch", "max_epochs", "data_share", "resolution", "width"]
METRICS = ["val_acc", "val_acc_last", "val_loss", "train_loss"]
TIMES = ["proposed_at", "started_at", "ended_at", "wall_s", "gpus", "gpu_s"]
TAIL = ["params", "flops", "seed", *TIMES, "node", "note"]
EPOCHS = ["trial_id", "attempt", "epoch", "val_acc", "val_loss", "train_loss", "seconds", "decision"]


def row(story, number=0, live=False):
    return trials_frame(story.records, live).iloc[number]


def test_empty_frames_have_the_columns_and_types_of_full_ones(new_story):
    empty, full = new_story().records, new_story().attempt().trial(0, [0.5], config={}).records
    assert list(trials_frame(empty)) == TRIALS_HEAD + FIDELITY + METRICS + TAIL
    assert list(epochs_frame(empty)) == EPOCHS
    for frame in (trials_frame, epochs_frame):
        assert len(frame(empty)) == 0
        pd.testing.assert_series_equal(frame(empty).dtypes, frame(full).dtypes)
    assert trials_schema(empty).equals(trials_schema(full), check_metadata=True)
    assert epochs_schema(empty).equals(epochs_schema(full), check_metadata=True)


def test_no_records_at_all_still_make_frames():
    assert list(trials_frame([]))[:11] == TRIALS_HEAD
    assert epochs_frame([]).empty


def test_the_schema_states_its_table_and_version(story):
    assert trials_schema(story.records).metadata == {b"nas_ray.table": b"trials", b"nas_ray.version": b"1"}


def test_what_a_child_started_from_and_its_proxies_are_told_once_and_stay(story):
    story.propose(0).start(0)
    story.report(
        0, 1, 0.5, inherited_from="t00007", inheritance="morphism", metrics={"val_acc": 0.5, "snip": 3.0}
    )
    story.report(0, 2, 0.6).end(0)
    story.propose(1).start(1).end(1, outcome="infeasible", reason="constraint", metrics={"snip": 2.0})
    told = trials_frame(story.records)
    assert told["inherited_from"].tolist() == ["t00007", pd.NA]
    assert told["inheritance"][0] == "morphism"
    assert told["snip"].tolist() == [3.0, 2.0]


def test_a_finished_trial(story):
    story.propose(0).propose(1, parents=[0], note={"source": "mutation"}).start(1)
    dials = {"data_share": 0.5, "resolution": 16, "width": 0.25}
    story.report(1, 1, 0.7, dials=dials, gpus=0.5, rung=0).report(
        1, 2, 0.6, dials=dials, gpus=0.5, rung=1
    ).end(1)
    told = row(story, 1).to_dict()
    assert told["trial_id"] == "t00001"
    assert told["ray_trial_id"] == "r1_1"
    assert (told["outcome"], told["reason"], told["error"]) == ("finished", "", "")
    assert (told["architecture_id"], told["config_id"], told["parent_ids"]) == ("a1", "c1", ["t00000"])
    assert (told["config.depth"], told["config.op"], told["config.lr"]) == (2, "conv", 0.1)
    assert (told["rung"], told["epoch"], told["max_epochs"]) == (1, 2, 4)
    assert (told["data_share"], told["resolution"], told["width"]) == (0.5, 16, 0.25)
    assert (told["val_acc"], told["val_acc_last"], told["val_loss"]) == (0.7, 0.6, 0.5)
    assert np.isnan(told["train_loss"])
    assert (told["params"], told["flops"], told["seed"]) == (200, 2000, 11)
    assert told["started_at"] == pd.Timestamp(story.now - 3, unit="s", tz="UTC")
    assert told["ended_at"] == pd.Timestamp(story.now, unit="s", tz="UTC")
    assert (told["wall_s"], told["gpus"], told["gpu_s"], told["node"]) == (3.0, 0.5, 1.5, "n1")
    assert told["note"] == '{"source": "mutation"}'


def test_each_stay_of_a_trial_costs_the_gpus_that_it_had_there(story):
    story.propose(0).start(0, gpus=0.25).report(0, 1, 0.5, gpus=0.25).add("retry", trial_id="t00000")
    story.start(0, gpus=1.0).report(0, 1, 0.5, gpus=1.0).report(0, 2, 0.6, gpus=1.0).end(0)
    told = row(story)
    assert (told["wall_s"], told["gpus"], told["gpu_s"]) == (5.0, 1.0, 2 * 0.25 + 3 * 1.0)


@pytest.mark.parametrize(("mode", "best"), [("max", 0.9), ("min", 0.2)])
def test_best_and_last_of_the_objective_by_mode(new_story, mode, best):
    story = new_story(objective=[{"metric": "cost", "mode": mode}]).attempt().propose(0).start(0)
    for epoch, value in enumerate([0.5, 0.2, None, 0.9, 0.4], 1):
        story.report(0, epoch, value, metric="cost")
    assert (row(story)["cost"], row(story)["cost_last"]) == (best, 0.4)


def test_every_objective_has_its_columns_and_params_keeps_its_own(new_story):
    objective = [{"metric": "val_acc", "mode": "max"}, {"metric": "params", "mode": "min"}]
    frame = trials_frame(new_story(objective=objective).attempt().trial(0, [0.5]).records)
    assert frame.columns.is_unique
    assert frame["params"].tolist() == frame["params_last"].tolist() == [100]


def test_metrics_of_ones_own_have_their_columns(story):
    story.propose(0).start(0).report(0, 1, 0.5).add(
        "report", trial_id="t00000", attempt=1, epoch=2, metrics={"f1": 0.25, "epoch": 9}, seconds=1.0
    )
    assert row(story)["f1"] == 0.25
    assert row(story)["val_acc_last"] == 0.5
    epochs = epochs_frame(story.records)
    assert list(epochs)[3:7] == ["val_acc", "val_loss", "train_loss", "f1"]
    assert epochs["epoch"].tolist() == [1, 2]


@pytest.mark.parametrize("reason", ["user", "time_budget", "epochs", "error"])
def test_a_trial_without_an_end_says_why_the_driver_left(story, reason):
    story.propose(0).start(0).report(0, 1, 0.5).add("stop", attempt=1, reason=reason)
    assert (row(story)["outcome"], row(story)["reason"]) == ("interrupted", reason)
    assert row(story)["wall_s"] == 2.0
    assert row(story)["ended_at"] is pd.NaT


def test_a_trial_without_an_end_of_a_dead_driver_is_lost(story):
    story.propose(0).start(0).report(0, 1, 0.5).propose(1)
    assert row(story)[["outcome", "reason"]].tolist() == ["interrupted", "lost"]
    assert row(story, 0, live=True)[["outcome", "reason"]].tolist() == ["running", ""]
    story.add("stop", attempt=1, reason="user").attempt(2)
    assert row(story)[["outcome", "reason"]].tolist() == ["interrupted", "lost"]


def test_proposals_that_do_not_train_have_their_row(story):
    story.propose(0, "infeasible", "constraint", error="no pooling first").propose(1, "cached", "known")
    frame = trials_frame(story.records, live=True)
    assert frame["outcome"].tolist() == ["infeasible", "cached"]
    assert frame["reason"].tolist() == ["constraint", "known"]
    assert frame["error"].tolist() == ["no pooling first", ""]
    assert frame["ray_trial_id"].isna().all()
    assert frame["epoch"].tolist() == [0, 0]
    assert frame["val_acc"].isna().all()


def test_a_retry_keeps_both_readings_of_an_epoch_and_adds_the_time(story):
    story.propose(0).start(0).report(0, 1, 0.5).add("retry", trial_id="t00000", error="node died")
    story.start(0, 2).report(0, 1, 0.4, attempt=2).report(0, 2, 0.6, attempt=2)
    assert row(story)["error"] == "node died"
    story.end(0)
    epochs = epochs_frame(story.records)
    assert epochs[["attempt", "epoch", "val_acc"]].values.tolist() == [[1, 1, 0.5], [2, 1, 0.4], [2, 2, 0.6]]
    assert row(story)["wall_s"] == 5.0
    assert row(story)["ray_trial_id"] == "r0_2"
    assert (row(story)["outcome"], row(story)["error"]) == ("finished", "")


def test_a_killed_drivers_night_is_no_training_time(story):
    story.propose(0).start(0).report(0, 1, 0.5)
    story.add("attempt", after=40_000, attempt=2).start(0, 2).report(0, 2, 0.6, attempt=2).end(0)
    assert row(story)["wall_s"] == 3.0


def test_a_repeated_end_is_one_row(story):
    story.trial(0, [0.5], "interrupted", "lost").end(0, "finished")
    assert trials_frame(story.records)["outcome"].tolist() == ["finished"]


@pytest.mark.parametrize(
    ("values", "dtype", "expected"),
    [
        ([1, 2], "Int64", [1, 2]),
        ([1, 2.5], "float64", [1.0, 2.5]),
        ([True, False], "boolean", [True, False]),
        (["a", "b"], "string", ["a", "b"]),
        ([1, "a"], "string", ["1", '"a"']),
        ([True, 1], "string", ["true", "1"]),
        ([[1, 2], [3]], "string", ["[1, 2]", "[3]"]),
        ([2**70, 1], "string", [str(2**70), "1"]),
        ([1, None], "Int64", [1, None]),
        ([None, None], "string", [None, None]),
    ],
)
def test_columns_of_the_configuration_by_what_they_hold(story, values, dtype, expected):
    for number, value in enumerate(values):
        story.propose(number, config={"stage1.op": value})
    column = trials_frame(story.records)["config.stage1.op"]
    assert column.dtype == dtype
    assert [None if pd.isna(value) else value for value in column] == expected


def test_keys_that_some_configurations_lack_are_missing_values(story):
    frame = trials_frame(story.propose(0, config={"a": 1}).propose(1, config={"b": 2}).records)
    assert frame["config.a"].isna().tolist() == [False, True]
    assert frame["config.b"].dtype == "Int64"


def test_any_sequence_of_records_keeps_every_row(random_records):
    for live in (False, True):
        trials = trials_frame(random_records, live)
        proposed = [record["trial_id"] for record in random_records if record["kind"] == "propose"]
        assert trials["trial_id"].tolist() == proposed
        assert trials["proposal"].tolist() == list(range(len(proposed)))
        assert set(trials["outcome"]) <= {"finished", "stopped", "failed", "infeasible", "cached"} | (
            {"running"} if live else {"interrupted"}
        )
        assert (trials["wall_s"] >= 0).all()
    reports = [record for record in random_records if record["kind"] == "report"]
    assert len(epochs_frame(random_records)) == len(reports)


# pandas compares a list with an array, which numpy below 2.2 warns of where both are empty.
@pytest.mark.filterwarnings("ignore:The truth value of an empty array:DeprecationWarning")
def test_frames_survive_parquet(random_records, tmp_path):
    write_parquet(random_records, tmp_path)
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "trials.parquet"), trials_frame(random_records))
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "epochs.parquet"), epochs_frame(random_records))


def test_empty_frames_survive_parquet(new_story, tmp_path):
    records = new_story().records
    write_parquet(records, tmp_path)
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "trials.parquet"), trials_frame(records))
    assert pq.read_schema(tmp_path / "epochs.parquet").metadata[b"nas_ray.version"] == b"1"


def test_parquet_is_replaced_all_at_once(story, tmp_path, monkeypatch):
    write_parquet(story.trial(0, [0.5]).records, tmp_path)

    def full(table, path):
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pq, "write_table", full)
    with pytest.raises(RunError, match="cannot be written: No space left"):
        write_parquet(story.trial(1, [0.6]).records, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["epochs.parquet", "trials.parquet"]
    assert len(pd.read_parquet(tmp_path / "trials.parquet")) == 1


def test_five_thousand_trials_of_ten_epochs_convert_in_seconds(story, tmp_path):
    rng = random.Random(1)
    for number in range(5000):
        story.trial(number, [rng.random() for _ in range(10)])
    begin = time.perf_counter()
    write_parquet(story.records, tmp_path)
    # About one; the bound tells columns at once from rows one by one (minutes), on a busy machine too.
    assert time.perf_counter() - begin < 10.0
    assert len(pd.read_parquet(tmp_path / "epochs.parquet")) == 50_000
