"""What a strategy has proposed and seen: known networks, running trials, the best so far."""

from __future__ import annotations

from collections.abc import Iterator

from nas_ray.spaces import Config
from nas_ray.strategies.forecast import Forecast
from nas_ray.strategies.records import FORGOTTEN, Observation, Proposal, Rank


class Memory:
    """The history of a strategy; its state is a function of seed and this."""

    def __init__(self) -> None:
        self.proposals: list[Proposal] = []
        self.observations: list[Observation] = []
        self.running: dict[int, Proposal] = {}
        self.begun = 0
        """Proposals that went to training, without those that the worker found infeasible."""
        self.infeasible_in_a_row = 0
        """Networks that a worker found infeasible since the last one that it did not."""
        self.results: dict[int, Observation] = {}
        """What is known now of every proposal with a result of its own, paused trials included, by number."""
        self.forecast = Forecast()
        self._known: dict[str, int] = {}
        self._stands_for: dict[int, int] = {}
        self._best: tuple[Observation | None] | None = None

    def __len__(self) -> int:
        return len(self.proposals)

    def known(self, config_id: str) -> bool:
        """Whether the network was proposed and needs no other training."""
        return config_id in self._known

    @property
    def best(self) -> Observation | None:
        """The best network so far by :meth:`rank`; None where none has a score."""
        if self._best is None:
            scored = [each for each in self.results.values() if each.score is not None]
            self._best = (max(scored, key=lambda each: (self.rank(each), -each.number), default=None),)
        return self._best[0]

    def rank(self, observation: Observation) -> Rank:
        """Return the sort key by which strategies compare results, larger is better.

        It is (fidelity, score) of what is known now. A partial result counts as a full training with the
        score that the curves of the run let one expect (:class:`Forecast`), once there are full trainings
        to learn that from; before, it stands below all that got further.

        Args:
            observation: Of any proposal; a known one is worth what its network is worth now.
        """
        number = self._stands_for.get(observation.number, observation.number)
        latest = self.results.get(number, observation)
        return self.forecast.rank(number) or latest.rank

    def observation_of(self, config_id: str) -> Observation | None:
        """Return what is known of a network, None if it was never proposed or nothing is known yet."""
        number = self._known.get(config_id)
        return None if number is None else self.results.get(number)

    def ended(self, number: int) -> Observation | None:
        """Return what became of proposal ``number``, None while it runs or is paused."""
        return None if number in self.running else self.results.get(number)

    def add(self, proposal: Proposal) -> None:
        """Remember a proposal; infeasible and known ones do not run."""
        self.proposals.append(proposal)
        if proposal.outcome == "running":
            self.begun += 1
            self.running[proposal.number] = proposal
        if proposal.measured:
            self._known[proposal.config_id] = proposal.number
        elif proposal.outcome == "infeasible":
            self._known.setdefault(proposal.config_id, proposal.number)
        elif proposal.config_id in self._known:
            self._stands_for[proposal.number] = self._known[proposal.config_id]

    def pause(self, observation: Observation) -> None:
        """Remember how far a trial got that a rule has paused."""
        self._know(observation)

    def end(self, observation: Observation) -> None:
        """Remember what became of a proposal."""
        proposal = self.proposals[observation.number]
        self.running.pop(observation.number, None)
        self.observations.append(observation)
        if not proposal.measured:
            return
        self._know(observation)
        infeasible = observation.outcome == "infeasible"
        self.begun -= infeasible
        self.infeasible_in_a_row = self.infeasible_in_a_row + 1 if infeasible else 0
        if observation.reason in FORGOTTEN:
            self._known.pop(proposal.config_id, None)

    def running_configs(self) -> Iterator[Config]:
        """Yield the configurations in training now."""
        return (proposal.config for proposal in self.running.values())

    def _know(self, observation: Observation) -> None:
        self.results[observation.number] = observation
        self.forecast.learn(observation)
        self._best = None
