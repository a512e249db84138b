"""A search in one process: what comes back, and what failures cost."""

import errno
import json
from dataclasses import replace
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest
import torch
from odd_spaces import Broken, Failing, Hanging, Killing, OnlyInWorkers, Tiny
from ray import tune
from ray.tune import TuneError

import nas_ray
from nas_ray import ConfigError, Learner, RunError, Strategy
from nas_ray.data import load
from nas_ray.engine.history import Past
from nas_ray.ledger import Ledger, read
from nas_ray.stopping.none import NoStopping
from nas_ray.strategies import Candidate
from nas_ray.tasks import Objective

pytestmark = pytest.mark.usefixtures("local_ray")


class Biggest(Strategy):
    """Proposes the widest network first."""

    name = "biggest"

    def propose(self, rng):
        return Candidate({"hidden": 999 - len(self.memory), "noise": "a"})


class Short(Learner):
    """Trains on one batch."""

    def train_epoch(self):
        inputs, targets = next(self.data.batches("train", 64))
        return {"train_loss": float(self.training_step(inputs, targets)), "samples": len(targets)}


class Curious(NoStopping):
    """Remembers what it was told of the run."""

    told: ClassVar[list[tuple[int | None, bool]]] = []

    def decide(self, trial, fidelity, score):
        self.told.append((self.workers, self.guided))
        return super().decide(trial, fidelity, score)


def test_a_rule_is_told_who_proposes_and_how_many_run_at_once(tmp_path):
    for strategy in ("random", "evolution"):
        search(tmp_path, name=strategy, strategy=strategy, stopping=Curious(), trials=1, max_epochs=1)
    assert Curious.told == [(1, False), (1, True)]


def test_a_run_that_is_resumed_has_for_its_rule_the_workers_that_it_began_with(tmp_path):
    result = search(tmp_path, trials=1, max_epochs=1)
    records = [*read(result.path / "ledger.jsonl"), {"kind": "attempt", "at": 9.0, "concurrency": 8}]
    assert Past.of(records, Objective("val_acc")).workers == 1


class Rising(Short):
    """Scores better with every epoch, which its weights tell."""

    def evaluate(self, part="val"):
        mark = next(self.model.parameters()).data.view(-1)
        if part == "val":
            mark[0] = self.epoch + 1
        return {f"{part}_acc": float(mark[0]), f"{part}_loss": 1.0}


class Raising(tune.Callback):
    """Ends the driver with an exception in the second epoch."""

    def __init__(self, error):
        self.error = error

    def on_trial_result(self, iteration, trials, trial, result, **info):
        if result["epoch"] == 2:
            raise self.error("in the driver")


def search(tmp_path, **changes):
    # One trial at a time, since starting a second process is most of a test's time.
    settings = {"space": Tiny(), "strategy": "random", "trials": 6, "max_epochs": 2, "name": "run"}
    settings |= {"data": "digits", "runs_dir": tmp_path, "concurrency": 1}
    return nas_ray.search(**{**settings, **changes})


def test_the_driver_builds_no_network(tmp_path):
    result = search(tmp_path, space=OnlyInWorkers(), trials=2, max_epochs=1)
    assert list(result.trials["outcome"]) == ["finished"] * 2
    assert 0 <= result.best.test["test_acc"] <= 1


def test_a_full_disk_is_told_and_the_record_is_whole(tmp_path, monkeypatch):
    write, lines = Ledger._write, []

    def filling(ledger, line):
        lines.append(line)
        if len(lines) > 9:
            raise OSError(errno.ENOSPC, "No space left on device")
        write(ledger, line)

    with monkeypatch.context() as patched:
        patched.setattr(Ledger, "_write", filling)
        with pytest.raises(RunError, match=r"No space left on device.*make room, then resume"):
            search(tmp_path, trials=4, max_epochs=1, stopping="none")
    assert len(read(tmp_path / "run" / "ledger.jsonl")) == 9


def test_paused_trials_that_are_ended_are_not_heard_of(tmp_path, capsys):
    result = search(tmp_path, trials=4, max_epochs=3, stopping="asha-promote")
    assert (result.trials["outcome"] == "stopped").any()
    assert "t0000" not in capsys.readouterr().out


def test_tensorboard_gets_its_files(tmp_path):
    result = search(tmp_path, trials=1, overrides={"run.tensorboard": True})
    (events,) = result.path.rglob("events.out.tfevents*")
    assert b"val_acc" in events.read_bytes()


