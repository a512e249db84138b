import math
import threading

import pytest
import torch
from ray import tune
from torch import nn

from nas_ray.errors import ConfigError
from nas_ray.estimation import Estimation, Learner, device_data
from nas_ray.spaces import SearchSpace
from nas_ray.tasks import Objective

CONFIG = {"width": 4}


def test_a_step_is_an_epoch(trainer):
    results = trainer().run(CONFIG)
    assert [result["epoch"] for result in results] == [1, 2, 3]
    assert [result["outcome"] for result in results] == ["running", "running", "finished"]
    assert [result["done"] for result in results] == [False, False, True]
    for result in results:
        assert result["seconds"] > 0
        assert 0 <= result["val_acc"] <= 1
        assert result["params"] == 4 * 9 + 4 + 8 + 16 * 10 + 10
        assert result["flops"] == 2 * (4 * 9 * 64 + 160)
        assert (result["max_epochs"], result["samples"]) == (3, 110)
        assert (result["data_share"], result["resolution"], result["width"]) == (1.0, None, 1.0)


def test_an_actor_trains_many_networks_on_data_loaded_once(trainer, monkeypatch):
    loaded = []

    class Counted(device_data.DeviceData):
        def __init__(self, *args, **kwargs):
            loaded.append(1)
            super().__init__(*args, **kwargs)

    monkeypatch.setattr(device_data, "DeviceData", Counted)
    trial = trainer()
    for i in range(4):
        assert len(trial.run({"width": 4 + 4 * (i % 2)}, f"trial-{i}")) == 3
    assert len(loaded) == 1


def test_threads_are_those_of_the_actor(trainer):
    trainer(threads=2).begin(CONFIG)
    assert torch.get_num_threads() == 2


@pytest.mark.parametrize(
    ("limits", "words"), [({"params": 100}, "`params` must be at most 100, but got 218")]
)
def test_a_network_beyond_a_limit_is_infeasible_before_an_epoch_is_trained(
    trainer, monkeypatch, limits, words
):
    monkeypatch.setattr(Learner, "step", lambda self: pytest.fail("trained"))
    (result,) = trainer(limits=limits).run(CONFIG)
    assert (result["outcome"], result["reason"], result["done"]) == ("infeasible", "constraint", True)
    assert words in result["error"]
    assert result["epoch"] == 0
    assert result["params"] == 218
    assert math.isnan(result["val_acc"])


def test_a_network_far_beyond_a_limit_is_infeasible_and_takes_no_memory(trainer):
    space = SearchSpace.from_function(
        {"width": tune.choice([10**7])},
        lambda config, task: nn.Sequential(
            nn.Flatten(), nn.LazyLinear(config["width"]), nn.Linear(config["width"], config["width"])
        ),
    )
    (result,) = trainer(space=space, limits={"params": 1e6}).run({"width": 10**7})
    assert (result["outcome"], result["reason"]) == ("infeasible", "constraint")
    assert result["params"] > 10**14, "400 TB of weights"


def test_limits_that_are_kept_let_a_trial_train(trainer):
    assert len(trainer(limits={"params": 218, "flops": 10**6}).run(CONFIG)) == 3
    (result,) = trainer(limits={"flops": 10}).run(CONFIG)
    assert "`flops` must be at most 10" in result["error"]


def test_a_limit_on_something_else_is_refused(trainer):
    with pytest.raises(ConfigError, match="must be on one of params, flops"):
        trainer(limits={"latency": 3}).begin(CONFIG)


def test_violations_are_infeasible_and_never_built(trainer):
    space = SearchSpace.from_function(
        {"width": tune.choice([4])},
        lambda config, task: pytest.fail("built"),
        violations=lambda config, task: ["too wide", f"too small: {task.input_shape}"],
    )
    (result,) = trainer(space=space, settings=Estimation(resolution=4)).run(CONFIG)
    assert (result["outcome"], result["reason"]) == ("infeasible", "constraint")
    assert result["error"] == "too wide; too small: (1, 4, 4)"


