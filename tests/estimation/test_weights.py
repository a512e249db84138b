import subprocess
import sys
import threading

import numpy as np
import pytest
import torch

from nas_ray.estimation.weights import Incumbents, read, trial_of, write


def offer_all(folder, trial, scores):
    """One worker; after each offer a file as good is there and whole, whoever wrote it."""
    kept = Incumbents(folder)
    for score in scores:
        kept.offer(score, trial, lambda score=score: {"score": score})
        best, path = kept.entries()[0]
        assert best >= score
        # A better one may come, and this one go or be settled, between the lines.
        assert read(path) == {"score": best} or not path.exists()
    kept.settle(trial)


def worker(folder, number):
    scores = np.random.default_rng(number).normal(size=40).round(2).tolist()
    offer_all(folder, f"trial-{number}", scores)


def check(folder, workers):
    scores = [np.random.default_rng(n).normal(size=40).round(2).max() for n in range(workers)]
    entries = Incumbents(folder).entries()
    assert {score for score, _ in entries} == {max(scores)}
    assert [trial_of(path) for _, path in entries] == [
        f"trial-{n}" for n in range(workers) if scores[n] == max(scores)
    ]
    assert torch.load(entries[0][1], weights_only=True) == {"score": max(scores)}
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
        assert kept.offer(score, f"t{step}", lambda step=step: {"step": step}) == (score >= best)
        kept.settle(f"t{step}")
        best = max(best, score)
        assert [entry[0] for entry in kept.entries()] == [best]


def test_ties_are_kept_and_a_trial_has_one_file_for_a_score(tmp_path):
    kept = Incumbents(tmp_path)
    for trial in ("b", "a"):
        assert kept.offer(-0.25, trial, lambda trial=trial: {"first": trial})
    assert not kept.offer(-0.25, "b", lambda: pytest.fail("of equal epochs the first counts"))
    assert [trial_of(path) for _, path in kept.entries()] == ["a", "b"]
    assert kept.offer(-0.125, "b", lambda: {})
    assert [(score, trial_of(path)) for score, path in kept.entries()] == [(-0.125, "b"), (-0.25, "a")]
    kept.settle("b")
    assert [(score, path.name) for score, path in kept.entries()] == [(-0.125, "-0.125@b.pt")]


def test_a_trial_that_fails_takes_nobody_elses_weights_away(tmp_path):
    kept = Incumbents(tmp_path)
    assert kept.offer(0.5, "good", lambda: {})
    assert kept.offer(0.9, "failing", lambda: {})
    kept.settle("good")
    assert kept.offer(0.6, "better", lambda: {}), "who leads may still fail"
    kept.withdraw("failing")
    kept.settle("better")
    assert [(score, trial_of(path)) for score, path in kept.entries()] == [(0.6, "better")]


def test_a_loser_is_not_even_made(tmp_path):
    kept = Incumbents(tmp_path)
    kept.offer(1.0, "a", lambda: {})
    kept.settle("a")
    assert not kept.offer(0.5, "b", lambda: pytest.fail("made for nothing"))


@pytest.mark.parametrize("score", [float("nan"), float("inf"), float("-inf")])
def test_what_is_not_finite_is_not_kept(tmp_path, score):
    assert not Incumbents(tmp_path).offer(score, "a", lambda: pytest.fail("made for nothing"))


def test_numpys_numbers_and_names_with_signs(tmp_path):
    kept = Incumbents(tmp_path)
    kept.offer(np.float64(-1e-7), "a@b.c", lambda: {})
    assert [(score, trial_of(path)) for score, path in kept.entries()] == [(-1e-7, "a@b.c")]


def test_foreign_files_are_left_alone(tmp_path):
    (tmp_path / "mine@home.pt").write_text("?")
    (tmp_path / "notes.txt").write_text("?")
    kept = Incumbents(tmp_path)
    kept.offer(0.5, "a", lambda: {})
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
