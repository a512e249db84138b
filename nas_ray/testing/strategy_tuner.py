"""Conformance of strategies: at work in somebody's own ``tune.Tuner``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
import ray
from ray import tune

from nas_ray.spaces import SearchSpace
from nas_ray.strategies import Strategy
from nas_ray.testing.awkward import awkward_space
from nas_ray.testing.driving import EPOCHS, METRIC, quality

TRIALS = 8


class _Trivial(tune.Trainable):  # type: ignore[misc]  # Ray ships no types
    def setup(self, config: dict[str, Any]) -> None:
        self.value = quality({key: value for key, value in config.items() if key != "constant"})

    def step(self) -> dict[str, Any]:
        return {METRIC: self.value * (self.iteration + 1) / EPOCHS, "done": self.iteration + 1 >= EPOCHS}

    def save_checkpoint(self, checkpoint_dir: str) -> dict[str, Any]:
        return {}

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        self.setup(new_config)
        return True


class TunerConformance:
    """Tests in real Ray; see :class:`nas_ray.testing.strategies.StrategyConformance`."""

    strategy: ClassVar[type[Strategy]]

    def make(self, space: SearchSpace | None = None, **options: Any) -> Strategy:
        """Return a new strategy."""
        raise NotImplementedError

    @pytest.fixture
    def ray_for_tuner(self) -> Iterator[None]:
        """Ray, started here unless it runs already."""
        started = not ray.is_initialized()
        if started:
            ray.init("local", num_cpus=2, include_dashboard=False, log_to_driver=False)
        yield
        if started:
            ray.shutdown()

    def test_it_works_in_a_tuner_written_by_hand(
        self, ray_for_tuner: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It drives the trials of a ``tune.Tuner`` written by hand."""
        if self.strategy.requires:
            pytest.skip("a Tuner's own flat parameter space offers nothing")
        monkeypatch.setenv("TUNE_DISABLE_AUTO_CALLBACK_LOGGERS", "1")
        space = awkward_space("mixed")
        tuner = tune.Tuner(
            # One at a time, as to start another process is most of the time.
            tune.with_resources(_Trivial, {"CPU": ray.cluster_resources()["CPU"]}),
            param_space={**space.param_space(), "constant": 7},
            tune_config=tune.TuneConfig(
                metric=METRIC,
                mode="max",
                search_alg=self.make(metric=None, mode=None),
                num_samples=TRIALS,
                max_concurrent_trials=2,
                reuse_actors=True,
            ),
            run_config=tune.RunConfig(
                storage_path=str(tmp_path),
                verbose=0,
                checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
            ),
        )
        results = tuner.fit()
        assert len(results) == TRIALS
        assert results.num_errors == 0
        for result in results:
            config = {key: value for key, value in result.config.items() if key != "constant"}
            assert result.config["constant"] == 7
            assert space.check(config) == config
            assert result.metrics["training_iteration"] == EPOCHS
