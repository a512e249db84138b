"""What every strategy must keep, as tests that the author of a strategy inherits.

Write a subclass in a test file and run pytest::

    from nas_ray.testing.strategies import StrategyConformance

    class TestMyStrategy(StrategyConformance):
        strategy = MyStrategy
        options = {"population_size": 8}
"""

# ruff: noqa: D102 - a test's name is its sentence

from __future__ import annotations

import json
import pickle
import time
from collections import Counter
from pathlib import Path
from typing import Any, ClassVar

import pytest
from ray import cloudpickle, tune
from ray.tune.search import Searcher

from nas_ray.errors import ConfigError, InvalidConfig, RunError, Unsupported
from nas_ray.spaces import CustomSpace, SearchSpace
from nas_ray.strategies import Strategy
from nas_ray.testing.awkward import NAMES, MergedSpace, awkward_space
from nas_ray.testing.driving import EPOCHS, METRIC, Live, drive, quality, start, text
from nas_ray.testing.strategy_endings import EndingConformance
from nas_ray.testing.strategy_seeds import SeedConformance
from nas_ray.testing.strategy_tuner import TunerConformance


class StrategyConformance(EndingConformance, SeedConformance, TunerConformance):
    """Tests that hold for every strategy; a subclass says which class and which options."""

    strategy: ClassVar[type[Strategy]]
    """The class; other processes import it by its module and name."""
    seconds_per_proposal: ClassVar[float | None] = 0.05
    """Bound of the median processor time of a proposal; None for a strategy that is slow by nature."""

    def make(self, space: SearchSpace | None = None, **options: Any) -> Strategy:
        """Return a new strategy; ``options`` go before those of the class."""
        given = {
            "metric": METRIC,
            "mode": "max",
            "seed": 0,
            "max_fidelity": EPOCHS,
            **self.options,
            **options,
        }
        return self.strategy(space, **given)

    @pytest.mark.parametrize("name", NAMES)
    def test_proposals_are_plain_valid_members(self, name: str) -> None:
        space = awkward_space(name)
        for config in drive(self.make(space), 40, workers=2):
            assert space.check(config) == config
            assert space.violations(config) == []
            assert text([json.loads(json.dumps(config))]) == text([config])

    @pytest.mark.parametrize("name", ["mixed", "mixed_types", "single_values"])
    def test_the_space_may_come_from_tune(self, name: str) -> None:
        space, strategy = awkward_space(name), self.make(metric=None, mode=None)
        domains = {**space.param_space(), "constant": 7}
        if self.strategy.requires:  # a flat parameter space offers nothing
            with pytest.raises(Unsupported, match=r"needs a space that offers.*but 'tune' does not"):
                strategy.set_search_properties(METRIC, "max", domains)
            return
        assert strategy.set_search_properties(METRIC, "max", domains)
        assert (strategy.objective.metric, strategy.objective.mode) == (METRIC, "max")
        for config in drive(strategy, 15):
            assert space.check(config) == config

    def test_its_own_space_goes_before_that_of_tune(self) -> None:
        strategy = self.make(awkward_space("mixed"))
        assert strategy.set_search_properties(METRIC, "max", awkward_space("mixed").param_space())
        assert not strategy.set_search_properties(METRIC, "max", {"other": tune.randint(0, 3)})

    def test_without_a_space_the_error_says_so(self) -> None:
        with pytest.raises(ConfigError, match="must have a search space"):
            self.make().suggest("a")

    @pytest.mark.parametrize("name", ["mixed", "merged", "rules"])
    def test_no_network_is_trained_twice(self, name: str) -> None:
        space = awkward_space(name)
        count = 100 if name == "rules" else 200
        configs = drive(self.make(space), count, workers=3)
        assert len(configs) == count
        assert max(Counter(map(space.config_id, configs)).values()) == 1

    @pytest.mark.parametrize("workers", [1, 5])
    def test_a_small_space_is_trained_to_the_last_network(self, workers: int) -> None:
        space, live = MergedSpace(options=4), Live()
        strategy = self.make(space)
        configs = drive(strategy, 1000, workers=workers, live=live)
        networks = {space.config_id(config) for config in space.enumerate()}
        assert len(live) == workers - 1, "trials in flight do not delay the end"
        assert {space.config_id(config) for config in configs} == networks
        assert len(configs) == len(networks)
        assert strategy.suggest("one more") == Searcher.FINISHED

    def test_one_network_is_a_space(self) -> None:
        strategy = self.make(CustomSpace({"only": tune.choice(["conv"])}, absent={"only": "conv"}))
        assert drive(strategy, 5) == [{"only": "conv"}]

    def test_the_limit_of_concurrency_is_kept_and_used(self) -> None:
        strategy, live = self.make(awkward_space("mixed")), Live()
        assert strategy.set_max_concurrency(3) is True
        for _ in range(10):
            assert len(start(strategy, live, 5)) in (1, 3)
            assert len(live) == 3
            assert strategy.suggest("a fourth") is None
            strategy.on_trial_complete(live.pop(0)[0], {METRIC: 0.5, "training_iteration": EPOCHS})

    def test_max_trials_counts_what_begins_training(self) -> None:
        strategy, live = self.make(MergedSpace(options=5)), Live()
        strategy.max_trials = 7
        assert len(drive(strategy, 100, workers=2, live=live)) == 7
        for trial_id, _ in live:
            assert strategy.suggest("one more") in (None, Searcher.FINISHED)
            strategy.on_trial_complete(trial_id, {METRIC: 0.5, "training_iteration": EPOCHS})
        assert strategy.suggest("one more") == Searcher.FINISHED

    def test_what_a_worker_finds_infeasible_counts_to_no_budget(self) -> None:
        strategy, live = self.make(awkward_space("mixed")), Live()
        strategy.max_trials = 3
        assert len(start(strategy, live, 10)) == 3
        strategy.on_trial_complete(live[0][0], {"outcome": "infeasible", "reason": "constraint"})
        assert len(start(strategy, live, 10)) == 1

    def test_points_to_evaluate_come_first(self) -> None:
        space = awkward_space("mixed")
        points = [space.sample(self.make(space, seed=9).generator(number)) for number in range(3)]
        configs = drive(self.make(space, points_to_evaluate=points), 12, workers=2)
        assert text(configs[:3]) == text(points)

    def test_a_point_outside_the_space_is_refused(self) -> None:
        domains = {"width": tune.choice([8, 16])}
        with pytest.raises(InvalidConfig, match="width"):
            self.make(CustomSpace(domains, absent={}), points_to_evaluate=[{"width": 9}])
        waiting = self.make(points_to_evaluate=[{"depth": 9}])
        with pytest.raises(InvalidConfig, match="depth"):
            waiting.bind(CustomSpace(domains, absent={}))

    def test_min_is_max_of_the_negated_metric(self) -> None:
        up = drive(self.make(awkward_space("mixed")), 40, workers=2)
        down = self.make(awkward_space("mixed"), mode="min")
        assert text(drive(down, 40, workers=2, value=lambda config: -quality(config))) == text(up)

    @pytest.mark.parametrize("pickler", [pickle, cloudpickle])
    def test_pickled_before_or_after_the_start_it_is_the_same(self, pickler: Any) -> None:
        early = pickler.loads(pickler.dumps(self.make()))
        early.bind(awkward_space("mixed"))
        assert len(drive(early, 3)) == 3
        strategy, live = self.make(awkward_space("mixed")), Live()
        drive(strategy, 25, workers=2, live=live)
        copy = pickler.loads(pickler.dumps(strategy))
        assert text(drive(copy, 5, workers=2, live=list(live))) == text(
            drive(strategy, 5, workers=2, live=live)
        )

    def test_proposing_is_quick(self) -> None:
        """The median proposal takes less than ``seconds_per_proposal``, of all threads of the processor.

        The processor's time tells it also where tests run beside each other.
        """
        if self.seconds_per_proposal is None:
            pytest.skip("this strategy is slow by nature")
        strategy, seconds = self.make(awkward_space("mixed")), []
        for _ in range(200):
            live, begun = Live(), time.process_time()
            start(strategy, live)
            seconds.append(time.process_time() - begun)
            drive(strategy, 0, live=live)
            strategy.on_trial_complete(
                live[0][0], {METRIC: quality(live[0][1]), "training_iteration": EPOCHS}
            )
        assert sorted(seconds)[100] <= self.seconds_per_proposal

    def test_a_history_of_another_strategy_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "state.json").write_text(json.dumps({"version": 1, "strategy": "another"}))
        with pytest.raises(RunError, match="another"):
            self.make(awkward_space("mixed")).restore(str(tmp_path / "state.json"))
