"""Conformance of strategies: whatever becomes of a trial is survived and told right."""

# ruff: noqa: D102 - a test's name is its sentence

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from ray.tune.search import Searcher

from nas_ray.costs import Verdict
from nas_ray.spaces import Config, SearchSpace
from nas_ray.strategies import Observation, Strategy
from nas_ray.strategies.base import HOPELESS
from nas_ray.testing.awkward import awkward_space
from nas_ray.testing.driving import EPOCHS, METRIC, Live, drive, finish, listen, quality, start

FULL = {"training_iteration": EPOCHS}

# How a trial ends: (result, error), and what a strategy must hear: (outcome, score, fidelity, complete).
ENDINGS: dict[str, tuple[dict[str, Any] | None, bool, tuple[str, float | None, float, bool]]] = {
    "finished": ({METRIC: 0.5, **FULL}, False, ("finished", 0.5, EPOCHS, True)),
    "numpy_scalar": ({METRIC: np.float32(0.5), **FULL}, False, ("finished", 0.5, EPOCHS, True)),
    "stopped": ({METRIC: 0.9, "training_iteration": 1}, False, ("stopped", 0.9, 1, False)),
    "stopped_at_an_epoch_of_its_own": (
        {METRIC: 0.9, "epoch": 2, "max_epochs": 8, "training_iteration": 4},
        False,
        ("stopped", 0.9, 2, False),
    ),
    "error": (None, True, ("failed", None, 0, False)),
    "error_with_a_result": ({METRIC: 0.9, **FULL}, True, ("failed", None, EPOCHS, False)),
    "lost": (None, False, ("interrupted", None, 0, False)),
    "nan": ({METRIC: math.nan, **FULL}, False, ("failed", None, EPOCHS, False)),
    "infinite": ({METRIC: -math.inf, **FULL}, False, ("failed", None, EPOCHS, False)),
    "no_metric": (FULL, False, ("failed", None, EPOCHS, False)),
    "infeasible": ({"outcome": "infeasible", "reason": "constraint"}, False, ("infeasible", None, 0, False)),
    "out_of_memory": (
        {"outcome": "failed", "reason": "out_of_memory", METRIC: 0.9, "training_iteration": 1},
        False,
        ("failed", None, 1, False),
    ),
}


