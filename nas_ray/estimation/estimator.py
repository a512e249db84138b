"""The trainable: one trial of Ray Tune, one epoch per step.

The driver needs this class and not torch, so what trains is imported in the worker, when it is set up.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ray import tune

from nas_ray.costs import Bounds, Rule, Verdict
from nas_ray.data import Splits
from nas_ray.estimation import verdicts, weights
from nas_ray.estimation.checkpoint import Checkpoint
from nas_ray.estimation.heritage import HERITAGE, Heritage
from nas_ray.estimation.settings import Estimation
from nas_ray.estimation.standing import Standing
from nas_ray.reports import worth_of
from nas_ray.spaces import Config, SearchSpace, derived_seed
from nas_ray.tasks import Task

if TYPE_CHECKING:
    from nas_ray.estimation.learner import Learner
    from nas_ray.estimation.parallel import Team

CHECKPOINT = "checkpoint.pt"
MOVES = "moves"
"""Key of the last report of a trial that ran out of memory, and starts again in a larger part of a GPU."""
BATCH_SIZE = "train.batch_size"
HALF = ".half"
"""Ending of the file beside a trial's checkpoint that has it train with half the batch."""


class Estimator(tune.Trainable):  # type: ignore[misc]  # Ray ships no types for Trainable
    """Trains the network of a configuration; a step is an epoch, an actor trains many networks.

    In a Tuner of one's own::

        trainable = tune.with_parameters(Estimator, space=space, task=splits.task(), data=splits)
        tune.Tuner(trainable, param_space=space.param_space(), ...).fit()

    A trial that cannot go on reports its end in place of raising, so that the process and the data in
    it serve the next trial: ``outcome`` is ``"failed"`` with ``reason`` ``"error"``,
    ``"out_of_memory"`` or ``"diverged"``, or ``"infeasible"`` with ``"constraint"``. Only an error that
    leaves the process useless (CUDA's device-side ones) is raised.
    """

    read_up = True
    """Whether all reports were read before a step; False within a batch of epochs that are told together."""
    team: Team | None = None
    """The further processes that train each network, on a GPU of their own; the engine makes it."""

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
        rules: Mapping[str, Rule] | None = None,
        shares: Mapping[str, float] | None = None,
        folder: str | None = None,
        recorded: Mapping[str, int] | None = None,
        learner: type[Learner] | None = None,
        threads: int | None = None,
        moves: bool = False,
    ) -> None:
        """Prepare the process; called once per actor.

        Args:
            config: Configuration of the first trial.
            space: The search space.
            task: The problem at the data's own resolution.
            data: The data set.
            settings: The training recipe and the fidelity dials.
            seed: Seed of the run; a trial's own follows from it and the configuration.
            limits: Upper bounds on what a network costs (:class:`~nas_ray.costs.Bounds`).
            rules: Rules of one's own, by name: ``rule(config, task)`` returns False, or a text that says what
                is wrong, for a network that must not be trained.
            shares: Share of the networks that is trained, the best by a zero-cost proxy, by its name.
            folder: The run's folder, for checkpoints, the best weights and what children inherit; None keeps
                none of them, and ranks by proxies within this actor.
            recorded: Last epoch of each trial in the run's record, where earlier attempts trained it.
            learner: The recipe's class; None takes :class:`Learner`.
            threads: CPU threads of this actor; None leaves torch's choice.
            moves: Whether a trial that runs out of memory in a part of a GPU goes on in a larger part.

        Raises:
            ConfigError: If ``limits`` holds anything else.
        """
        import torch

        from nas_ray.estimation import hardware
        from nas_ray.estimation.device_data import DeviceData
        from nas_ray.estimation.learner import Learner

        self.settings = settings or Estimation()
        self.space, self.seed, self.learner_class = space, seed, learner or Learner
        self.bounds = Bounds(limits or {}, rules or {}, self.settings.batch_size)
        self.task = task.at(resolution=self.settings.resolution, width=self.settings.width)
        if threads:
            torch.set_num_threads(threads)
        self.device, share = hardware.best_device(), hardware.share_of_gpu()
        hardware.keep_to(share, self.device)
        self._moves = moves and share < 1
        self.data = DeviceData(
            data, self.device, resolution=self.settings.resolution, data_share=self.settings.data_share
        )
        self.recorded = recorded or {}
        self._share(Path(folder) if folder else None, shares or {})
        self._begin(config)

    def _share(self, folder: Path | None, shares: Mapping[str, float]) -> None:
        """Open what the workers of a run share in its folder."""
        self.standing = Standing(shares, folder / "proxies" if folder else None)
        self.incumbents = weights.Incumbents(folder / "incumbents") if folder else None
        self.heritage = Heritage(folder / HERITAGE) if folder and self.settings.inherits else None
        self.checkpoints = folder / "checkpoints" if folder else None

    def reset_config(self, new_config: Config) -> bool:
        """Forget the last trial and take the next one; called by Tune between two trials of an actor."""
        self._leave()
        self._free()
        self._begin(new_config)
        return True

    def step(self) -> dict[str, Any]:
        """Train one epoch and report it."""
        started = time.perf_counter()
        if self.read_up:
            self._unread.clear()
        self._saved = False  # whether the trial was paused after its last epoch, and may go on elsewhere
        self._moved = False
        try:
            result = self._untold() or self._infeasible() or self._epoch()
        except Exception as error:
            result = self._failure(error)
            if result["reason"] == "out_of_memory":
                result = self._moving(result) or self._with_half_the_batch() or result
        result.setdefault("seconds", time.perf_counter() - started)
        self._beginning.clear()
        self._unread.append(dict(result))
        return result

    def save_checkpoint(self, checkpoint_dir: str) -> None:
        """Write the trial's state; called by Tune where a scheduler pauses or the Tuner keeps checkpoints."""
        started = (self.learner.state_dict() if self.learner else self._state) or {"epoch": 0}
        weights.write(Path(checkpoint_dir) / CHECKPOINT, started)
        if self._last is not None and not self._last["done"]:
            self._checkpoint.write(started, [self._last])
            self._saved = True

    def load_checkpoint(self, checkpoint: str | None) -> None:
        """Continue from :meth:`save_checkpoint`; a damaged checkpoint starts the trial over."""
        self._begin(self.trial_config, weights.read(Path(checkpoint or "") / CHECKPOINT))

    def cleanup(self) -> None:
        """Keep what an interrupted trial has learnt; called when the actor ends."""
        if self._last is not None and not self._moved:
            goes_on = self.learner.state_dict() if self.learner else self._state or {}
            state = {} if self._last["done"] else goes_on
            untold = [*self._unread, *self._to_tell]
            self._checkpoint.write({"epoch": self._last["epoch"], **state}, untold)
        self._free()

    @property
    def _last(self) -> dict[str, Any] | None:
        return self._unread[-1] if self._unread else None

    # One trial.

    def _begin(self, config: Config, state: weights.State | None = None) -> None:
        # Building may fail, and a failure here would cost the actor: the first step builds, and loads.
        self.trial_config, self._name = dict(config), self.trial_name
        self.learner: Learner | None = None
        self._state = state
        self._unread: list[dict[str, Any]] = []
        self._to_tell: list[dict[str, Any]] = []  # reports of an earlier attempt, which it has not read
        self._saved = self._moved = False
        self._batch_size: int | None = None  # where it is not the recipe's, since that took too much memory
        self._beginning: dict[str, Any] = {}  # what is told of a trial once, with its first report
        self._checkpoint = Checkpoint(
            self.checkpoints / f"{self._name}.pt" if self.checkpoints else None,
            self.settings.checkpoint_seconds,
            self.recorded.get(self._name, 0),
        )
        if self.checkpoints and (self.checkpoints / f"{self._name}{HALF}").exists():
            self._halve()  # its process was ended since the node ran out of memory

    def _untold(self) -> dict[str, Any] | None:
        if self.learner is None and self._state is None:
            self._state, self._to_tell = self._checkpoint.load()
        return self._to_tell.pop(0) if self._to_tell else None

    def _epoch(self) -> dict[str, Any]:
        if self.learner is None and (beyond := self._begun()):
            return beyond
        assert self.learner is not None
        learner = self.learner
        if learner.epoch and self.read_up:
            self._checkpoint.tick(learner.state_dict)
        values = learner.step() if self.team is None else self.team.step(learner)
        result = {**self._facts(), **values}
        if diverged := verdicts.divergence(result, self.task.objectives):
            return self._ended("failed", "diverged", diverged)
        finished = learner.epoch >= learner.settings.max_epochs
        self._keep(result)
        return {**result, "outcome": "finished" if finished else "running", "done": finished}

    def _begun(self) -> dict[str, Any] | None:
        """Build the network; return how the trial ends where it is beyond the bounds of the run."""
        foreseen = self.bounds.foreseen(self.space, self.trial_config, self.task)
        if foreseen.broken:
            return self._beyond(foreseen)
        self.learner = self._started()
        costs: dict[str, float] = asdict(self.learner.costs)
        if self.bounds.limits and not foreseen.costs:  # the meta device could not run it
            costs = self.bounds.costs(self.learner.model, self.trial_config, self.task)
        if broken := self.bounds.beyond(costs):
            return self._beyond(Verdict(broken, costs))
        if not self.learner.epoch:
            if beaten := self._measured(self.learner):
                return beaten
            self._inherit(self.learner)
        if self.team is not None:
            self.team.take(self.learner, self.trial_config, self._batch_size)
        return None

    def _measured(self, learner: Learner) -> dict[str, Any] | None:
        """Compute the proxies of an untrained network; return how the trial ends where it stands too low."""
        if not (names := dict.fromkeys([*self.settings.proxies, *self.standing.shares])):
            return None
        from nas_ray.estimation.proxies.measuring import of_learner

        values = of_learner(learner, names)
        self._beginning |= values
        beaten = self.standing.beaten(self._name, values)
        return self._ended("infeasible", "constraint", "; ".join(beaten)) if beaten else None

    def _inherit(self, learner: Learner) -> None:
        if self.heritage is not None:
            from nas_ray.estimation.inheritance import inherit

            morph = self.settings.inherit == "morphism"
            self._beginning |= inherit(learner, self.heritage, self._name, morph=morph)

    def _beyond(self, verdict: Verdict) -> dict[str, Any]:
        costs = {name: verdict.costs[name] for name in ("params", "flops") if name in verdict.costs}
        return {**self._ended("infeasible", "constraint", str(verdict)), **costs}

    def _started(self) -> Learner:
        state, self._state = self._state, None
        learner = self._untrained()
        if state is not None and state.get("epoch"):
            try:
                learner.load_state_dict(state)
            except (AttributeError, KeyError, RuntimeError, TypeError, ValueError):
                # Half of a checkpoint that does not fit may be loaded by now.
                return self._untrained()
        return learner

    def _untrained(self) -> Learner:
        seed = derived_seed(self.seed, self.space.config_id(self.trial_config))
        config, settings = self.trial_config, self.settings
        if self._batch_size is not None:
            settings = settings.replaced({"batch_size": self._batch_size})
            config = {**config, BATCH_SIZE: self._batch_size} if BATCH_SIZE in config else config
        return self.learner_class(self.space, config, self.task, self.data, settings, seed)

    def _infeasible(self) -> dict[str, Any] | None:
        if self.learner is not None:
            return None
        broken = self.space.violations(self.trial_config, self.task)
        return self._ended("infeasible", "constraint", "; ".join(broken)) if broken else None

    def _failure(self, error: Exception) -> dict[str, Any]:
        from nas_ray.estimation import failures

        if self.team is not None:
            self.team.leave()
        if failures.spoils_process(error):
            self._unread.clear()  # nothing can be kept any more
            raise error
        reason = "out_of_memory" if failures.is_out_of_memory(error) else "error"
        result = self._ended("failed", reason, failures.text_of(error))
        failures.release(error)
        self._free()
        return result

    def _moving(self, result: dict[str, Any]) -> dict[str, Any] | None:
        """Leave a trial that ran out of memory to a larger part of a GPU, where this process has a part."""
        self._moved = self._moves
        return {**result, MOVES: True} if self._moves else None

    def _halve(self) -> bool:
        batch_size = int(self.trial_config.get(BATCH_SIZE, self.settings.batch_size)) // 2
        if batch_size:
            self._batch_size = batch_size
        return bool(batch_size)

    def _with_half_the_batch(self) -> dict[str, Any] | None:
        """Start a trial over that ran out of memory, once; return None where it was, or cannot be."""
        if self._batch_size is not None or not self._halve():
            return None
        self._state = None
        try:
            return self._epoch()
        except Exception as error:
            return self._failure(error)

    def _ended(self, outcome: str, reason: str, error: str) -> dict[str, Any]:
        # Tune insists on the objective's metric in every result.
        nothing = {objective.metric: math.nan for objective in self.task.objectives}
        end = {"outcome": outcome, "reason": reason, "error": error, "done": True}
        return {**nothing, **self._facts(), **end}

    def _facts(self) -> dict[str, Any]:
        from nas_ray.estimation import hardware

        settings = self.learner.settings if self.learner else self.settings
        facts: dict[str, Any] = {
            "epoch": self.learner.epoch if self.learner else 0,
            "max_epochs": settings.max_epochs,
            **settings.dials,
        }
        if self.learner is not None:
            facts |= {"params": self.learner.costs.params, "flops": self.learner.costs.flops}
        if self._batch_size is not None:
            facts["batch_size"] = self._batch_size
        return {**facts, **self._beginning, **hardware.peak_memory(self.device)}

    # Files.

    def _keep(self, result: Mapping[str, Any]) -> None:
        score = worth_of(result, self.task.objectives)
        if self.incumbents is not None and score is not None:
            read = (self._unread[0] if self._unread else result)["epoch"] - 1
            self.incumbents.offer(score, result["epoch"], self._name, self._weights, read=read)
        if self.heritage is not None and score is not None:
            self.heritage.leave(self._name, self.trial_config, self._weights())

    def _leave(self) -> None:
        # Not when it ends, but when the next one begins: by then its end is read, and in the run's record.
        if self._moved:
            return  # its files are another process's now
        failed = self._last is not None and self._last["outcome"] == "failed"
        if self.incumbents is not None:
            (self.incumbents.withdraw if failed else self.incumbents.settle)(self._name)
        if not self._saved:
            self._checkpoint.forget()

    def _weights(self) -> weights.State:
        assert self.learner is not None
        return {name: value.cpu() for name, value in self.learner.model.state_dict().items()}

    def _free(self) -> None:
        from nas_ray.estimation import hardware

        self.learner = None
        hardware.free(self.device)
