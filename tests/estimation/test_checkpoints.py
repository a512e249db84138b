import pytest
import torch

from nas_ray.estimation import Estimation
from nas_ray.estimation.estimator import CHECKPOINT

CONFIG = {"width": 4}
SETTINGS = Estimation(max_epochs=5, checkpoint_seconds=0)


@pytest.fixture
def whole(trainer, metrics):
    """The reports of a trial that nothing interrupted."""
    return metrics(trainer(settings=SETTINGS).run(CONFIG))


@pytest.fixture
def rest(metrics):
    def train(estimator):
        results = []
        while not results or not results[-1]["done"]:
            results.append(estimator.train())
        return metrics(results)

    return train


def test_tunes_checkpoint_continues_to_the_last_bit(trainer, whole, rest, tmp_path):
    first = trainer(settings=SETTINGS).begin(CONFIG)
    for _ in range(2):
        first.train()
    first.save(str(tmp_path / "saved"))
    second = trainer(settings=SETTINGS).begin(CONFIG, "another")
    second.restore(str(tmp_path / "saved"))
    second.save(str(tmp_path / "again"))
    assert rest(second) == whole[2:]
    third = trainer(settings=SETTINGS).begin(CONFIG, "third")
    third.restore(str(tmp_path / "again"))
    assert rest(third) == whole[2:], "saved before its first step"


def test_the_schedule_goes_on_where_it_was(trainer, tmp_path):
    first = trainer(settings=SETTINGS).begin(CONFIG)
    first.train()
    first.save(str(tmp_path / "saved"))
    second = trainer(settings=SETTINGS).begin(CONFIG)
    second.restore(str(tmp_path / "saved"))
    for estimator in (first, second):
        estimator.train()
    rates = [estimator.learner.optimizer.param_groups[0]["lr"] for estimator in (first, second)]
    assert rates[0] == rates[1] < SETTINGS.learning_rate
    assert first.learner.schedule.taken == second.learner.schedule.taken


def killed(trainer, tmp_path, epochs):
    """Train as an actor that is killed in its next epoch."""
    dead = trainer(settings=SETTINGS, folder=str(tmp_path)).begin(CONFIG, "trial-1")
    for _ in range(epochs + 1):
        dead.train()
    return dead


def test_a_trial_whose_actor_died_continues_to_the_last_bit(trainer, whole, rest, tmp_path):
    killed(trainer, tmp_path, 2)
    trial = trainer(settings=SETTINGS, folder=str(tmp_path))
    again = trial.begin(CONFIG, "trial-1")
    assert rest(again) == whole[2:], "an epoch that may not be reported is trained again"
    trial.begin(CONFIG, "next")
    assert list((tmp_path / "checkpoints").iterdir()) == []


def test_another_trial_starts_from_nothing(trainer, whole, rest, tmp_path):
    killed(trainer, tmp_path, 1)
    other = trainer(settings=SETTINGS, folder=str(tmp_path)).begin(CONFIG, "trial-2")
    assert rest(other) == whole


@pytest.mark.parametrize("damage", ["torn", "empty", "foreign", "other network"])
def test_a_damaged_checkpoint_starts_the_trial_over(trainer, whole, rest, tmp_path, damage):
    dead = killed(trainer, tmp_path, 1)
    dead.save(str(tmp_path / "saved"))
    for path in (tmp_path / "checkpoints" / "trial-1.pt", tmp_path / "saved" / CHECKPOINT):
        if damage == "other network":
            state = torch.load(path, weights_only=True)
            state["model"]["6.weight"] = torch.zeros(3, 3)
            torch.save(state, path)
        elif damage == "foreign":
            torch.save({"epoch": 3, "something": "else"}, path)
        else:
            path.write_bytes(path.read_bytes()[:1000] if damage == "torn" else b"")
    again = trainer(settings=SETTINGS, folder=str(tmp_path)).begin(CONFIG, "trial-1")
    again.restore(str(tmp_path / "saved"))
    assert rest(again) == whole


def test_checkpoints_are_written_as_often_as_asked(trainer, tmp_path):
    never = trainer(settings=Estimation(checkpoint_seconds=1e9), folder=str(tmp_path)).begin(CONFIG)
    never.train()
    assert not (tmp_path / "checkpoints").exists()


@pytest.mark.parametrize(("trained", "recorded"), [(3, 3), (3, 2), (5, 4), (1, 0)])
def test_of_an_interrupted_trial_no_epoch_is_missing_and_none_doubled(
    trainer, whole, rest, tmp_path, trained, recorded
):
    settings = SETTINGS.model_copy(update={"checkpoint_seconds": 1e9})
    interrupted = trainer(settings=settings, folder=str(tmp_path)).begin(CONFIG, "trial-1")
    for _ in range(trained):
        interrupted.train()
    interrupted.stop()
    again = trainer(settings=settings, folder=str(tmp_path), recorded={"trial-1": recorded})
    assert rest(again.begin(CONFIG, "trial-1")) == whole[recorded:]


@pytest.mark.parametrize(("read", "recorded"), [(0, 0), (0, 2), (2, 2), (2, 3), (2, 4)])
def test_of_several_epochs_that_were_told_together_none_is_missing_and_none_doubled(
    trainer, whole, rest, tmp_path, read, recorded
):
    settings = SETTINGS.model_copy(update={"checkpoint_seconds": 1e9})
    trial = trainer(settings=settings, folder=str(tmp_path))
    interrupted = trial.begin(CONFIG, "trial-1")
    for epoch in range(4):
        interrupted.read_up = epoch <= read
        interrupted.train()
    interrupted.stop()
    for _ in range(2):  # the second attempt is interrupted among the reports that it hands on
        again = trainer(settings=settings, folder=str(tmp_path), recorded={"trial-1": recorded})
        again.begin(CONFIG, "trial-1").train()
        again.estimator.stop()
    again = trainer(settings=settings, folder=str(tmp_path), recorded={"trial-1": recorded})
    assert rest(again.begin(CONFIG, "trial-1")) == whole[recorded:]


def test_a_trial_may_be_interrupted_again_before_it_trains(trainer, whole, rest, tmp_path):
    for told in range(2):
        trial = trainer(settings=SETTINGS, folder=str(tmp_path), recorded={"trial-1": told})
        trial.begin(CONFIG, "trial-1").train()
        trial.estimator.stop()
    trial = trainer(settings=SETTINGS, folder=str(tmp_path), recorded={"trial-1": 1})
    assert rest(trial.begin(CONFIG, "trial-1")) == whole[1:]


@pytest.mark.parametrize("end", ["finished", "stopped", "diverged"])
def test_the_checkpoint_of_a_trial_that_ended_is_removed_when_the_next_begins(trainer, tmp_path, end):
    rate = 1e30 if end == "diverged" else 1e-3
    settings = SETTINGS.model_copy(update={"learning_rate": rate, "optimizer": "sgd"})
    trial = trainer(settings=settings, folder=str(tmp_path))
    if end == "stopped":
        trial.begin(CONFIG).train()
    else:
        trial.run(CONFIG)
    trial.begin(CONFIG, "next")
    trial.estimator.stop()
    assert list((tmp_path / "checkpoints").glob("*")) == []


def test_without_a_folder_nothing_is_written(trainer, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    trial = trainer(settings=SETTINGS)
    trial.run(CONFIG)
    trial.estimator.stop()
    assert not list(tmp_path.rglob("*.pt"))