def test_two_searches_in_one_process(tmp_path):
    first = search(tmp_path, space="mlp", name="first", trials=3)
    second = search(tmp_path, space="mlp", name="second", trials=3)
    assert list(first.trials["config_id"]) == list(second.trials["config_id"]), "the same seed"
    for result in (first, second):
        assert len(result.trials) == 3
        assert set(result.trials["outcome"]) <= {"finished", "stopped"}
        assert result.best.test["test_acc"] > 0.1
        assert result.best_model()(torch.zeros(2, 1, 8, 8)).shape == (2, 10)
        digits = load("digits")
        guesses = result.best_model()(torch.tensor(digits.x_test)).argmax(1).numpy()
        assert (guesses == digits.y_test).mean() == pytest.approx(result.best.test["test_acc"]), "raw inputs"


def test_objects_of_ones_own_in_each_place(tmp_path):
    rng = np.random.default_rng(0)
    arrays = {f"x_{part}": rng.normal(size=(60, 5)).astype("float32") for part in ("train", "val", "test")}
    arrays |= {f"y_{part}": arrays[f"x_{part}"].sum(1) for part in ("train", "val", "test")}
    result = search(tmp_path, strategy=Biggest, stopping=NoStopping(), data=arrays, learner=Short)
    assert list(result.trials["config.hidden"]) == [999, 998, 997, 996, 995, 994]
    assert set(result.trials["outcome"]) == {"finished"}
    assert result.objective[0].metric == "val_loss", "float targets make a regression"
    assert (result.epochs["epoch"].max(), result.best.metric) == (2, "val_loss")
    with pytest.raises(ConfigError, match=r"best_model\(space="):
        result.best_model()
    assert result.best_model(space=Tiny()) is not None


def test_an_actor_serves_many_trials_and_no_other_is_started(tmp_path):
    result = search(tmp_path, trials=20, max_epochs=1, stopping="none", concurrency=2)
    assert (result.trials["outcome"] == "finished").all()
    folders = list((result.path / "ray").glob("attempt-001/t0*"))
    assert len(folders) == 20
    records = read(result.path / "ledger.jsonl")
    assert sum(record["kind"] == "start" for record in records) == 20
    assert len({record["pid"] for record in records if record["kind"] == "report"}) == 2


def test_failures_are_rows_with_a_reason_and_cost_no_process(tmp_path):
    result = search(tmp_path, space=Failing(), trials=16, max_epochs=1, stopping="none")
    kinds = result.trials["config.hidden"] % 4
    expected = kinds.map({0: "", 1: "error", 2: "out_of_memory", 3: "diverged"})
    assert list(result.trials["reason"]) == list(expected)
    assert set(expected) == {"", "error", "out_of_memory", "diverged"}
    assert (result.trials["outcome"] == np.where(kinds == 0, "finished", "failed")).all()
    broken = result.trials[kinds == 1].iloc[0]
    assert "ValueError: this architecture cannot be built" in broken["error"]
    records = read(result.path / "ledger.jsonl")
    assert not any(record["kind"] == "retry" for record in records), "no worker was lost"


def test_a_network_beyond_the_limits_is_infeasible_and_not_counted(tmp_path):
    limits = {"constraints.params": 20_000}
    result = search(tmp_path, overrides=limits, trials=5, max_epochs=1, stopping="none")
    trained = result.trials[result.trials["outcome"] == "finished"]
    refused = result.trials[result.trials["outcome"] == "infeasible"]
    assert len(trained) == 5
    assert len(refused) >= 1
    assert (trained["config.hidden"] * 75 + 10 <= 20_000).all()
    assert set(refused["reason"]) == {"constraint"}
    assert refused["error"].str.contains("`params` must be at most 20,000, but got").all()
    assert (refused["params"] == refused["config.hidden"] * 75 + 10).all(), "costs are known without an epoch"
    assert (refused["flops"] > 0).all()


def test_a_killed_worker_is_replaced_and_its_trial_starts_again(tmp_path):
    result = search(tmp_path, space=Killing(str(tmp_path / "killed")), trials=6)
    assert len(result.trials) == 6
    assert set(result.trials["outcome"]) <= {"finished", "stopped"}
    assert sum(record["kind"] == "retry" for record in read(result.path / "ledger.jsonl")) == 1