@pytest.mark.parametrize("metric", ["val_loss", "train_loss", "params"])
def test_the_objective_may_be_any_metric(trainer, small, tmp_path, metric):
    task = small.task([Objective(metric, "min"), Objective("val_acc", "max")])
    trial = trainer(task=task, folder=str(tmp_path))
    results = trial.run(CONFIG)
    assert results[-1]["outcome"] == "finished"
    assert -trial.estimator.incumbents.entries()[0].score == min(result[metric] for result in results)


def test_an_objective_that_nobody_reports_fails_in_plain_words(trainer, small):
    (result,) = trainer(task=small.task([Objective("val_f1")])).run(CONFIG)
    assert (result["outcome"], result["reason"]) == ("failed", "error")
    assert "an epoch must report the objective 'val_f1'" in result["error"]
    assert math.isnan(result["val_f1"]), "Tune ends the whole run over a result without it"


def test_a_learner_may_report_an_objective_of_its_own(trainer, small):
    class F1(Learner):
        def metrics(self, outputs, targets):
            return {"f1": torch.tensor(0.25)}

    results = trainer(task=small.task([Objective("val_f1")]), learner=F1).run(CONFIG)
    assert [result["val_f1"] for result in results] == [0.25] * 3


def test_a_regression(trainer, table):
    space = SearchSpace.from_function(
        {"a": tune.choice([1])}, lambda config, task: nn.Linear(5, task.outputs)
    )
    settings = Estimation(max_epochs=6, learning_rate=0.1, resolution=7)
    results = trainer(space=space, data=table, settings=settings).run({"a": 1})
    assert results[-1]["val_loss"] < results[0]["val_loss"]
    assert "val_acc" not in results[-1]


def test_the_best_weights_of_all_trials_are_kept(trainer, tmp_path, small):
    trial = trainer(folder=str(tmp_path))
    best = max(
        result["val_acc"]
        for i, width in enumerate([4, 8])
        for result in trial.run({"width": width}, f"trial-{i}")
    )
    kept = trial.estimator.incumbents.entries()[0]
    assert kept.score == best
    state = torch.load(kept.path, weights_only=True)
    width = len(state["0.weight"])
    trial.begin({"width": width})
    trial.estimator.train()
    learner = trial.estimator.learner
    learner.model.load_state_dict(state)
    assert learner.evaluate()["val_acc"] == best


def test_a_trial_that_diverges_leaves_the_weights_of_the_others(trainer, tmp_path):
    class Late(Learner):
        def evaluate(self, part="val"):
            late = self.config["width"] == 8
            return {"val_acc": math.nan if late and self.epoch else 0.5 + 0.4 * late, "val_loss": 1.0}

    trial = trainer(folder=str(tmp_path), learner=Late)
    for name, width in (("before", 4), ("diverging", 8), ("after", 4)):
        outcome = trial.run({"width": width}, name)[-1]["outcome"]
        assert outcome == ("failed" if width == 8 else "finished")
    trial.begin(CONFIG, "next")
    kept = trial.estimator.incumbents.entries()
    assert [each.path.name for each in kept] == ["0.5@1@after.pt", "0.5@1@before.pt"]


def test_a_trial_that_a_rule_stopped_counts_when_the_next_one_begins(trainer, tmp_path):
    trial = trainer(folder=str(tmp_path))
    trial.begin(CONFIG, "stopped").train()
    assert [each.path.suffix for each in trial.estimator.incumbents.entries()] == [".open"]
    trial.begin(CONFIG, "next")
    assert [each.path.suffix for each in trial.estimator.incumbents.entries()] == [".pt"]


def test_two_actors_in_threads_do_not_disturb_the_folder(trainer, tmp_path):
    trials = [trainer(folder=str(tmp_path)) for _ in range(2)]
    for i, trial in enumerate(trials):
        trial.begin(CONFIG, f"trial-{i}")
    lock = threading.Lock()

    def train(trial):
        for _ in range(3):
            with lock:  # torch's global generators are of the process, and actors are processes
                trial.estimator.train()

    threads = [threading.Thread(target=train, args=(trial,)) for trial in trials]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert trials[0].estimator.incumbents.entries()
