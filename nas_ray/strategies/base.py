"""The contract of a search strategy: WHICH architecture next."""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from ray.tune.search import Searcher

from nas_ray import pausing
from nas_ray.costs import Verdict
from nas_ray.errors import ConfigError, RunError, Unsupported
from nas_ray.reports import fidelity_of, worth_of
from nas_ray.spaces import Config, CustomSpace, SearchSpace
from nas_ray.strategies import prior
from nas_ray.strategies.memory import Memory
from nas_ray.strategies.observe import Curve, observe, paused
from nas_ray.strategies.records import EVALUATED, Candidate, Observation, Outcome, Proposal, Rank
from nas_ray.strategies.unseen import unseen
from nas_ray.strategies.warm_start import Evaluated, Source, evaluated_networks
from nas_ray.tasks import Mode, Objective, Task

STATE_VERSION = 1
WARM_START = "points_to_evaluate"
PATIENCE = 30
"""Known or infeasible candidates in a row after which unseen neighbours, then samples, are proposed."""

HOPELESS = 300
"""Networks in a row beyond the constraints after which the space counts as exhausted."""

Event = dict[str, Any]
"""One line of history: ``{"event": "propose", ...}``; the event may also be ``"pause"`` or ``"end"``."""


class Strategy(Searcher):  # type: ignore[misc]  # Ray ships no types for Searcher
    """Base of all strategies: a Ray Tune searcher that proposes architectures and learns from results.

    The life of a proposal, in call order::

        suggest(ray_id)            Tune asks; the base calls propose(rng) until something is new and valid
          propose(rng)             -> Candidate: the concrete strategy's idea
          adopt(proposal)          it is on record: trained if proposal.outcome is "running"
        on_trial_result(...)       a report of an epoch; the base keeps the curve
        on_trial_complete(...)     the end
          learn(observation)       what became of it, at which fidelity

    Where a rule pauses the trial, learn(observation) comes with what is known of it so far, and again with
    the next pause or the end. Partial results are compared by :meth:`rank`: as the full trainings that they
    are expected to be.

    Known and infeasible candidates are adopted and learned from at once, without a trial. A concrete
    strategy writes :meth:`propose` and, if it learns, :meth:`learn`; its state must be a function of
    what :meth:`adopt` and :meth:`learn` were told, and of ``rng``, which depends on the seed and the
    proposal's number alone. Replaying a history therefore rebuilds a strategy, and that is how
    :meth:`restore` works.

    Args:
        space: The search space; None takes the flat parameter space that Tune hands over.
        metric: Name of the metric; None takes the Tuner's.
        mode: ``"max"`` or ``"min"``; None takes the Tuner's.
        seed: Seed of all random choices; None draws one, kept in :attr:`seed`.
        task: The problem, for rules that depend on shapes.
        points_to_evaluate: Configurations to propose first.
        warm_start: Networks with known results to learn from before the first proposal: the folder of an
            earlier run, or a list of :class:`Evaluated`.
        max_fidelity: Epochs of a full training, for trainables that do not report ``max_epochs``.
        repeats: Train known configurations again (to measure noise).
        objectives: Several objectives, most important first, in place of ``metric`` and ``mode``. A strategy
            that is no :attr:`pareto` one maximises their weighted sum.

    Raises:
        ConfigError: If ``mode`` is unknown, ``seed`` is negative, or objectives to add up have no weights.
        InvalidConfig: If a point to evaluate is outside the space.
        Unsupported: If the space lacks what the strategy requires.
    """

    name: ClassVar[str] = ""
    requires: ClassVar[frozenset[str]] = frozenset()
    """Abilities a space must offer (:attr:`SearchSpace.offers`)."""
    pareto: ClassVar[bool] = False
    """Whether it looks for the Pareto front of several objectives, and not for the best weighted sum."""
    patience: ClassVar[int] = PATIENCE
    """Known or infeasible candidates in a row that are put up with."""
    population: Sequence[Observation] = ()
    """Networks that proposals are derived from, if the strategy keeps any: children may inherit of them."""

    def __init__(
        self,
        space: SearchSpace | None = None,
        metric: str | None = None,
        mode: str | None = None,
        seed: int | None = None,
        *,
        task: Task | None = None,
        points_to_evaluate: Sequence[Mapping[str, Any]] = (),
        max_fidelity: float | None = None,
        repeats: bool = False,
        objectives: Sequence[Objective] = (),
        warm_start: Source = (),
    ) -> None:
        if mode not in (None, "min", "max"):
            raise ConfigError(f"`mode` must be 'min' or 'max', but got {mode!r}")
        if seed is not None and seed < 0:
            raise ConfigError(f"`seed` must be at least 0, but got {seed}")
        super().__init__(metric=metric, mode=mode)
        self.objectives: tuple[Objective, ...] = ()
        """Several objectives; empty where there is one, :attr:`objective`."""
        if objectives:
            self.aim(objectives)
        self.seed = int(np.random.SeedSequence().entropy) % 2**63 if seed is None else seed  # type: ignore[arg-type]
        self.task, self.max_fidelity, self.repeats = task, max_fidelity, repeats
        self.max_trials: int | None = None
        """Trials that may begin training; None leaves the count to the Tuner's ``num_samples``."""
        self.max_concurrent: int | None = None
        self.closed = False
        """Whether there is nothing more to propose, as far as is known now."""
        self.recorder: Callable[[Proposal], None] | None = None
        """Called with every proposal before it is acted on."""
        self.why_failed: Callable[[str], str] | None = None
        """Says why Tune counts one of its trials as an error; None takes all for ``"error"``."""
        self.constraints: Callable[[Config], Verdict | None] | None = None
        """Says which constraints a network breaks; None leaves them to the workers, as does its None."""
        self.source: Callable[[], Candidate | None] | None = None
        """Where candidates come from that are prepared beside the driver; None calls :meth:`propose`."""
        self.memory = Memory()
        self.space: SearchSpace | None = None
        self._first = [Candidate(dict(point), note={"source": WARM_START}) for point in points_to_evaluate]
        self._warm_start = warm_start
        self._warm: list[Evaluated] = []
        self._again: list[Proposal] = []
        self._live: dict[str, Proposal] = {}
        self._curves: dict[int, Curve] = {}
        self._events: list[Event] = []
        if space is not None:
            self.bind(space)

    # What a concrete strategy writes.

    @abstractmethod
    def propose(self, rng: np.random.Generator) -> Candidate | None:
        """Return the next candidate, or None if there is nothing left to propose.

        Called once per proposal, and again with another ``rng`` while the candidate is known or invalid.
        It changes no state: what it returns may be replaced.

        Args:
            rng: Generator that depends on the seed and the number of the proposal alone.
        """

    def adopt(self, proposal: Proposal) -> None:
        """Hear of a proposal: the strategy's own, a warm start, a fallback, or one that is replayed."""

    @property
    def learns(self) -> bool:
        """Whether results have a say in what is proposed."""
        return type(self).learn is not Strategy.learn

    def learn(self, observation: Observation) -> None:
        """Hear what became of a proposal, trained or not.

        Of a trial that a rule pauses it is heard at each pause (``reason`` is ``"paused"``) and at the end:
        an observation takes the place of an earlier one with the same number.
        """

    def prepare(self) -> None:
        """Set up what needs the space and the seed; called before the first proposal.

        It is called again where :meth:`restore` brings another seed.
        """

    # The Searcher protocol.

    def set_search_properties(
        self, metric: str | None, mode: str | None, config: dict[str, Any], **spec: Any
    ) -> bool:
        """Take metric, mode and parameter space from the Tuner; called once before the first suggestion.

        Returns:
            False if the strategy has a space of other keys than ``config``.
        """
        if metric:
            self._metric = metric
        if mode:
            self._mode = mode
        given = CustomSpace(config, name="tune") if config else None
        if self.space is None:
            if given is None:
                return False
            self.bind(given)
            return True
        return given is None or not given.param_space() or given.domains.keys() == self.space.domains.keys()

    def aim(self, objectives: Sequence[Objective]) -> None:
        """Take the objectives, most important first; called once, by the constructor or a search.

        Raises:
            ConfigError: If several are to be added up and one has no weight.
        """
        lacking = [each.metric for each in objectives if each.weight is None]
        if len(objectives) > 1 and lacking and not self.pareto:
            raise ConfigError(
                f"each objective must have a `weight`, since strategy {self.name!r} adds them up, but "
                f"{', '.join(lacking)} has none; give it one, or take the strategy nsga2"
            )
        self.objectives = tuple(objectives) if len(objectives) > 1 else ()
        self._metric, self._mode = objectives[0].metric, objectives[0].mode

    def set_max_concurrency(self, max_concurrent: int) -> bool:
        """Limit how many trials run at once; the base does it itself, since paused trials hold no slot."""
        self.max_concurrent = max_concurrent
        return True

    def suggest(self, trial_id: str) -> Config | str | None:
        """Return the next configuration to train.

        Args:
            trial_id: Tune's id, random in every attempt; nothing depends on it.

        Returns:
            A configuration, None if nothing may start now, or ``Searcher.FINISHED``.
        """
        if self.max_concurrent is not None and self._slots_held() >= self.max_concurrent:
            return None
        if self._warm and not len(self.memory):
            for evaluated in self._warm:
                self.learn_from(evaluated)
        if not self._again and self._spent():
            # A trial in progress may turn out infeasible in its worker, and then counts to no budget.
            self.closed = True
            return None if self.memory.running else str(Searcher.FINISHED)
        proposal = self._again.pop(0) if self._again else self._next()
        self.closed = proposal is None
        if proposal is None:
            return str(Searcher.FINISHED)
        self._live[trial_id] = proposal
        return dict(proposal.config)

    def on_trial_result(self, trial_id: str, result: dict[str, Any]) -> None:
        """Keep a report of a running trial, and learn from it if it is the last one before a pause."""
        proposal = self._live.get(trial_id)
        score = worth_of(result, self.goal)
        if proposal is None or score is None:
            return
        self._report(proposal, result, score, pausing.is_paused(trial_id))

    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        """Learn from the end of a trial, whatever it was."""
        proposal = self._live.pop(trial_id, None)
        if proposal is None:
            return
        curve = self._curves.pop(proposal.number, {})
        last = self.memory.results.get(proposal.number)
        if last is not None and not result and not error:
            # Tune says nothing of one that ends while it is paused.
            self._end(replace(last, outcome="stopped", reason="stopping rule"))
            return
        if error and not result:
            result = {"reason": self.why_failed(trial_id) if self.why_failed else "error"}
        self._end(observe(proposal, result, error, curve, self.goal, self.max_fidelity))

    def again(self, trial_id: str) -> None:
        """Hand out the proposal behind a trial once more, before all others: the trial itself is lost."""
        proposal = self._live.pop(trial_id, None)
        if proposal is not None:
            self._again.append(proposal)

    def add_evaluated_point(
        self,
        parameters: dict[str, Any],
        value: float,
        error: bool = False,
        pruned: bool = False,
        intermediate_values: list[float] | None = None,
    ) -> None:
        """Learn from a configuration that was evaluated elsewhere; it counts to no budget.

        Args:
            parameters: The configuration.
            value: Its metric after full training, or as far as it got if ``pruned``.
            error: Whether the training failed.
            pruned: Whether a rule stopped it.
            intermediate_values: The metric by epoch, ``value`` last.
        """
        if self.objectives:
            names = ", ".join(each.metric for each in self.objectives)
            raise ConfigError(f"a point must be told with all objectives, {names}; use `learn_from`")
        reports = intermediate_values or [value]
        last = len(intermediate_values) if intermediate_values else self.max_fidelity or 1
        epochs = [*range(1, len(reports)), last]
        metric = self.objective.metric
        curve = [(float(epoch), {metric: report}) for epoch, report in zip(epochs, reports, strict=True)]
        outcome: Outcome = "failed" if error else "stopped" if pruned else "finished"
        self.learn_from(Evaluated(parameters, tuple(curve), outcome))

    def learn_from(self, evaluated: Evaluated) -> None:
        """Learn from a network that was trained elsewhere; it is not trained again and counts to no budget.

        Raises:
            InvalidConfig: If it is not a member of the space.
        """
        config = self._space.check(evaluated.config)
        if not self.repeats and self.memory.known(self._space.config_id(config)):
            self._record(Candidate(config))  # a row of its own, as every known proposal
            return
        observation = evaluated.observation(config, self.goal)
        note = {"source": EVALUATED, "observation": observation.to_json()}
        self._record(Candidate(config, note=note))

    def propose_first(self, candidates: Iterable[Candidate]) -> None:
        """Propose these before all others but the points to evaluate; called before the first suggestion.

        Raises:
            InvalidConfig: If one is outside the space.
        """
        self._first += [replace(each, config=self._space.check(each.config)) for each in candidates]

    def rank(self, observation: Observation) -> Rank:
        """Return the sort key of a result, larger is better: :meth:`Memory.rank`."""
        return self.memory.rank(observation)

    # State.

    def save(self, checkpoint_path: str) -> None:
        """Write seed and history as JSON."""
        state = {"version": STATE_VERSION, "strategy": self.name, "seed": self.seed, "events": self._events}
        state["curves"] = {str(number): sorted(curve.items()) for number, curve in self._curves.items()}
        state["live"] = {trial_id: proposal.number for trial_id, proposal in self._live.items()}
        Path(checkpoint_path).write_text(json.dumps(state))

    def restore(self, checkpoint_path: str) -> None:
        """Rebuild the state by replaying the history that :meth:`save` wrote.

        Raises:
            RunError: If the file is of another strategy or version.
            ConfigError: If there is no space yet.
        """
        state = json.loads(Path(checkpoint_path).read_text())
        if (state.get("version"), state.get("strategy")) != (STATE_VERSION, self.name):
            raise RunError(
                f"{checkpoint_path} must hold version {STATE_VERSION} of strategy {self.name!r}, "
                f"but holds {state.get('version')} of {state.get('strategy')!r}"
            )
        _ = self._space  # a history means nothing without its space
        if self.seed != state["seed"]:
            self.seed = state["seed"]
            self.prepare()
        self.replay(state["events"])
        self._live = {trial_id: self.memory.proposals[number] for trial_id, number in state["live"].items()}
        self._curves = {int(number): dict(map(tuple, curve)) for number, curve in state["curves"].items()}

    def replay(self, events: Iterable[Event]) -> None:
        """Relive a history: afterwards the next proposal is what it would have been then."""
        for event in events:
            if event["event"] == "propose":
                proposal = Proposal.from_json(event)
                if proposal.note.get("source") in (WARM_START, prior.SOURCE) and self._first:
                    self._first.pop(0)
                self._adopt(proposal)
            elif event["event"] == "report":
                proposal = self.memory.proposals[int(event["trial_id"][1:])]
                result = {**event, **event["metrics"]}
                if (score := worth_of(result, self.goal)) is not None:
                    self._report(proposal, result, score, event.get("decision") == "pause")
            else:
                observation = Observation.from_json(event, self.memory.proposals[event["number"]].config)
                if event["event"] == "pause":
                    self._pause(observation)
                else:
                    self._curves.pop(observation.number, None)
                    self._end(observation)

    def resume(self) -> list[Proposal]:
        """After :meth:`replay` in a new process: hand out again what was running, first of all."""
        self._again = list(self.memory.running.values())
        return self._again

    def proposal_of(self, trial_id: str) -> Proposal | None:
        """Return the proposal behind one of Tune's trial ids while it runs."""
        return self._live.get(trial_id)

    @property
    def events(self) -> list[Event]:
        """The history so far, as :meth:`replay` takes it."""
        return self._events

    @property
    def points_to_evaluate(self) -> list[Config]:
        """Configurations that are still to be proposed before all others."""
        return [each.config for each in self._first]

    @property
    def objective(self) -> Objective:
        """The metric and its direction; ``max`` where nobody said which."""
        mode: Mode = "min" if self._mode == "min" else "max"
        return Objective(self._metric or "", mode)

    @property
    def goal(self) -> tuple[Objective, ...]:
        """All objectives, most important first; one entry in the simple case."""
        return self.objectives or (self.objective,)

    def generator(self, *parts: int) -> np.random.Generator:
        """Return a generator that depends on the seed and ``parts`` alone."""
        return np.random.default_rng([self.seed, *parts])

    # Machinery.

    @property
    def _space(self) -> SearchSpace:
        if self.space is None:
            raise ConfigError(
                f"strategy {self.name!r} must have a search space; "
                "pass `space=`, or `param_space=` to the Tuner"
            )
        return self.space

    def bind(self, space: SearchSpace) -> None:
        """Take the search space; called once, by the constructor, the Tuner or a search.

        Raises:
            Unsupported: If the space lacks what the strategy requires.
            InvalidConfig: If a point to evaluate is outside the space.
            RunError: If the warm start is no run.
            ConfigError: If none of its networks is in the space and has the objectives.
        """
        lacking = self.requires - space.offers
        if lacking:
            raise Unsupported(
                f"strategy {self.name!r} needs a space that offers {', '.join(sorted(lacking))}, "
                f"but {space.name!r} does not; choose another strategy or space"
            )
        self.space = space
        self._first = [replace(each, config=space.check(each.config)) for each in self._first]
        self.prepare()
        if self._warm_start:
            self._warm = evaluated_networks(self._warm_start, space, self.goal)

    def _slots_held(self) -> int:
        return sum(not pausing.is_paused(trial_id) for trial_id in self._live)

    def _spent(self) -> bool:
        if self.memory.infeasible_in_a_row >= HOPELESS:
            return True
        return self.max_trials is not None and self.memory.begun >= self.max_trials

    def _next(self) -> Proposal | None:
        space = self._space
        if self._first:
            proposal = self._record(self._first.pop(0))
            return proposal if proposal.outcome == "running" else self._next()
        for _ in range(self.patience):
            candidate = self.source() if self.source else self.propose(self.generator(len(self.memory)))
            if candidate is None:
                return None
            proposal = self._record(candidate)
            if proposal.outcome == "running":
                return proposal
        for _ in range(HOPELESS):
            config = unseen(space, self.memory, self.generator(len(self.memory)), self.task)
            if config is None:
                return None
            proposal = self._record(Candidate(config, note={"source": "unseen"}))
            if proposal.outcome == "running":
                return proposal
        return None

    def _record(self, candidate: Candidate) -> Proposal:
        space, config = self._space, candidate.config
        broken, config_id = "; ".join(space.violations(config, self.task)), space.config_id(config)
        costs: Mapping[str, float] = {}
        outcome, reason = "running", ""
        if broken:
            outcome, reason = "infeasible", "constraint"
        elif candidate.note.get("source") == EVALUATED:
            outcome, reason = "cached", EVALUATED
        elif not self.repeats and self.memory.known(config_id):
            outcome, reason = "cached", "known"
        elif (verdict := self._judged(config)) and verdict.broken:
            outcome, reason, broken, costs = "infeasible", "constraint", str(verdict), verdict.costs
        proposal = Proposal(
            number=len(self.memory),
            config=config,
            config_id=config_id,
            architecture_id=space.architecture_id(config),
            outcome=outcome,  # type: ignore[arg-type]  # one of the three literals above
            reason=reason,
            error=broken,
            parents=candidate.parents,
            note=candidate.note,
            costs=costs,
        )
        if self.recorder is not None:
            self.recorder(proposal)
        self._adopt(proposal)
        return proposal

    def _judged(self, config: Config) -> Verdict | None:
        return None if self.constraints is None else self.constraints(config)

    def _adopt(self, proposal: Proposal) -> None:
        self._events.append({"event": "propose", **proposal.to_json()})
        earlier = self.memory.observation_of(proposal.config_id)
        self.memory.add(proposal)
        self.adopt(proposal)
        if proposal.outcome == "infeasible":
            self._told(Observation(proposal.number, proposal.config, "infeasible", "constraint"))
        elif proposal.reason == EVALUATED:
            told = {**proposal.note["observation"], "number": proposal.number}
            self._told(Observation.from_json(told, proposal.config))
        elif proposal.outcome == "cached":
            empty = Observation(proposal.number, proposal.config, "cached", "known")
            self._told(earlier.as_known(proposal.number, proposal.config) if earlier else empty)

    def _report(self, proposal: Proposal, result: Mapping[str, Any], score: float, pauses: bool) -> None:
        number, fidelity = proposal.number, fidelity_of(result)
        last = self.memory.results.get(number)
        curve = self._curves.setdefault(number, dict(last.curve) if last else {})
        curve[fidelity] = score
        # A trial that was paused in an earlier attempt of a run tells its last report again.
        if pauses and (last is None or fidelity > last.fidelity):
            self._pause(paused(proposal, result, curve, self.goal))

    def _pause(self, observation: Observation) -> None:
        self._events.append({"event": "pause", **observation.to_json()})
        self.memory.pause(observation)
        self.learn(observation)

    def _end(self, observation: Observation) -> None:
        self._events.append({"event": "end", **observation.to_json()})
        self._told(observation)

    def _told(self, observation: Observation) -> None:
        self.memory.end(observation)
        self.learn(observation)

    def __getstate__(self) -> dict[str, Any]:
        """The Tuner pickles its searcher; an open recorder stays behind."""
        return {**self.__dict__, "recorder": None, "why_failed": None, "constraints": None, "source": None}
