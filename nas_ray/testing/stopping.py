"""What every stopping rule must keep, as tests that the author of a rule inherits.

Write a subclass in a test file and run pytest::

    from nas_ray.testing.stopping import StoppingConformance

    class TestMyRule(StoppingConformance):
        def make(self, **properties):
            return MyRule(patience=2, **properties)

The tests with a Tuner use Ray as they find it, and start it where it does not run.
"""

# ruff: noqa: D102 - a test's name is its sentence

from __future__ import annotations

import math
import os
import pickle
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import ray
from ray import tune
from ray.tune.schedulers import TrialScheduler

from nas_ray.errors import ConfigError, RunError
from nas_ray.stopping import PausingRule, StoppingRule

TRIALS, EPOCHS, CONCURRENT = 12, 9, 2
Told = tuple[str, int, float]
"""(trial, epoch, accuracy)."""


def decision_on(rule: StoppingRule, trial: str, result: dict[str, Any], name: str | None = None) -> str:
    """Report to a rule as Tune does; return its decision in Tune's words.

    Args:
        rule: Has its metric and mode.
        trial: Tune's id of the trial.
        result: The report.
        name: The trial's own name, where somebody gave it one.
    """
    decision = rule.on_trial_result(None, SimpleNamespace(trial_id=trial, custom_trial_name=name), result)
    assert decision in (TrialScheduler.CONTINUE, TrialScheduler.STOP, TrialScheduler.PAUSE)
    return str(decision)


def tell(rule: StoppingRule, trial: str, result: dict[str, Any], name: str | None = None) -> bool:
    """Report as :func:`decision_on` does; return whether the trial goes on, at once or later."""
    return bool(decision_on(rule, trial, result, name) != TrialScheduler.STOP)


def stream(seed: int = 0, trials: int = 40, epochs: int = EPOCHS) -> list[Told]:
    """Return the reports of many trials in a random order, each trial's own in the order of its epochs."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(np.repeat(np.arange(trials), epochs))
    best, seen = rng.uniform(0.3, 1.0, trials), np.zeros(trials, dtype=int)
    told: list[Told] = []
    for trial in order:
        seen[trial] += 1
        told.append((f"trial-{trial}", int(seen[trial]), float(best[trial] * (1 - 0.6 ** seen[trial]))))
    return told


def run(rule: StoppingRule, told: list[Told], sign: int = 1) -> dict[str, int]:
    """Report a stream, but nothing of a trial that was stopped; return the epochs each trial got."""
    reached: dict[str, int] = {}
    stopped: set[str] = set()
    for trial, epoch, value in told:
        if trial not in stopped:
            reached[trial] = epoch
            if not tell(rule, trial, {"acc": sign * value, "epoch": epoch}):
                stopped.add(trial)
    return reached


class Curves(tune.Trainable):  # type: ignore[misc]  # Ray ships no types for Trainable
    """A training that costs nothing; the trial with the number 3 diverges in its second epoch."""

    def setup(self, config: dict[str, Any]) -> None:
        """Take the first configuration, and wait for the other actor: Tune would replace it otherwise."""
        self.number, folder = config["number"], Path(config["folder"])
        (folder / f"actor-{os.getpid()}").touch()
        until = time.monotonic() + 20
        while len(list(folder.glob("actor-*"))) < CONCURRENT and time.monotonic() < until:
            time.sleep(0.02)

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Take the next configuration."""
        self.number = new_config["number"]
        return True

    def save_checkpoint(self, checkpoint_dir: str) -> None:
        """Keep nothing: Tune itself remembers the number of the step; called where a rule pauses."""

    def load_checkpoint(self, checkpoint: Any) -> None:
        """Go on."""

    def step(self) -> dict[str, Any]:
        """Return the next point of the curve."""
        epoch = self.iteration + 1
        value = (self.number + 1) / TRIALS * (1 - 0.6**epoch)
        value = math.nan if self.number == 3 and epoch > 1 else value
        return {"acc": value, "done": epoch >= EPOCHS}


