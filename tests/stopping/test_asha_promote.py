"""``asha-promote`` against a literal transcription of its paper."""

import numpy as np
import pytest

from nas_ray.stopping.asha_promote import ASHAPromote

RUNGS = 3
"""Rungs before the full training."""


class Paper:
    """Algorithm 2 of Li et al. 2020: rungs of (loss, trial), and which were promoted."""

    def __init__(self, eta: int) -> None:
        self.eta, self.created = eta, 0
        self.rungs = [[] for _ in range(RUNGS)]
        self.promoted = [set() for _ in range(RUNGS)]

    def get_job(self):
        for k in reversed(range(RUNGS)):
            best = sorted(self.rungs[k], key=lambda entry: entry[0])  # stable: ties in the order of arrival
            candidates = best[: len(self.rungs[k]) // self.eta]
            promotable = [trial for _, trial in candidates if trial not in self.promoted[k]]
            if promotable:
                self.promoted[k].add(promotable[0])
                return promotable[0], k + 1
        self.created += 1
        return self.created - 1, 0


class Ours:
    """The same questions, put to the rule."""

    def __init__(self, eta: int) -> None:
        self.rule = ASHAPromote("loss", "min", reduction_factor=eta)
        self.rule.max_fidelity = eta**RUNGS
        self.created, self.at = 0, {}

    def get_job(self, went_on: str | None = None):
        name = went_on or self.rule.due()
        if name is None:
            name = str(self.created)
            self.created += 1
        else:
            self.at[name] += 1
        self.rule.resumed(name)
        self.at.setdefault(name, 0)
        return int(name), self.at[name]

    def report(self, trial: int, rung: int, loss: float) -> str | None:
        decision = self.rule.judge(str(trial), self.rule.ladder.reduction_factor**rung, -loss)
        return str(trial) if decision == "continue" else None


@pytest.mark.parametrize("block", range(10))
def test_promotions_are_those_of_the_paper(block):
    """1,000 random orders of arrival on 1 to 5 workers, with ties, kills and η of 2, 3 and 4."""
    for seed in range(100 * block, 100 * block + 100):
        rng = np.random.default_rng(seed)
        eta, workers = int(rng.integers(2, 5)), int(rng.integers(1, 6))
        paper, ours = Paper(eta), Ours(eta)
        running = []
        for _ in range(workers):
            job = paper.get_job()
            assert ours.get_job() == job
            running.append(job)
        for _ in range(60):
            trial, rung = running.pop(int(rng.integers(len(running))))
            went_on = None
            if rung == RUNGS or rng.random() < 0.1:  # trained to the end, or killed
                ours.rule.ended(str(trial))
            else:
                loss = float(rng.integers(0, 8))  # few values: many ties
                paper.rungs[rung].append((loss, trial))
                went_on = ours.report(trial, rung, loss)
            job = paper.get_job()
            assert ours.get_job(went_on) == job, seed
            running.append(job)


def test_nobody_goes_on_before_there_are_enough_to_compare():
    rule = ASHAPromote("acc", "max")
    assert [rule.judge(name, 1, score) for name, score in (("a", 0.5), ("b", 0.7))] == ["pause", "pause"]
    assert rule.judge("c", 1, 0.1) == "pause"
    assert rule.due() == "b"


def test_the_best_goes_on_without_a_pause():
    rule = ASHAPromote("acc", "max")
    for name in "ab":
        rule.judge(name, 1, 0.5)
    assert rule.judge("c", 1, 0.9) == "continue"
    assert rule.due() is None
