import json
import subprocess
import sys

import pandas as pd
import pytest

from nas_ray.errors import ConfigError, LedgerError, RunError
from nas_ray.ledger import LEDGER
from nas_ray.results import SearchResult
from nas_ray.spaces import SearchSpace
from nas_ray.tasks import Objective


def test_the_winner_has_the_best_value_over_its_epochs_and_did_not_fail(finished):
    best = SearchResult.load(finished).best
    assert (best.trial_id, best.architecture_id, best.config) == ("t00003", "a3", {"hidden": 5})
    assert (best.metric, best.value, best.epoch) == ("val_acc", 0.9, 1)
    assert (best.params, best.flops) == (1_234_567, 2000)
    assert best.metrics == {"val_acc": 0.9, "val_loss": 0.5}
    assert best.test == {"test_acc": 0.875, "test_loss": 0.4}
    assert repr(best) == "BestTrial(t00003, val_acc=0.9000, epoch=1)"


def test_a_mode_of_min_is_minded(new_driver):
    driver = new_driver(objective=[{"metric": "val_acc", "mode": "min"}])
    result = SearchResult.load(driver.trial(0, [0.5, 0.2, None, 0.9]).leave("done"))
    assert (result.best.value, result.best.epoch) == (0.2, 2)
    assert result.objective == [Objective("val_acc", "min")]


def test_of_equals_the_first_wins(driver):
    assert SearchResult.load(driver.trial(0, [0.5]).trial(1, [0.5]).leave("done")).best.trial_id == "t00000"


def test_an_interrupted_trial_may_win(driver):
    driver.trial(0, [0.5]).propose(1).start(1).report(1, 1, 0.9)
    assert SearchResult.load(driver.die()).best.trial_id == "t00001"


@pytest.mark.parametrize("values", [[], [None]])
def test_without_a_score_there_is_no_winner(driver, values):
    result = SearchResult.load(driver.trial(0, values, "failed", "diverged").leave("done"))
    assert result.best is None
    assert result.incumbents().empty
    assert result.utilisation() >= 0.0
    assert "no trial has a score" in result.summary()
    with pytest.raises(RunError, match="no trial has a score"):
        result.best_model()


def test_a_run_of_no_trials(driver):
    result = SearchResult.load(driver.leave("user"))
    assert result.best is None
    assert (result.utilisation(), result.outcomes()) == (0.0, {})
    assert "trials 0\n" in result.summary()


def test_dataframes_and_config(finished):
    result = SearchResult.load(finished)
    assert result.trials["outcome"].tolist() == ["finished", "infeasible", "cached", "stopped", "failed"]
    assert len(result.epochs) == 6
    assert result.trials is result.trials
    assert result.config["data"] == {"name": "digits"}
    assert result.outcomes() == {"finished": 1, "infeasible": 1, "cached": 1, "stopped": 1, "failed": 1}
    assert result.path == finished


def test_incumbents_end_with_the_winner(finished):
    frame = SearchResult.load(finished).incumbents()
    assert list(frame) == ["trial_id", "epoch", "at", "value"]
    assert frame["trial_id"].tolist() == ["t00000", "t00000", "t00000", "t00003"]
    assert frame["value"].tolist() == [0.5, 0.6, 0.7, 0.9]
    assert frame["at"].tolist() == [2.0, 3.0, 4.0, 5.0]


def test_the_night_before_a_resume_does_not_count(driver):
    driver.trial(0, [0.5]).add("stop", attempt=1, reason="user")
    driver.add("attempt", after=40_000, attempt=2).trial(1, [0.6])
    result = SearchResult.load(driver.leave("done"))
    assert result.incumbents()["at"].tolist() == [2.0, 4.0]
    assert "time 5.0 s" in result.summary()


def test_utilisation_is_busy_slot_seconds_over_slot_seconds(driver):
    driver.propose(0).start(0).propose(1).start(1).report(0, 1, 0.5).end(0)
    driver.report(1, 1, 0.5).report(1, 2, 0.5).report(1, 3, 0.5).end(1)
    # One slot is busy for 1 s, the other for all 4.
    assert SearchResult.load(driver.leave("done")).utilisation() == pytest.approx(5 / 8)


def test_summary(finished):
    assert SearchResult.load(finished).summary().splitlines() == [
        "best architecture t00003, epoch 1",
        "  in -> 5 -> out",
        "  of at most 7",
        "",
        "val_acc 0.9000",
        "test_acc 0.8750",
        "test_loss 0.4000",
        "parameters 1,234,567",
        "flops 2,000",
        "trials 5: 1 finished, 1 stopped, 1 failed, 1 infeasible, 1 cached",
        "trained 6 epochs in 3.0 s",
        "time 13 s, slots busy 50%",
        f"run {finished}",
    ]


def test_a_summary_does_without_a_space_that_cannot_be_loaded(driver):
    driver.trial(0, [0.5]).write_best(0, space={"name": None})
    assert "\n  hidden: 2\n" in SearchResult.load(driver.leave("done")).summary()