def test_a_trial_whose_process_is_always_lost_fails_and_the_search_goes_on(tmp_path):
    strategy = {"strategy.points_to_evaluate": [{"hidden": 4, "noise": "a"}, {"hidden": 5, "noise": "a"}]}
    result = search(tmp_path, overrides=strategy, space=Killing(always=True), trials=2, stopping="none")
    assert list(result.trials["outcome"]) == ["failed", "finished"]
    assert result.trials["reason"][0] == "lost"
    told = [record for record in read(result.path / "ledger.jsonl") if record["kind"] in ("retry", "end")]
    errors = [record["error"] for record in told if record["trial_id"] == "t00000"]
    assert len(errors) == 3, "two retries and the end"
    assert all("its worker process has died" in error.splitlines()[-1] for error in errors)
    assert result.trials["error"][0] == errors[-1]


def test_a_trial_that_hangs_is_ended_and_the_search_goes_on(tmp_path):
    points = [{"hidden": 4, "noise": "a"}, {"hidden": 5, "noise": "a"}]
    settings = {"strategy.points_to_evaluate": points, "run.epoch_timeout": 4}
    result = search(tmp_path, overrides=settings, space=Hanging(), trials=2, max_epochs=1, stopping="none")
    assert list(result.trials["outcome"]) == ["failed", "finished"]
    assert result.trials["reason"][0] == "timeout"
    assert result.trials["error"][0] == "an epoch took longer than the 4 s of `run.epoch_timeout`"


def test_a_search_in_which_everything_fails_alike_stops_with_one_error(tmp_path):
    with pytest.raises(
        RunError, match=r"the first 10 all failed \(error\): ZeroDivisionError: nothing works"
    ):
        search(tmp_path, space=Broken(), trials=1000)
    result = nas_ray.SearchResult.load(tmp_path / "run")
    assert len(result.trials) <= 12
    assert set(result.trials["outcome"]) <= {"failed", "interrupted"}
    assert result.record.stop["reason"] == "error"


def trained(result):
    """Return the rows that count to the budget: known networks are rows too, and are not trained."""
    return result.trials[result.trials["outcome"] != "cached"]


def test_a_budget_of_epochs_is_spent_on_paused_trials_where_no_more_may_begin(tmp_path):
    """Of 6 trials of 9 epochs each, 40 epochs: the halving alone would end with less."""
    result = search(tmp_path, stopping="learning-curve", trials=6, epochs=40, max_epochs=9)
    assert len(trained(result)) == 6
    assert len(result.epochs) == 40
    assert result.record.stop["reason"] == "epochs"


def test_epochs_alone_limit_a_search_and_not_the_default_of_trials(tmp_path):
    result = search(tmp_path, space="mlp", stopping="none", trials=None, epochs=30, max_epochs=1)
    assert len(trained(result)) >= 30
    assert len(result.epochs) == 30
    assert result.record.stop["reason"] == "epochs"


def test_a_time_budget_interrupts_and_resume_takes_the_run_up(tmp_path):
    result = search(tmp_path, trials=1000, max_epochs=3, time_budget=7)
    assert result.trials["reason"].isin(["time_budget"]).sum() <= 2
    done = len(trained(result))
    assert 0 < done < 1000
    ledger = (result.path / "ledger.jsonl").read_bytes()
    for given in ({}, {"trials": 2000}):
        with pytest.raises(
            ConfigError, match=r"budget of 7 s is spent; give a new total with --time-budget N"
        ):
            nas_ray.resume(result.path, space=Tiny(), **given)
    assert (result.path / "ledger.jsonl").read_bytes() == ledger
    with pytest.raises(ConfigError, match=r"given an object for its space.*resume\(run, space="):
        nas_ray.resume(result.path, trials=done + 3)
    again = nas_ray.resume(result.path, trials=done + 3, time_budget=100, space=Tiny())
    assert len(trained(again)) == done + 3
    assert set(trained(again)["outcome"]) <= {"finished", "stopped"}
    assert not again.epochs.duplicated(["trial_id", "epoch"]).any()


def test_a_budget_of_epochs_ends_a_run(tmp_path):
    result = search(tmp_path, overrides={"run.epochs": 5}, trials=100, stopping="none")
    assert 5 <= len(result.epochs) <= 7


