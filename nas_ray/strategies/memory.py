"""What a strategy has proposed and seen: known networks, running trials, the best so far."""

from __future__ import annotations

from collections.abc import Iterator

from nas_ray.spaces import Config
from nas_ray.strategies.records import FORGOTTEN, Observation, Proposal


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
        self.best: Observation | None = None
        """The best observation so far by (fidelity, score)."""
        self._known: dict[str, int] = {}
        self._by_number: dict[int, Observation] = {}

    def __len__(self) -> int:
        return len(self.proposals)

    def known(self, config_id: str) -> bool:
        """Whether the network was proposed and needs no other training."""
        return config_id in self._known

    def observation_of(self, config_id: str) -> Observation | None:
        """Return what is known of a network, None if it was never proposed or still runs."""
        number = self._known.get(config_id)
        return None if number is None else self._by_number.get(number)

    def ended(self, number: int) -> Observation | None:
        """Return what became of proposal ``number``, None while it runs."""
        return self._by_number.get(number)

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

    def end(self, observation: Observation) -> None:
        """Remember what became of a proposal."""
        proposal = self.proposals[observation.number]
        self.running.pop(observation.number, None)
        self.observations.append(observation)
        if not proposal.measured:
            return
        self._by_number[observation.number] = observation
        infeasible = observation.outcome == "infeasible"
        self.begun -= infeasible
        self.infeasible_in_a_row = self.infeasible_in_a_row + 1 if infeasible else 0
        if observation.reason in FORGOTTEN:
            self._known.pop(proposal.config_id, None)
        if observation.score is not None and (self.best is None or observation.rank > self.best.rank):
            self.best = observation

    def running_configs(self) -> Iterator[Config]:
        """Yield the configurations in training now."""
        return (proposal.config for proposal in self.running.values())