def test_before_there_is_a_best_folder_the_space_is_the_configurations(driver):
    assert "of at most 7" in SearchResult.load(driver.trial(0, [0.5]).leave("user")).summary()


def test_best_model_has_the_weights(finished):
    model = SearchResult.load(finished).best_model()
    assert model[0].weight.shape == (5, 3)
    assert all((weight == 1).all() for weight in model.parameters())
    assert not model.training


def test_a_space_without_a_name_is_asked_for(driver):
    driver.trial(0, [0.5]).write_best(0, space={"name": "widths of mine"})
    result = SearchResult.load(driver.leave("done"))
    with pytest.raises(ConfigError, match=r"'widths of mine'.*best_model\(space=...\)"):
        result.best_model()
    from our_space import Widths

    assert result.best_model(space=Widths())[0].weight.shape == (2, 3)


def test_a_space_that_builds_another_network_is_refused(finished):
    def build(config, task):
        from torch import nn

        return nn.Linear(1, 1)

    with pytest.raises(RunError, match="must fit the network that the space builds"):
        SearchResult.load(finished).best_model(space=SearchSpace.from_function({}, build))


@pytest.mark.parametrize("damage", [b"", b"no weights", None])
def test_damaged_or_missing_weights_are_a_clear_error(finished, damage):
    weights = finished / "best" / "weights.pt"
    weights.unlink() if damage is None else weights.write_bytes(damage)
    with pytest.raises(RunError, match=r"weights.pt is (damaged|missing).*retrain"):
        SearchResult.load(finished).best_model()


def test_weights_torn_anywhere_are_a_clear_error(finished):
    weights = finished / "best" / "weights.pt"
    whole = weights.read_bytes()
    for cut in range(0, len(whole), 97):
        weights.write_bytes(whole[:cut])
        with pytest.raises(RunError, match="is damaged"):
            SearchResult.load(finished).best_model()


def test_weights_never_run_code(finished):
    import pickle

    class Evil:
        def __reduce__(self):
            return (print, ("run",))

    (finished / "best" / "weights.pt").write_bytes(pickle.dumps(Evil(), protocol=2))
    with pytest.raises(RunError, match="is damaged"):
        SearchResult.load(finished).best_model()


@pytest.mark.parametrize("text", ["{", "[]", json.dumps({"config": {}})])
def test_a_damaged_architecture_is_a_clear_error(finished, text):
    (finished / "best" / "architecture.json").write_text(text)
    with pytest.raises(RunError, match=r"architecture.json .*resume"):
        SearchResult.load(finished).best_model()


@pytest.mark.parametrize("text", [": :", "[1]", ""])
def test_a_damaged_configuration_is_a_clear_error(finished, text):
    (finished / "config.yaml").write_text(text)
    with pytest.raises(RunError, match=r"config.yaml .*restore"):
        _ = SearchResult.load(finished).config


def test_a_folder_that_is_no_run_is_a_clear_error(tmp_path, finished):
    with pytest.raises(RunError, match=r"there is no folder .*nowhere; `nas-ray list`"):
        SearchResult.load(tmp_path / "nowhere")
    with pytest.raises(RunError, match=r"is no run: it has no ledger\.jsonl"):
        SearchResult.load(tmp_path)
    (finished / LEDGER).write_text("{}\n{}\n{}\n")
    with pytest.raises(LedgerError, match="damaged in line 1"):
        SearchResult.load(finished)


def test_while_a_driver_is_at_work_trials_run(driver):
    driver.propose(0).start(0).report(0, 1, 0.5)
    result = SearchResult.load(driver.folder)
    assert result.live
    assert result.outcomes() == {"running": 1}
    assert result.trials["outcome"].tolist() == ["running"]
    assert SearchResult.load(driver.die()).outcomes() == {"interrupted": 1}


def test_repr_is_short(finished):
    assert repr(SearchResult.load(finished)) == (
        f"SearchResult({str(finished)!r}, trials=5, best=BestTrial(t00003, val_acc=0.9000, epoch=1))"
    )


# pandas compares a list with an array, which numpy below 2.2 warns of where both are empty.
@pytest.mark.filterwarnings("ignore:The truth value of an empty array:DeprecationWarning")
def test_frames_agree_with_the_parquet_files(finished):
    from nas_ray.ledger import read, write_parquet

    write_parquet(read(finished / LEDGER), finished)
    result = SearchResult.load(finished)
    pd.testing.assert_frame_equal(pd.read_parquet(finished / "trials.parquet"), result.trials)
    pd.testing.assert_frame_equal(pd.read_parquet(finished / "epochs.parquet"), result.epochs)


def test_neither_ray_nor_torch_is_loaded_to_read_a_run():
    program = "import sys, nas_ray.ledger, nas_ray.results; print({'ray', 'torch'} & set(sys.modules))"
    assert subprocess.check_output([sys.executable, "-c", program], text=True).strip() == "set()"
