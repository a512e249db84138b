"""Conformance of strategies: seeds, other processes, and state that is a function of the history."""

# ruff: noqa: D102 - a test's name is its sentence

from __future__ import annotations

import functools
import json
import multiprocessing
import random
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from nas_ray.plugins import load_object
from nas_ray.spaces import SearchSpace
from nas_ray.strategies import Strategy
from nas_ray.testing.awkward import awkward_space
from nas_ray.testing.driving import EPOCHS, METRIC, Live, drive, text

TRIALS = 30
"""More than a strategy draws at random before it learns."""

SPACES = ("mixed", "merged")
"""Spaces on which two processes are compared."""


class SeedConformance:
    """Tests of reproducibility; see :class:`nas_ray.testing.strategies.StrategyConformance`."""

    options: ClassVar[dict[str, Any]] = {}
    """Options of the class, plain JSON."""

    def make(self, space: SearchSpace | None = None, **options: Any) -> Strategy:
        """Return a new strategy."""
        raise NotImplementedError

    def test_the_same_seed_proposes_the_same_and_another_does_not(self) -> None:
        first, again, other = (
            text(drive(self.make(awkward_space("mixed"), seed=seed), TRIALS, workers=2)) for seed in (3, 3, 4)
        )
        assert first == again
        assert first != other

    def test_a_drawn_seed_can_be_read_and_used_again(self) -> None:
        drawn = self.make(awkward_space("mixed"), seed=None)
        assert drawn.seed != self.make(seed=None).seed
        again = self.make(awkward_space("mixed"), seed=drawn.seed)
        assert text(drive(again, TRIALS)) == text(drive(drawn, TRIALS))

    def test_the_same_in_another_process(self) -> None:
        """A seed gives the same proposals in another process, whatever its hash seed."""
        kind = type(self.make())
        options = {"metric": METRIC, "mode": "max", "seed": 5, "max_fidelity": EPOCHS, **self.options}
        there = _elsewhere().submit(_proposals, f"{kind.__module__}:{kind.__qualname__}", options, SPACES)
        here = [text(drive(self.make(awkward_space(name), seed=5), TRIALS, workers=2)) for name in SPACES]
        assert there.result() == here

    def test_global_generators_are_untouched(self) -> None:
        import torch

        before = random.getstate(), _numpy_state(), torch.get_rng_state()
        threads = torch.get_num_threads()
        drive(self.make(awkward_space("mixed")), TRIALS, workers=2)
        assert random.getstate() == before[0]
        assert _numpy_state() == before[1]
        assert torch.equal(torch.get_rng_state(), before[2])
        assert torch.get_num_threads() == threads

    @pytest.mark.parametrize("name", ["mixed", "mixed_types", "integers", "floats", "merged"])
    def test_restored_in_the_middle_it_goes_on_as_if_nothing_had_been(
        self, name: str, tmp_path: Path
    ) -> None:
        """Saved and restored in mid-run, it proposes what it would have proposed."""
        points = [awkward_space(name).sample(self.make(seed=8).generator(number)) for number in range(2)]
        strategy, live = self.make(awkward_space(name), points_to_evaluate=points), Live()
        drive(strategy, TRIALS, workers=3, live=live)
        strategy.on_trial_result(live[0][0], {METRIC: 0.5, "training_iteration": 1})
        strategy.save(str(tmp_path / "state.json"))
        json.loads((tmp_path / "state.json").read_text(), parse_constant=_refuse)
        copy = self.make(awkward_space(name), points_to_evaluate=points, seed=None)
        copy.restore(str(tmp_path / "state.json"))
        now = drive(copy, 8, workers=3, live=list(live))
        assert text(now) == text(drive(strategy, 8, workers=3, live=live))

    def test_replayed_it_proposes_what_it_would_have_and_first_what_was_running(self, tmp_path: Path) -> None:
        """Replayed, it hands out what was running, then what it would have proposed."""
        strategy, live = self.make(awkward_space("mixed")), Live()
        drive(strategy, TRIALS, workers=3, live=live)
        strategy.save(str(tmp_path / "state.json"))
        events = json.loads((tmp_path / "state.json").read_text())["events"]
        copies = [self.make(awkward_space("mixed")) for _ in range(2)]
        for copy in copies:
            copy.replay(events)
        following = text(drive(strategy, 1, workers=10))
        assert text(drive(copies[0], 1, workers=10)) == following
        running = [proposal.config for proposal in copies[1].resume()]
        assert text(running) == text([config for _, config in live])
        assert text(drive(copies[1], 4, workers=10)) == text(running)[:-1] + ", " + following[1:]

    def test_a_candidate_that_is_not_adopted_leaves_no_trace(self) -> None:
        strategy, plain = (self.make(awkward_space("mixed")) for _ in range(2))
        drive(strategy, TRIALS)
        drive(plain, TRIALS)
        strategy.propose(strategy.generator(10_000))
        assert text(drive(strategy, 5, workers=10)) == text(drive(plain, 5, workers=10))


def _numpy_state() -> str:
    return str(np.random.get_state(legacy=False))  # noqa: NPY002 - the global one is the point


def _refuse(constant: str) -> None:
    raise AssertionError(f"{constant} is no JSON")


@functools.cache
def _elsewhere() -> ProcessPoolExecutor:
    """Return a process with a hash seed of its own; it is started once, as its imports take seconds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONHASHSEED", "4242")
        pool = ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn"))
        assert pool.submit(hash, "text").result() != hash("text")
    return pool


def _proposals(path: str, options: dict[str, Any], spaces: Sequence[str]) -> list[str]:
    kind = load_object(path)
    return [text(drive(kind(awkward_space(name), **options), TRIALS, workers=2)) for name in spaces]