class EndingConformance:
    """Tests of ends and reports; see :class:`nas_ray.testing.strategies.StrategyConformance`."""

    def make(self, space: SearchSpace | None = None, **options: Any) -> Strategy:
        """Return a new strategy."""
        raise NotImplementedError

    @pytest.mark.parametrize("ending", ENDINGS)
    def test_an_end_is_told_as_it_was(self, ending: str) -> None:
        result, error, expected = ENDINGS[ending]
        strategy, live = self.make(awkward_space("mixed")), Live()
        heard = listen(strategy)
        (config,) = start(strategy, live)
        strategy.on_trial_complete(live[0][0], result, error)
        (observation,) = heard
        told = (observation.outcome, observation.score, observation.fidelity, observation.complete)
        assert told == expected
        assert observation.config == config
        assert len(drive(strategy, 5)) == 5

    @pytest.mark.parametrize("ending", ENDINGS)
    def test_nothing_but_such_ends_is_survived(self, ending: str) -> None:
        result, error, _ = ENDINGS[ending]
        strategy = self.make(awkward_space("mixed"))
        for number in range(30):
            live = Live()
            assert len(start(strategy, live)) == 1, f"no proposal after {number} trials that ended so"
            strategy.on_trial_complete(live[0][0], result, error)

    def test_where_no_network_keeps_the_limits_the_search_ends(self) -> None:
        """What workers find infeasible counts to no budget, and must not go on for ever."""
        strategy = self.make(awkward_space("mixed"))
        strategy.max_trials = 5
        for _ in range(HOPELESS):
            live = Live()
            assert len(start(strategy, live)) == 1
            strategy.on_trial_complete(live[0][0], {"outcome": "infeasible", "reason": "constraint"})
        assert strategy.suggest("one more") == Searcher.FINISHED

    def test_what_breaks_a_constraint_is_on_record_and_never_trained(self) -> None:
        """What a check beside the driver rejects is infeasible, with its costs, and counts to no budget."""
        strategy = self.make(awkward_space("mixed"))
        strategy.max_trials = 5
        strategy.constraints = _only_every_fourth
        configs = drive(strategy, 10)
        assert len(configs) == 5
        assert not any(_only_every_fourth(config).broken for config in configs)
        rejected = [each for each in strategy.memory.proposals if each.outcome == "infeasible"]
        assert rejected
        assert {(each.reason, each.error, each.costs["params"]) for each in rejected} == {
            ("constraint", "too large", 7)
        }

    def test_where_no_network_keeps_the_constraints_the_search_ends_at_once(self) -> None:
        strategy = self.make(awkward_space("mixed"))
        strategy.constraints = lambda config: Verdict({"params": "too large"})
        assert strategy.suggest("one") == Searcher.FINISHED
        assert len(strategy.memory) <= strategy.patience + HOPELESS

    def test_ends_in_any_mixture_are_survived(self) -> None:
        strategy, live = self.make(awkward_space("mixed")), Live()
        endings = list(ENDINGS.values())
        for number in range(100):
            start(strategy, live, 3 - len(live))
            trial_id, config = live.pop(number % len(live))
            if number % 2:
                finish(strategy, trial_id, config, quality)
            else:
                strategy.on_trial_complete(trial_id, *endings[number // 2 % len(endings)][:2])

    def test_a_retry_overwrites_what_was_reported_before(self) -> None:
        strategy, live = self.make(awkward_space("mixed")), Live()
        heard: list[Observation] = listen(strategy)
        start(strategy, live)
        for value in (0.1, 0.2):
            for epoch in (1, 2):
                strategy.on_trial_result(live[0][0], {METRIC: value * epoch, "training_iteration": epoch})
        strategy.on_trial_complete(live[0][0], {METRIC: 0.9, **FULL})
        assert heard[0].curve == ((1.0, 0.2), (2.0, 0.4), (4.0, 0.9))

    def test_reports_of_unknown_trials_are_ignored(self) -> None:
        strategy = self.make(awkward_space("mixed"))
        heard = listen(strategy)
        strategy.on_trial_result("nobody", {METRIC: 0.5, **FULL})
        strategy.on_trial_complete("nobody", {METRIC: 0.5, **FULL})
        assert heard == []

    def test_a_lost_network_may_come_again_and_a_failed_one_may_not(self) -> None:
        for error, again in ((False, True), (True, False)):
            strategy, live = self.make(awkward_space("mixed")), Live()
            (config,) = start(strategy, live)
            strategy.on_trial_complete(live[0][0], None, error)
            known = strategy.memory.known(awkward_space("mixed").config_id(config))
            assert known is not again

    def test_points_that_were_evaluated_elsewhere_are_learned_once_and_free(self) -> None:
        """Points told from outside are learned once and count to no budget."""
        space = awkward_space("mixed")
        strategy, heard = self.make(space), []
        strategy.max_trials = 5
        heard = listen(strategy)
        config = space.sample(strategy.generator(1))
        strategy.add_evaluated_point(config, 0.7)
        assert [(one.score, one.complete) for one in heard] == [(0.7, True)]
        strategy.add_evaluated_point(config, 0.7)
        assert [one.outcome for one in heard] == ["finished", "cached"]
        later = drive(strategy, 100)
        assert len(later) == 5
        assert config not in later


def _only_every_fourth(config: Config) -> Verdict:
    fits = quality(config) < 0.25
    return Verdict() if fits else Verdict({"params": "too large"}, {"params": 7})
