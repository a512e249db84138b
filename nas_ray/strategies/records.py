"""What a strategy hands out and what it hears back: candidate, proposal, observation."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from nas_ray.spaces import Config

Outcome = Literal["running", "finished", "stopped", "failed", "infeasible", "cached", "interrupted"]
FORGOTTEN = frozenset({"lost", "timeout"})
"""Reasons after which a configuration may be proposed again: they say nothing about it."""

PAUSED = "paused"
"""Reason of an observation of a trial that a rule has paused: it may go on, and be observed again."""

EVALUATED = "evaluated"
"""Reason of a network that was trained elsewhere: its result is in its note, and it counts to no budget."""


Rank = tuple[float, float]
"""Sort key of results, (fidelity, score); larger is better."""


@dataclass(frozen=True)
class Candidate:
    """What a concrete strategy proposes.

    Args:
        config: A member of the space; it may break rules or be known already, the base sees to that.
        parents: Numbers of the proposals it was derived from.
        note: Whatever the strategy wants on record, as JSON.
    """

    config: Config
    parents: tuple[int, ...] = ()
    note: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Proposal:
    """A candidate with its place in the run.

    Args:
        number: 0 for the run's first proposal; known and infeasible ones are counted too.
        config: The configuration.
        config_id: Id of the network with its training settings.
        architecture_id: Id of the network.
        outcome: ``"running"`` if it goes to training, else ``"infeasible"`` or ``"cached"``.
        reason: ``"constraint"``, ``"known"`` or ``"evaluated"`` where it does not go to training.
        error: The broken rules in words.
        parents: Numbers of the proposals it was derived from.
        note: What the strategy wants on record.
        costs: What its network costs, by name, where a constraint stood against it.
    """

    number: int
    config: Config
    config_id: str
    architecture_id: str
    outcome: Outcome = "running"
    reason: str = ""
    error: str = ""
    parents: tuple[int, ...] = ()
    note: Mapping[str, Any] = field(default_factory=dict)
    costs: Mapping[str, float] = field(default_factory=dict)

    @property
    def measured(self) -> bool:
        """Whether it has a result of its own: it goes to training, or was trained elsewhere."""
        return self.outcome == "running" or self.reason == EVALUATED

    @property
    def trial_id(self) -> str:
        """The stable id of the trial: the same in every attempt of a run."""
        return f"t{self.number:05d}"

    def to_json(self) -> dict[str, Any]:
        """Return the proposal as plain JSON values."""
        plain = {**asdict(self), "parents": list(self.parents), "note": dict(self.note)}
        return {key: value for key, value in plain.items() if key != "costs" or value}

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Proposal:
        """Rebuild a proposal from :meth:`to_json`; unknown keys are ignored."""
        known = {key: plain[key] for key in cls.__dataclass_fields__ if key in plain}
        return cls(**{**known, "parents": tuple(plain.get("parents", ()))})


@dataclass(frozen=True)
class Observation:
    """What became of one proposal, or is known of it so far.

    Args:
        number: Number of the proposal.
        config: Its configuration.
        outcome: One of the outcomes; ``"running"`` only for a trial that a rule has paused.
        reason: A rule's name, ``"error"``, ``"diverged"``, ``"constraint"``, ``"known"``, ``"paused"`` ...
        score: The objective, or the weighted sum of several, turned so that larger is better; None where
            there is none (failed, diverged, infeasible, or known and still running).
        fidelity: Units of fidelity (epochs) reached; 0 where nothing was trained.
        complete: Whether ``fidelity`` is the full one: the score of a stopped trial is a partial result, and
            :meth:`Memory.rank` says what it is worth.
        curve: (epoch, score) of every finite report, in order.
        scores: Every objective turned so that larger is better; empty where ``score`` is None.
    """

    number: int
    config: Config
    outcome: Outcome
    reason: str = ""
    score: float | None = None
    fidelity: float = 0.0
    complete: bool = False
    curve: tuple[tuple[float, float], ...] = ()
    scores: tuple[float, ...] = ()

    @property
    def rank(self) -> Rank:
        """Sort key of what was measured: fidelity first, since a rule stops the worse ones early."""
        return (self.fidelity, -math.inf if self.score is None else self.score)

    def to_json(self) -> dict[str, Any]:
        """Return the observation as plain JSON values, without the configuration (its proposal has it)."""
        plain = {key: value for key, value in asdict(self).items() if key != "config"}
        return {**plain, "curve": [list(point) for point in self.curve], "scores": list(self.scores)}

    @classmethod
    def from_json(cls, plain: Mapping[str, Any], config: Config) -> Observation:
        """Rebuild an observation from :meth:`to_json` and the configuration of its proposal."""
        known = {key: plain[key] for key in cls.__dataclass_fields__ if key in plain}
        known["curve"] = tuple((epoch, score) for epoch, score in known.get("curve", ()))
        known["scores"] = tuple(known.get("scores", ()))
        return cls(**{**known, "config": config})

    def as_known(self, number: int, config: Config) -> Observation:
        """Return what proposal ``number``, the same network again, is told without being trained."""
        return replace(self, number=number, config=config, outcome="cached", reason="known")
