import subprocess
import sys
import threading

import numpy as np
import pytest
import torch

from nas_ray.estimation.weights import Incumbents, read, write


def offer_all(folder, trial, scores):
    """One worker; after each offer a file as good is there and whole, whoever wrote it."""
    kept = Incumbents(folder)
    for epoch, score in enumerate(scores, 1):
        kept.offer(score, epoch, trial, lambda score=score: {"score": score})
        best = kept.entries()[0]
        assert best.score >= score
        # A better one may come, and this one go or be settled, between the lines.
        assert read(best.path) == {"score": best.score} or not best.path.exists()
    kept.settle(trial)


def worker(folder, number):
    scores = np.random.default_rng(number).normal(size=40).round(2).tolist()
    offer_all(folder, f"trial-{number}", scores)


def check(folder, workers):
    scores = [np.random.default_rng(n).normal(size=40).round(2).max() for n in range(workers)]
    entries = Incumbents(folder).entries()
    assert {kept.score for kept in entries} == {max(scores)}
    assert [kept.trial for kept in entries] == [
        f"trial-{n}" for n in range(workers) if scores[n] == max(scores)
    ]
    assert torch.load(entries[0].path, weights_only=True) == {"score": max(scores)}
    assert len(list(folder.iterdir())) == len(entries), "no litter"


def test_threads_that_offer_at_once_leave_the_best(tmp_path):
    folder, errors = tmp_path / "not" / "there", []

    def guarded(number):
        try:
            worker(folder, number)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=guarded, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    check(folder, 8)


def test_processes_that_offer_at_once_leave_the_best(tmp_path):
    code = "import runpy, sys; runpy.run_path(sys.argv[1])['worker'](*map(eval, sys.argv[2:]))"
    folder = tmp_path / "incumbents"
    command = [sys.executable, "-c", code, __file__, f"__import__('pathlib').Path({str(folder)!r})"]
    processes = [subprocess.Popen([*command, str(number)]) for number in range(2)]
    assert [process.wait() for process in processes] == [0, 0]
    check(folder, 2)


@pytest.mark.parametrize("seed", range(5))
def test_one_after_another(tmp_path, seed):
    kept, best = Incumbents(tmp_path / "incumbents"), float("-inf")
    assert kept.entries() == []
    for step, score in enumerate(np.random.default_rng(seed).normal(scale=1e-5, size=30).tolist()):
        assert kept.offer(score, 1, f"t{step}", lambda step=step: {"step": step}) == (score >= best)
        kept.settle(f"t{step}")
        best = max(best, score)
        assert [entry.score for entry in kept.entries()] == [best]


def test_ties_are_kept_and_of_a_trials_equal_epochs_the_first(tmp_path):
    kept = Incumbents(tmp_path)
    for trial in ("b", "a"):
        assert kept.offer(-0.25, 1, trial, lambda trial=trial: {"first": trial})
    assert not kept.offer(-0.25, 2, "b", lambda: pytest.fail("of equal epochs the first counts"))
    assert [each.trial for each in kept.entries()] == ["a", "b"]
    assert kept.offer(-0.125, 2, "b", lambda: {})
    kept.settle("b")
    assert [each.path.name for each in kept.entries()] == ["-0.125@2@b.pt"]


def test_the_best_epoch_before_the_last_one_stays_until_the_trial_is_settled(tmp_path):
    kept = Incumbents(tmp_path)
    for epoch, score in enumerate((0.1, 0.2, 0.15, 0.3), 1):
        kept.offer(score, epoch, "a", lambda: {})
    assert [(each.score, each.epoch) for each in kept.entries()] == [(0.3, 4), (0.2, 2)]
    kept.settle("a")
    assert [each.epoch for each in kept.entries()] == [4]


def test_what_was_best_in_turn_since_the_last_reading_stays(tmp_path):
    kept = Incumbents(tmp_path)
    for epoch, score in enumerate((0.1, 0.2, 0.3), 1):
        kept.offer(score, epoch, "a", lambda: {}, read=epoch - 1)
    for epoch, score in ((4, 0.4), (5, 0.35), (6, 0.5)):
        kept.offer(score, epoch, "a", lambda: {}, read=3)
    assert [each.epoch for each in kept.entries()] == [6, 4, 3]
    kept.offer(0.6, 7, "a", lambda: {}, read=6)
    assert [each.epoch for each in kept.entries()] == [7, 6]


def test_the_record_of_the_run_decides_what_stays(tmp_path):
    kept = Incumbents(tmp_path)
    for trial in ("failed", "interrupted", "stopped"):
        for epoch in (1, 2):
            kept.offer(epoch / 10, epoch, trial, lambda: {})
    reported = {("failed", 1), ("failed", 2), ("interrupted", 1), ("stopped", 1)}
    kept.reconcile({name: name for name in ("failed", "interrupted", "stopped")}, reported)
    names = ["0.1@1@interrupted.open", "0.1@1@stopped.pt", "0.2@2@interrupted.open"]
    assert sorted(each.path.name for each in kept.entries()) == names


def test_a_trial_that_fails_takes_nobody_elses_weights_away(tmp_path):
    kept = Incumbents(tmp_path)
    assert kept.offer(0.5, 1, "good", lambda: {})
    assert kept.offer(0.9, 1, "failing", lambda: {})
    kept.settle("good")
    assert kept.offer(0.6, 1, "better", lambda: {}), "who leads may still fail"
    kept.withdraw("failing")
    kept.settle("better")
    assert [(each.score, each.trial) for each in kept.entries()] == [(0.6, "better")]


def test_a_loser_is_not_even_made(tmp_path):
    kept = Incumbents(tmp_path)
    kept.offer(1.0, 1, "a", lambda: {})
    kept.settle("a")
    assert not kept.offer(0.5, 1, "b", lambda: pytest.fail("made for nothing"))


@pytest.mark.parametrize("score", [float("nan"), float("inf"), float("-inf")])
def test_what_is_not_finite_is_not_kept(tmp_path, score):
    assert not Incumbents(tmp_path).offer(score, 1, "a", lambda: pytest.fail("made for nothing"))


def test_numpys_numbers_and_names_with_signs(tmp_path):
    kept = Incumbents(tmp_path)
    kept.offer(np.float64(-1e-7), 1, "a@b.c", lambda: {})
    assert [(each.score, each.trial) for each in kept.entries()] == [(-1e-7, "a@b.c")]


def test_foreign_files_are_left_alone(tmp_path):
    (tmp_path / "mine@home.pt").write_text("?")
    (tmp_path / "notes.txt").write_text("?")
    kept = Incumbents(tmp_path)
    kept.offer(0.5, 1, "a", lambda: {})
    assert len(kept.entries()) == 1
    assert len(list(tmp_path.iterdir())) == 3


def test_a_damaged_file_is_no_state(tmp_path):
    path = tmp_path / "state.pt"
    write(path, {"weights": torch.ones(1000)})
    assert torch.equal(read(path)["weights"], torch.ones(1000))
    path.write_bytes(path.read_bytes()[:500])
    assert read(path) is None
    path.write_bytes(b"")
    assert read(path) is None
    assert read(tmp_path / "missing.pt") is None
    torch.save([1, 2], path)
    assert read(path) is None
