"""Local search: train the neighbours of the best, move to what is better, start elsewhere at the top."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from nas_ray.errors import ConfigError
from nas_ray.spaces import Config
from nas_ray.strategies.base import Strategy
from nas_ray.strategies.records import Candidate, Observation, Proposal, Rank

CLIMB = "climb"
"""Key, in a proposal's note, of the number of the climb that it belongs to."""


class LocalSearch(Strategy):
    """Local search, White, Nolen and Savani, UAI 2021, https://arxiv.org/abs/2005.02960.

    A climb starts at a random network v. The networks N(v) that differ in one key are trained in random
    order; as soon as one is better, it is the new v (the paper's variant that does not ask for all of N(v)
    first). Where none is, v is a local optimum and another climb starts. The first climb starts at the best
    of ``initial`` random networks.

    Where we differ from the paper: neighbours whose results are known cost nothing and are moved to at once;
    and the search never waits: while the last neighbours of v are in training, a free worker is given those
    of the next best network of the climb, and then a new climb. A network is better if its score is; of
    a trial that a stopping rule ended or paused it is the final score that is expected (:meth:`Memory.rank`).

    Example:
        >>> from ray import tune
        >>> strategy = LocalSearch(metric="val_acc", mode="max", seed=0, initial=1)
        >>> strategy.set_search_properties(None, None, {"a": tune.randint(0, 9), "b": tune.randint(0, 9)})
        True
        >>> for number in range(40):
        ...     config = strategy.suggest(str(number))
        ...     strategy.on_trial_complete(str(number), {"val_acc": config["a"] + config["b"]})
        >>> strategy.memory.best.config
        {'a': 8, 'b': 8}

    Args:
        space: The search space; None takes the flat parameter space that Tune hands over.
        metric: Name of the metric; None takes the Tuner's.
        mode: ``"max"`` or ``"min"``; None takes the Tuner's.
        seed: Seed of all random choices.
        initial: Random networks, the best of which the first climb starts at.
        options: Options of every :class:`Strategy`.

    Raises:
        ConfigError: If ``initial`` is below 1.
    """

    name = "local-search"

    def __init__(
        self,
        space: Any = None,
        metric: str | None = None,
        mode: str | None = None,
        seed: int | None = None,
        *,
        initial: int = 10,
        **options: Any,
    ) -> None:
        if initial < 1:
            raise ConfigError(f"`initial` must be at least 1, but got {initial}")
        self.initial = initial
        super().__init__(space, metric, mode, seed, **options)

    def prepare(self) -> None:
        """Begin with no climb."""
        self._begun = 0
        self._climb_of: dict[int, int] = {}
        self._climbs: dict[int, dict[int, Observation]] = {}
        self._neighbourhoods: dict[int, list[tuple[str, Config]]] = {}

    def adopt(self, proposal: Proposal) -> None:
        """Count the first networks, and remember the climb of each proposal."""
        self._begun += proposal.measured
        self._climb_of[proposal.number] = int(proposal.note.get(CLIMB, 0))

    def learn(self, observation: Observation) -> None:
        """Take a trained network into its climb."""
        if observation.score is not None and observation.outcome != "cached":
            self._climbs.setdefault(self._climb_of[observation.number], {})[observation.number] = observation

    def propose(self, rng: np.random.Generator) -> Candidate:
        """Return a neighbour of the best of the latest climb, or the start of a new one."""
        latest = max([0, *self._climb_of.values()])
        if self._begun >= self.initial:
            for network in self._upwards(latest):
                for config_id, config in self._neighbourhood(network):
                    if not self.memory.known(config_id):
                        return Candidate(config, parents=(network.number,), note={CLIMB: latest})
                if not self._training(latest):
                    break  # a local optimum
            latest += bool(self._climbs.get(latest))
        return Candidate(self._space.sample(rng, self.task), note={CLIMB: latest})

    def _upwards(self, climb: int) -> Iterator[Observation]:
        """Yield the networks of a climb, the best first, where known neighbours lead to from there."""
        ranked = sorted(self._climbs.get(climb, {}).values(), key=self._order, reverse=True)
        if ranked:
            yield self._top(ranked[0])
            yield from ranked

    def _top(self, start: Observation) -> Observation:
        """Follow known neighbours as long as they are better."""
        while True:
            near = (self.memory.observation_of(config_id) for config_id, _ in self._neighbourhood(start))
            better = [each for each in near if each is not None and each.score is not None]
            best = max(better, key=self._order, default=start)
            if self.rank(best) <= self.rank(start):
                return start
            start = best

    def _neighbourhood(self, network: Observation) -> list[tuple[str, Config]]:
        """Return ids and configurations of N(v), in an order that is random and the same each time."""
        if network.number not in self._neighbourhoods:
            space = self._space
            near = [(space.config_id(each), each) for each in space.neighbours(network.config, self.task)]
            order = self.generator(network.number, 1).permutation(len(near))
            self._neighbourhoods[network.number] = [near[int(at)] for at in order]
        return self._neighbourhoods[network.number]

    def _training(self, climb: int) -> bool:
        unknown = self.memory.running.keys() - self.memory.results.keys()  # of paused ones something is known
        return any(self._climb_of[number] == climb for number in unknown)

    def _order(self, network: Observation) -> tuple[Rank, int]:
        return self.rank(network), -network.number
