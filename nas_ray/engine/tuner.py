"""The Tuner of a run: Ray Tune with everything switched off that the ledger does."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ray import tune
from ray.tune.experiment import Trial
from ray.tune.progress_reporter import TrialProgressCallback

from nas_ray.engine.ahead import Ahead
from nas_ray.engine.batches import in_batches, quiet_epochs
from nas_ray.engine.cluster import Plan, starts_at_once
from nas_ray.engine.limits import Limits
from nas_ray.engine.placing import Placing
from nas_ray.engine.proposing import Proposing
from nas_ray.engine.recorder import Recorder
from nas_ray.engine.sizes import Sizes
from nas_ray.stopping import StoppingRule
from nas_ray.strategies import Strategy


class NoTrialProgress(TrialProgressCallback):  # type: ignore[misc]  # Ray ships no types for it
    """In place of Tune's own, which speaks of each paused trial that is ended, whatever its verbosity."""

    def on_trial_complete(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        """Say nothing."""

    def log_result(self, trial: Trial, result: dict[str, Any], error: bool = False) -> None:
        """Say nothing, in a notebook either."""


def make_tuner(
    trainable: Any,
    *,
    strategy: Strategy,
    rule: StoppingRule,
    plan: Plan,
    limits: Limits,
    recorder: Recorder,
    folder: Path,
    attempt: int,
    ahead: Ahead | None = None,
    sizes: Sizes | None = None,
    callbacks: Sequence[tune.Callback] = (),
) -> tune.Tuner:
    """Return a Tuner whose ``fit`` does one attempt of a run; its environment is :func:`quiet_tune`'s.

    Args:
        trainable: Subclass of ``tune.Trainable`` with ``reset_config``, its parameters bound.
        strategy: Proposes.
        rule: Stops.
        plan: Trials at once, and the resources of each.
        limits: End the run.
        recorder: Writes the ledger.
        folder: The run's folder; Ray's own files go to ``ray/`` in it.
        attempt: Number of this start or resume.
        ahead: Prepares the proposals of a slow strategy beside the loop.
        sizes: Packs trials of several sizes on GPUs.
        callbacks: Of the user's own.
    """
    batched = in_batches(trainable, quiet_epochs(rule, limits), strategy.objective)
    return tune.Tuner(
        tune.with_resources(batched, plan.placement()),
        tune_config=tune.TuneConfig(
            metric=strategy.objective.metric,
            mode=strategy.objective.mode,
            search_alg=Proposing(strategy, ahead, sizes),
            scheduler=Placing(rule, strategy, plan.concurrency, starts_at_once(plan.concurrency)),
            num_samples=-1,
            reuse_actors=True,
            trial_name_creator=recorder.name_of,
            trial_dirname_creator=recorder.name_of,
        ),
        run_config=tune.RunConfig(
            name=f"attempt-{attempt:03d}",
            storage_path=str(folder / "ray"),
            stop=limits,
            verbose=0,
            callbacks=[recorder, NoTrialProgress(), *callbacks],
            checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False, checkpoint_frequency=0),
        ),
    )
