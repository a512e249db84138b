"""The driver's ear: every event of Tune becomes a record of the ledger before it is acted on."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ray import tune

from nas_ray import pausing
from nas_ray.engine import crashes
from nas_ray.engine.failing import Failing
from nas_ray.engine.hung import Watch
from nas_ray.engine.paused import forget_checkpoints, forget_tunes_checkpoints, start_over_smaller
from nas_ray.engine.progress import Progress, Silent, Snapshot
from nas_ray.estimation.estimator import MOVES
from nas_ray.estimation.proxies import PROXIES
from nas_ray.ledger import Ledger
from nas_ray.reports import fidelity_of, score_of
from nas_ray.spaces import derived_seed
from nas_ray.stopping import StoppingRule
from nas_ray.strategies import Proposal, Strategy

FACTS = ("params", "flops", "inherited_from", "inheritance")
DIALS = ("data_share", "resolution", "width")
NOT_METRICS = frozenset(
    {
        *FACTS, *DIALS, MOVES, "epoch", "max_epochs", "seconds", "done", "trial_id", "training_iteration",
        "time_this_iter_s", "time_total_s", "timestamp", "pid", "time_since_restore",
        "iterations_since_restore", "timesteps_since_restore", "timesteps_total", "episodes_total",
        "should_checkpoint",
    }
)  # fmt: skip


class Recorder(tune.Callback):  # type: ignore[misc]  # Ray ships no types for Callback
    """Writes the ledger of an attempt and keeps the live numbers.

    Args:
        ledger: Open for appending.
        strategy: Knows which proposal is behind one of Tune's trials.
        rule: The stopping rule; its name is the reason of what it stops.
        attempt: Number of this start or resume.
        snapshot: Live numbers, shown by ``progress``.
        progress: What shows them.
        gpus: GPUs of a trial, where all have as many.
        seed: Seed of the run.
        recorded: Last epoch of each trial in the record of earlier attempts.
        watch: Ends trials that hang.
        failing: Hears how trials end.
        folder: The run's folder; None keeps what trials leave there when they end.
    """

    def __init__(
        self,
        ledger: Ledger,
        strategy: Strategy,
        *,
        rule: StoppingRule,
        attempt: int,
        snapshot: Snapshot,
        progress: Progress | None = None,
        gpus: float = 0.0,
        seed: int = 0,
        recorded: Mapping[str, int] | None = None,
        folder: Path | None = None,
        watch: Watch | None = None,
        failing: Failing | None = None,
    ) -> None:
        self._ledger, self._strategy, self._rule, self._attempt = ledger, strategy, rule, attempt
        self._progress, self._gpus = progress or Silent(), gpus
        self.snapshot, self._seed = snapshot, seed
        self._recorded, self._folder = dict(recorded or {}), folder
        self._watch, self._failing = watch or Watch(), failing or Failing()
        self._proposals: dict[str, Proposal] = {}
        self._trials: dict[str, Any] = {}
        self._ends: dict[str, dict[str, Any]] = {}
        self._moving: set[str] = set()
        strategy.recorder, strategy.why_failed = self.on_proposal, self.why_failed

    def name_of(self, trial: Any) -> str:
        """Return our id of one of Tune's trials, its name in every attempt of the run."""
        proposal = self._strategy.proposal_of(trial.trial_id)
        if proposal is None:
            return str(trial.trial_id)
        self._proposals[trial.trial_id], self._trials[trial.trial_id] = proposal, trial
        return proposal.trial_id

    def why_failed(self, trial_id: str) -> str:
        """Return why Tune counts a trial as an error; the strategy asks, and Tune tells it no more."""
        if self._watch.ended(trial_id):
            return "timeout"
        trial = self._trials.get(trial_id)
        return "lost" if trial is None else crashes.reason_of(trial)

    def on_proposal(self, proposal: Proposal) -> None:
        """Record a proposal, before the strategy hands it to Tune."""
        seed = derived_seed(self._seed, proposal.config_id)
        self._ledger.append("propose", trial_id=proposal.trial_id, seed=seed, **proposal.to_json())
        if proposal.outcome != "running":
            self.snapshot.ended(proposal.trial_id, proposal.outcome)

    def on_trial_start(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """Record the start of a training; called again after a retry."""
        proposal = self._proposals.get(trial.trial_id)
        self._watch.heard(trial)
        if proposal is not None:
            self._ledger.append(
                "start",
                trial_id=proposal.trial_id,
                ray_trial_id=trial.trial_id,
                attempt=self._attempt,
                gpus=self._gpus_of(trial),
            )
            self.snapshot.begun(proposal.trial_id)

    def on_trial_result(
        self, iteration: int, trials: list[Any], trial: Any, result: dict[str, Any], **info: Any
    ) -> None:
        """Record a report and what was decided on it."""
        proposal = self._proposals[trial.trial_id]
        self._watch.heard(trial)
        if result.get("error"):
            proxies = {name: result[name] for name in PROXIES if name in result}
            self._ends[trial.trial_id] = {"error": str(result["error"]), "metrics": proxies, **_facts(result)}
        if result.get(MOVES):
            self._moving.add(trial.trial_id)
        if fidelity_of(result) <= self._recorded.get(proposal.trial_id, 0):
            return  # it ended before an epoch, or tells it again: after a pause or the loss of its process
        self._recorded[proposal.trial_id] = int(fidelity_of(result))
        self._ledger.append(
            "report",
            trial_id=proposal.trial_id,
            attempt=self._attempt,
            epoch=int(fidelity_of(result)),
            max_epochs=result.get("max_epochs"),
            rung=self._rule.rung(fidelity_of(result)),
            metrics={**_metrics(result), **self._rule.belief(proposal.trial_id)},
            seconds=result.get("seconds", result.get("time_this_iter_s")),
            decision="pause" if pausing.is_paused(trial.trial_id) else _decision(result),
            node=result.get("hostname"),
            pid=result.get("pid"),
            gpus=self._gpus_of(trial),
            dials={name: result.get(name) for name in DIALS},
            **_facts(result),
        )
        score = score_of(result, self._strategy.objective)
        self.snapshot.report(proposal.trial_id, score, pausing.is_paused(trial.trial_id))
        self._progress.update(self.snapshot)

    def on_trial_recover(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """Record that Tune itself starts a trial again: its node was announced to be taken away."""
        proposal = self._proposals.get(trial.trial_id)
        if proposal is not None:
            self._ledger.append("retry", trial_id=proposal.trial_id, error=crashes.text_of(trial))

    def on_trial_complete(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """Record the end of a trial, or that it goes on in a larger part of a GPU."""
        end = self._ends.pop(trial.trial_id, {"error": ""})
        if trial.trial_id in self._moving:
            self._moving.remove(trial.trial_id)
            self._again(trial, end["error"])
        else:
            self._end(trial, end)

    def on_trial_error(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """Record that a trial whose process was lost starts again, or that it is lost for good."""
        proposal = self._proposals.get(trial.trial_id)
        text = self._watch.words if self._watch.ended(trial.trial_id) else crashes.text_of(trial)
        if proposal is None or self._strategy.memory.ended(proposal.number) is not None:
            self._end(trial, {"error": text})
            return
        if self._folder is not None and self.why_failed(trial.trial_id) == "out_of_memory":
            start_over_smaller(self._folder, proposal.trial_id)
        self._again(trial, text)

    def on_step_end(self, iteration: int, trials: list[Any], **info: Any) -> None:
        """Let the ledger and the live line keep time; called at least ten times a second."""
        self._watch.check()
        self._ledger.tick()
        self._progress.update(self.snapshot)

    def __getstate__(self) -> dict[str, Any]:
        """The Tuner pickles its callbacks for a restore of its own; the open ledger stays behind."""
        return {}

    def __deepcopy__(self, memo: dict[int, Any]) -> Recorder:
        """Tune copies the experiment for every trial, and with it what names them."""
        return self

    def _gpus_of(self, trial: Any) -> float:
        return self._gpus if trial.gpus is None else float(trial.gpus)

    def _again(self, trial: Any, text: str) -> None:
        self._watch.over(trial)
        proposal = self._proposals.pop(trial.trial_id)
        self._trials.pop(trial.trial_id)
        self._ledger.append("retry", trial_id=proposal.trial_id, error=text)
        if self._folder is not None:
            forget_tunes_checkpoints(trial)

    def _end(self, trial: Any, facts: dict[str, Any]) -> None:
        self._watch.over(trial)
        self._trials.pop(trial.trial_id, None)
        proposal = self._proposals.pop(trial.trial_id, None)
        if self._folder is not None and proposal is not None:
            forget_checkpoints(self._folder, trial, proposal.trial_id)
        observation = self._strategy.memory.ended(proposal.number) if proposal else None
        if proposal is None or observation is None:
            return
        plain = observation.to_json()
        if observation.outcome == "stopped":
            plain["reason"] = self._rule.name
        self._ledger.append("end", trial_id=proposal.trial_id, **facts, **plain)
        self._failing.ended(observation.outcome, observation.reason, facts.get("error", ""))
        self.snapshot.ended(proposal.trial_id, observation.outcome)
        self._progress.update(self.snapshot)


def _metrics(result: dict[str, Any]) -> dict[str, float]:
    return {
        name: value
        for name, value in result.items()
        if name not in NOT_METRICS and isinstance(value, (int, float)) and not isinstance(value, bool)
    }


def _facts(result: dict[str, Any]) -> dict[str, Any]:
    return {name: result[name] for name in FACTS if name in result}


def _decision(result: dict[str, Any]) -> str:
    if not result.get("done"):
        return "continue"
    return "stop" if result.get("outcome") in (None, "running") else "done"
