"""The Estimator in a Tuner written by hand."""

import os
import time

import pytest
from ray import tune

from nas_ray.estimation import Estimation, Estimator
from nas_ray.stopping.asha import ASHA

TRIALS = 6


class Paired(Estimator):
    """Reports nothing before both actors are there: Tune would replace the one that starts later."""

    def step(self):
        result = super().step()
        folder = self.checkpoints.parent
        (folder / f"actor-{os.getpid()}").touch()
        until = time.monotonic() + 30
        while len(list(folder.glob("actor-*"))) < 2 and time.monotonic() < until:
            time.sleep(0.02)
        return result


@pytest.mark.usefixtures("local_ray")
def test_two_actors_train_all_trials(space, small, tmp_path, monkeypatch):
    monkeypatch.setenv("TUNE_DISABLE_AUTO_CALLBACK_LOGGERS", "1")
    trainable = tune.with_parameters(
        Paired,
        space=space,
        task=small.task(),
        data=small,
        settings=Estimation(max_epochs=3, checkpoint_seconds=0),
        folder=str(tmp_path),
    )
    rates = tune.grid_search([0.001 * (i + 1) for i in range(TRIALS - 1)] + [1e30])
    tuner = tune.Tuner(
        trainable,
        param_space={**space.param_space(), "train.learning_rate": rates, "train.optimizer": "sgd"},
        tune_config=tune.TuneConfig(
            metric="val_acc",
            mode="max",
            scheduler=ASHA(),
            max_concurrent_trials=2,
            reuse_actors=True,
        ),
        run_config=tune.RunConfig(storage_path=str(tmp_path / "ray"), verbose=0),
    )
    ends = [end.metrics for end in tuner.fit()]
    assert len(ends) == TRIALS
    pids = {end["pid"] for end in ends}
    assert len(pids) == 2
    assert os.getpid() not in pids
    outcomes = [end["outcome"] for end in ends]
    assert outcomes.count("failed") == 1, "a diverged trial ends as a result, and not as an error of Ray's"
    assert outcomes.count("finished") >= 1
    assert any(end["epoch"] == 3 for end in ends)
    assert list((tmp_path / "incumbents").iterdir())
