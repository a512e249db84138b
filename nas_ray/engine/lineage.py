"""What children of a run may inherit: told to the workers, and no more kept than the living need."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ray import tune

from nas_ray.estimation.heritage import Heritage
from nas_ray.strategies import Proposal, Strategy


class Lineage(tune.Callback):  # type: ignore[misc]  # Ray ships no types for Callback
    """Writes down whose child a proposal is, and drops the weights of those who will have no more children.

    Kept are the trials that run, their parents, the strategy's population, and the best: what that takes on
    disk does not grow with the run, and outlasts it, for a resume.

    Args:
        strategy: With the history of the run; who hears of its proposals hears of them after this.
        heritage: Of the run.
    """

    def __init__(self, strategy: Strategy, heritage: Heritage) -> None:
        self._strategy, self._heritage, self._recorder = strategy, heritage, strategy.recorder
        strategy.recorder = self.on_proposal
        self._keep()

    def on_proposal(self, proposal: Proposal) -> None:
        """Write down the parents of a proposal that goes to training."""
        if proposal.outcome == "running":
            self._heritage.announce(proposal.trial_id, self._names(proposal.parents))
        if self._recorder is not None:
            self._recorder(proposal)

    def on_trial_complete(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """Drop what nobody will ask for; the strategy has learned from the trial by now."""
        self._keep()

    def on_trial_error(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """Drop what nobody will ask for."""
        self._keep()

    def __getstate__(self) -> dict[str, Any]:
        """The Tuner pickles its callbacks for a restore of its own, which nobody uses."""
        return {}

    def _keep(self) -> None:
        memory = self._strategy.memory
        living = {each.number for each in self._strategy.population}
        living |= set() if memory.best is None else {memory.best.number}
        for number, proposal in memory.running.items():
            living |= {number, *proposal.parents}
        self._heritage.keep(self._names(living))

    def _names(self, numbers: Iterable[int]) -> list[str]:
        return [self._strategy.memory.proposals[number].trial_id for number in numbers]
