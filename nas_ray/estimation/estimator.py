"""The trainable: one trial of Ray Tune, one epoch per step."""

from __future__ import annotations

import gc
import math
import time
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from ray import tune

from nas_ray.costs import Costs, measure
from nas_ray.data import Splits
from nas_ray.estimation import weights
from nas_ray.estimation.device_data import DeviceData
from nas_ray.estimation.learner import Learner
from nas_ray.estimation.settings import Estimation
from nas_ray.spaces import Config, SearchSpace, derived_seed
from nas_ray.tasks import Objective, Task

CHECKPOINT = "checkpoint.pt"
ERROR_LINES = 12


class Estimator(tune.Trainable):  # type: ignore[misc]  # Ray ships no types for Trainable
    """Trains the network of a configuration; a step is an epoch, an actor trains many networks.

    In a Tuner of one's own::

        trainable = tune.with_parameters(Estimator, space=space, task=splits.task(), data=splits)
        tune.Tuner(trainable, param_space=space.param_space(), ...).fit()

    A trial that cannot go on reports its end in place of raising, so that the process and the data in
    it serve the next trial: ``outcome`` is ``"failed"`` with ``reason`` ``"error"``,
    ``"out_of_memory"`` or ``"diverged"``, or ``"infeasible"`` with ``"constraint"``.
    """

    def setup(
        self,
        config: Config,
        *,
        space: SearchSpace,
        task: Task,
        data: Splits,
        settings: Estimation | None = None,
        seed: int = 0,
        limits: Mapping[str, float] | None = None,
        folder: str | None = None,
        learner: type[Learner] = Learner,
        threads: int | None = None,
        ready: Callable[[], None] | None = None,
    ) -> None:
        """Prepare the process; called once per actor.

        Args:
            config: Configuration of the first trial.
            space: The search space.
            task: The problem at the data's own resolution.
            data: The data set.
            settings: The training recipe and the fidelity dials.
            seed: Seed of the run; a trial's own follows from it and the configuration.
            limits: Upper bounds on ``params`` and ``flops``.
            folder: The run's folder, for checkpoints and the best weights; None keeps neither.
            learner: The recipe's class.
            threads: CPU threads of this actor; None leaves torch's choice.
            ready: Called after the first epoch of the actor (the engine waits there for its other actors).
        """
        self.settings = settings or Estimation()
        self.space, self.seed, self.limits, self.learner_class = space, seed, dict(limits or {}), learner
        self.task = task.at(resolution=self.settings.resolution, width=self.settings.width)
        if threads:
            torch.set_num_threads(threads)
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.data = DeviceData(
            data, self.device, resolution=self.settings.resolution, data_share=self.settings.data_share
        )
        self.incumbents = weights.Incumbents(Path(folder) / "incumbents") if folder else None
        self.checkpoints = Path(folder) / "checkpoints" if folder else None
        self._ready = ready
        self._begin(config)

    def reset_config(self, new_config: Config) -> bool:
        """Forget the last trial and take the next one; called by Tune between two trials of an actor."""
        self._forget_checkpoint()
        self._free()
        self._begin(new_config)
        return True

    def step(self) -> dict[str, Any]:
        """Train one epoch and report it."""
        started = time.perf_counter()
        try:
            result = self._infeasible() or self._epoch()
        except Exception as error:
            result = self._failure(error)
        if result["done"]:
            self._forget_checkpoint()
        result["seconds"] = time.perf_counter() - started
        if self._ready is not None:
            self._ready()
            self._ready = None
        return result

    def save_checkpoint(self, checkpoint_dir: str) -> None:
        """Write the trial's state; called by Tune where a scheduler pauses or the Tuner keeps checkpoints."""
        state = {"epoch": 0} if self.learner is None else self.learner.state_dict()
        weights.write(Path(checkpoint_dir) / CHECKPOINT, state)

    def load_checkpoint(self, checkpoint: str | None) -> None:
        """Continue from :meth:`save_checkpoint`; a damaged checkpoint starts the trial over."""
        state = weights.read(Path(checkpoint or "") / CHECKPOINT)
        if state and state["epoch"]:
            self._start(state)

    def cleanup(self) -> None:
        """Keep what an interrupted trial has learnt; called when the actor ends."""
        if self.learner is not None and 0 < self.learner.epoch < self.learner.settings.max_epochs:
            self._write_checkpoint()
        self._free()

    # One trial.

    def _begin(self, config: Config) -> None:
        # Building may fail, and a failure here would cost the actor: the first step builds.
        self.trial_config = dict(config)
        self.learner: Learner | None = None
        self.costs: Costs | None = None
        self._written = time.monotonic()
        self._checkpoint = self.checkpoints / f"{self.trial_name}.pt" if self.checkpoints else None

    def _epoch(self) -> dict[str, Any]:
        if self.learner is None:
            self._start(weights.read(self._checkpoint) if self._checkpoint else None)
        learner = self.learner
        assert learner is not None
        assert self.costs is not None
        for name, limit in self.limits.items():
            if getattr(self.costs, name) > limit:
                rule = f"`{name}` must be at most {limit:,.0f}, but got {getattr(self.costs, name):,}"
                return self._ended("infeasible", "constraint", rule)
        values = learner.step()
        if not all(math.isfinite(values.get(key, 0.0)) for key in ("train_loss", self._objective.metric)):
            return self._ended("failed", "diverged", f"the loss is not finite in epoch {learner.epoch}")
        finished = learner.epoch >= learner.settings.max_epochs
        self._keep(values, finished)
        return {**self._facts(), **values, "outcome": "finished" if finished else "running", "done": finished}

    def _start(self, state: dict[str, Any] | None) -> None:
        seed = derived_seed(self.seed, self.space.config_id(self.trial_config))
        self.learner = self.learner_class(
            self.space, self.trial_config, self.task, self.data, self.settings, seed
        )
        self.costs = measure(self.learner.model, self.task)
        if state is not None:
            self.learner.load_state_dict(state)

    def _infeasible(self) -> dict[str, Any] | None:
        if self.learner is not None:
            return None
        broken = self.space.violations(self.trial_config, self.task)
        return self._ended("infeasible", "constraint", "; ".join(broken)) if broken else None

    def _failure(self, error: Exception) -> dict[str, Any]:
        reason = "out_of_memory" if is_out_of_memory(error) else "error"
        lines = "".join(traceback.format_exception(error)).strip().splitlines()
        result = self._ended("failed", reason, "\n".join(lines[-ERROR_LINES:]))
        # The traceback's frames hold the tensors of the failed step.
        traceback.clear_frames(error.__traceback__)
        self._free()
        return result

    def _ended(self, outcome: str, reason: str, error: str) -> dict[str, Any]:
        # Tune insists on the objective's metric in every result.
        nothing = {objective.metric: math.nan for objective in self.task.objectives}
        return {
            **self._facts(),
            **nothing,
            "outcome": outcome,
            "reason": reason,
            "error": error,
            "done": True,
        }

    def _facts(self) -> dict[str, Any]:
        facts: dict[str, Any] = {
            "epoch": self.learner.epoch if self.learner else 0,
            "max_epochs": self.learner.settings.max_epochs if self.learner else self.settings.max_epochs,
            **self.settings.dials,
        }
        if self.costs is not None:
            facts |= {"params": self.costs.params, "flops": self.costs.flops}
        if self.device.type == "cuda":
            facts["peak_memory_mb"] = torch.cuda.max_memory_allocated(self.device) / 2**20
        return facts

    @property
    def _objective(self) -> Objective:
        return self.task.objectives[0]

    # Files.

    def _keep(self, values: dict[str, float], finished: bool) -> None:
        score = self._objective.score(values.get(self._objective.metric))
        if self.incumbents is not None and math.isfinite(score):
            self.incumbents.offer(score, self.trial_name, self._weights)
        if not finished and time.monotonic() - self._written >= self.settings.checkpoint_seconds:
            self._write_checkpoint()

    def _weights(self) -> dict[str, Any]:
        assert self.learner is not None
        return {"epoch": self.learner.epoch, "model": self.learner.model.state_dict()}

    def _write_checkpoint(self) -> None:
        if self._checkpoint is not None and self.learner is not None:
            weights.write(self._checkpoint, self.learner.state_dict())
            self._written = time.monotonic()

    def _forget_checkpoint(self) -> None:
        if self._checkpoint is not None:
            self._checkpoint.unlink(missing_ok=True)

    def _free(self) -> None:
        self.learner, self.costs = None, None
        if self.device.type == "cuda":
            gc.collect()
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats(self.device)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an exception means that memory ran out, on the device or on the host."""
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    text = str(error).lower()
    return isinstance(error, RuntimeError) and ("out of memory" in text or "can't allocate memory" in text)