def test_what_is_delivered_is_of_the_ledgers_epoch_and_a_resume_leaves_none_out(tmp_path):
    """The worker is an epoch ahead of the driver whenever a run is cut off."""
    settings = {"trials": 1, "max_epochs": 9, "learner": Rising, "stopping": "none"}
    result = search(tmp_path, overrides={"run.epochs": 4}, **settings)
    for epochs in (4, 7):
        assert list(result.epochs["epoch"]) == list(range(1, epochs + 1))
        weights = torch.load(result.path / "best" / "weights.pt", weights_only=True)
        first = float(next(iter(weights.values())).view(-1)[0])
        assert first == result.best.epoch == result.best.value == result.best.test["test_acc"] == epochs
        if epochs == 4:
            result = nas_ray.resume(result.path, epochs=7, space=Tiny(), learner=Rising)


@pytest.mark.parametrize(("error", "reason"), [(ZeroDivisionError, "error"), (KeyboardInterrupt, "user")])
def test_an_exception_in_the_driver_goes_on_and_what_was_found_is_delivered(tmp_path, error, reason):
    # Tune hands on an exception of a callback as text, in one of its own.
    with pytest.raises((error, TuneError), match="in the driver"):
        search(tmp_path, trials=1, max_epochs=50, learner=Rising, callbacks=[Raising(error)])
    result = nas_ray.SearchResult.load(tmp_path / "run")
    assert result.record.stop["reason"] == reason
    assert (result.best.epoch, len(result.epochs)) == (2, 2)
    assert json.loads((result.path / "best" / "architecture.json").read_text())["epoch"] == 2
    assert pd.read_parquet(result.path / "epochs.parquet")["epoch"].tolist() == [1, 2]
    assert list(result.trials["outcome"]) == ["interrupted"]


def test_a_run_is_never_overwritten(tmp_path):
    search(tmp_path, trials=1, max_epochs=1)
    before = sorted((path, path.stat().st_mtime_ns) for path in (tmp_path / "run").rglob("*"))
    with pytest.raises(RunError, match=r"`run.name` must be new.*nas-ray resume"):
        search(tmp_path)
    assert before == sorted((path, path.stat().st_mtime_ns) for path in (tmp_path / "run").rglob("*"))


def test_more_trials_for_a_finished_run(tmp_path):
    first = search(tmp_path, trials=3, max_epochs=1, space="mlp", strategy="evolution")
    more = nas_ray.resume(first.path, trials=5)
    assert list(more.trials["config_id"][:3]) == list(first.trials["config_id"])
    assert len(more.trials) == 5
    straight = search(tmp_path, trials=5, max_epochs=1, space="mlp", strategy="evolution", name="straight")
    assert list(more.trials["config_id"]) == list(straight.trials["config_id"])


def test_resuming_a_run_that_is_over_does_nothing(tmp_path):
    first = search(tmp_path, trials=1, max_epochs=1, space="mlp")
    ledger = (first.path / "ledger.jsonl").read_bytes()
    again = nas_ray.resume(first.path)
    assert again.best == first.best
    assert (first.path / "ledger.jsonl").read_bytes() == ledger


def test_a_strategy_object_takes_the_space_of_the_run_and_serves_one_run(tmp_path):
    strategy = Biggest()
    result = search(tmp_path, strategy=strategy, trials=2, max_epochs=1)
    assert strategy.space.name == "tiny"
    assert list(result.trials["config.hidden"]) == [999, 998]
    with pytest.raises(ConfigError, match="a strategy object serves one run"):
        search(tmp_path, strategy=strategy, name="second")
    with pytest.raises(ConfigError, match="must have the search space of the run, 'mlp'"):
        search(tmp_path, strategy=Biggest(space=Tiny()), space="mlp", name="second")
    assert not (tmp_path / "second").exists()


def test_resume_refuses_other_data(tmp_path):
    first = search(tmp_path, trials=1, max_epochs=1, space="mlp")
    digits = load("digits")
    shuffled = replace(digits, x_train=digits.x_train[::-1].copy())
    with pytest.raises(RunError, match="must go on with the data it began with"):
        nas_ray.resume(first.path, trials=2, data=shuffled)


def test_an_objective_that_nothing_reports_is_refused_before_the_start(tmp_path):
    objective = {"objective": [{"metric": "val_accuracy", "mode": "max"}]}
    with pytest.raises(
        ConfigError, match=r"no metric that an epoch reports is called 'val_accuracy'.*'val_acc'"
    ):
        search(tmp_path, overrides=objective)
    assert list(tmp_path.iterdir()) == []