class StoppingConformance:
    """Tests that hold for every stopping rule; a subclass says which rule."""

    def make(self, **properties: Any) -> StoppingRule:
        """Return a new rule.

        Args:
            properties: ``metric`` and ``mode`` for its constructor, or nothing.
        """
        raise NotImplementedError

    @pytest.fixture
    def rule(self) -> StoppingRule:
        return self.make(metric="acc", mode="max")

    @pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, None, np.float32("nan"), "high"])
    def test_a_diverged_trial_is_ended(self, rule: StoppingRule, value: Any) -> None:
        assert tell(rule, "a", {"acc": 0.5, "epoch": 1})
        assert not tell(rule, "b", {"acc": value, "epoch": 1})
        assert not tell(rule, "c", {"epoch": 1}), "a missing metric"

    @pytest.mark.parametrize("value", [1, 0.5, np.float32(0.5), np.float64(0.5), np.array(0.5)])
    def test_numbers_of_all_kinds_are_metrics(self, rule: StoppingRule, value: Any) -> None:
        assert tell(rule, "a", {"acc": value, "epoch": 1})

    def test_it_acts_at_no_epoch_where_it_says_it_does_not(self, rule: StoppingRule) -> None:
        """Epochs after which :meth:`StoppingRule.acts_at` is False are trained before the rule is asked."""
        rule.max_fidelity, gone = 30, set()
        for trial, epoch, value in stream(trials=60, epochs=30):
            if trial not in gone:
                decision = decision_on(rule, trial, {"acc": value, "epoch": epoch})
                if decision != TrialScheduler.CONTINUE:
                    gone.add(trial)
                    assert rule.acts_at(epoch), f"{trial} must go on after epoch {epoch}, but {decision}"

    def test_divergence_leaves_no_trace(self, rule: StoppingRule) -> None:
        for trial in "abcdefgh":
            tell(rule, trial, {"acc": math.nan, "epoch": 1})
            rule.on_trial_complete(None, SimpleNamespace(trial_id=trial, custom_trial_name=None), {})
        assert run(rule, stream()) == run(self.make(metric="acc", mode="max"), stream())

    def test_the_best_so_far_goes_on(self, rule: StoppingRule) -> None:
        assert all(tell(rule, str(i), {"acc": i / 100, "epoch": 1}) for i in range(20))

    def test_smaller_is_better_where_the_mode_says_so(self, rule: StoppingRule) -> None:
        assert run(self.make(metric="acc", mode="min"), stream(), sign=-1) == run(rule, stream())

    def test_the_tuner_may_give_metric_and_mode(self, rule: StoppingRule) -> None:
        told = self.make()
        assert told.set_search_properties("acc", "max")
        assert told.metric == "acc"
        assert run(told, stream()) == run(rule, stream())

    def test_contradictions_of_the_tuner_are_refused(self, rule: StoppingRule) -> None:
        assert rule.set_search_properties(None, None)
        assert rule.set_search_properties("acc", "max")
        assert not rule.set_search_properties("loss", "max")
        assert not rule.set_search_properties("acc", "min")
        assert rule.metric == "acc"

    def test_a_rule_without_a_metric_is_refused(self) -> None:
        with pytest.raises(ConfigError, match="needs a metric and a mode"):
            self.make().set_search_properties(None, None)
        with pytest.raises(ConfigError, match="'min' or 'max'"):
            self.make(metric="acc", mode="up")

    @pytest.mark.parametrize("seed", range(3))
    def test_saved_and_replayed_rules_decide_alike(
        self, rule: StoppingRule, seed: int, tmp_path: Path
    ) -> None:
        told = stream(seed)
        run(rule, told[:150])
        rule.save(str(tmp_path / "rule.json"))
        restored = self.make(metric="acc", mode="max")
        restored.restore(str(tmp_path / "rule.json"))
        pickled = pickle.loads(pickle.dumps(rule))  # noqa: S301 - our own bytes
        rest = run(rule, told[150:])
        assert run(restored, told[150:]) == rest
        assert run(pickled, told[150:]) == rest

    def test_reports_of_a_ledger_rebuild_the_rule(self, rule: StoppingRule) -> None:
        told, replayed = stream(), self.make(metric="acc", mode="max")
        reached = run(rule, told[:150])
        seen = [(trial, float(epoch), value) for trial, epoch, value in told[:150] if epoch <= reached[trial]]
        replayed.replay(seen)
        assert run(replayed, told[150:]) == run(rule, told[150:])

    def test_trials_that_are_over_do_not_go_on_in_a_new_attempt(self, tmp_path: Path) -> None:
        """Nor does one that waits for them keep the others from their end."""
        told, past = stream(), self.make(metric="acc", mode="max")
        reached = run(past, told[:150])
        seen = [(trial, float(epoch), value) for trial, epoch, value in told[:150] if epoch <= reached[trial]]
        replayed, restored = self.make(metric="acc", mode="max"), self.make(metric="acc", mode="max")
        replayed.replay(seen, over=reached)
        replayed.save(str(tmp_path / "rule.json"))
        restored.restore(str(tmp_path / "rule.json"))
        for rule in (replayed, restored):
            assert rule.over.keys() == reached.keys()
            if isinstance(rule, PausingRule):
                assert (rule.due(), rule.choose(), rule.given_up()) == (None, None, [])
            for trial, epoch, value in stream(seed=1):
                tell(rule, f"new-{trial}", {"acc": value, "epoch": epoch})
                assert not isinstance(rule, PausingRule) or (rule.due() or "new").startswith("new")

    def test_a_foreign_file_is_refused(self, rule: StoppingRule, tmp_path: Path) -> None:
        (tmp_path / "rule.json").write_text('{"version": 1, "rule": "another", "reports": []}')
        with pytest.raises(RunError, match="must hold version 1"):
            rule.restore(str(tmp_path / "rule.json"))

    def test_a_report_that_comes_again_counts_once(self, rule: StoppingRule) -> None:
        twice = self.make(metric="acc", mode="max")
        for trial, epoch, value in stream():
            first = tell(twice, trial, {"acc": value, "epoch": epoch})
            assert tell(twice, trial, {"acc": value, "epoch": epoch}) == first
            twice.on_trial_complete(
                None, SimpleNamespace(trial_id=trial, custom_trial_name=None), {"acc": value, "epoch": epoch}
            )
            assert first == tell(rule, trial, {"acc": value, "epoch": epoch})

    def test_a_trial_keeps_its_name_over_the_attempts_of_a_run(self, rule: StoppingRule) -> None:
        resumed = self.make(metric="acc", mode="max")
        for trial, epoch, value in stream():
            result = {"acc": value, "epoch": epoch}
            first = tell(rule, trial, result, name=trial)
            assert tell(resumed, f"first-{trial}", result, name=trial) == first
            assert tell(resumed, f"second-{trial}", result, name=trial) == first

    @pytest.fixture
    def cluster(self) -> Iterator[None]:
        if started := not ray.is_initialized():
            ray.init("local", num_cpus=2, include_dashboard=False, log_to_driver=False)
        yield
        if started:
            ray.shutdown()

    @pytest.mark.usefixtures("cluster")
    def test_it_works_in_a_tuner_of_ones_own(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """The rule schedules the trials of a ``tune.Tuner`` written by hand."""
        monkeypatch.setenv("TUNE_DISABLE_AUTO_CALLBACK_LOGGERS", "1")
        config = tune.TuneConfig(
            metric="acc",
            mode="max",
            scheduler=self.make(),
            max_concurrent_trials=CONCURRENT,
            reuse_actors=True,
        )
        space = {"number": tune.grid_search(list(range(TRIALS))), "folder": str(tmp_path)}
        run_config = tune.RunConfig(
            storage_path=str(tmp_path),
            verbose=0,
            checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
        )
        results = tune.Tuner(Curves, param_space=space, tune_config=config, run_config=run_config).fit()
        epochs = {end.config["number"]: end.metrics["training_iteration"] for end in results}
        assert len(epochs) == TRIALS
        assert not results.errors
        assert epochs[3] <= 2, "the diverged trial was ended"
        assert epochs[TRIALS - 1] == EPOCHS, "the best trial came to its end"
