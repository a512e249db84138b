"""Monte Carlo tree search: upper confidence bounds over the decisions of a space, or over its regions."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np

from nas_ray.errors import ConfigError
from nas_ray.strategies.base import Strategy
from nas_ray.strategies.decisions import Decisions
from nas_ray.strategies.records import FORGOTTEN, Candidate, Observation, Proposal
from nas_ray.strategies.regions import Regions

Partition = Literal["decisions", "regions"]
Path = tuple[int, ...]
"""The first choices of a configuration: a node of the tree."""
TEMPERATURE = 0.1
"""MAST's τ, in units of the reward: smaller means that playouts follow what was good so far more closely."""
AVERAGE = 0.5
"""Mean of the rewards, which are ranks."""


class MCTS(Strategy):
    """Monte Carlo tree search with UCT, Kocsis and Szepesvári, ECML 2006; for NAS: Wang et al., AAAI 2020.

    A node of the tree is the first choices of a configuration, a child one choice more. From the root on,
    the child with the largest Q(v) / N(v) + c √(2 ln N(parent) / N(v)) is taken. Children that were never
    visited come first; among them, and for the choices below (the playout), an option a is drawn in
    proportion to exp(Q_h(a) / τ), where Q_h(a) is the mean reward of all networks with that option, whatever
    their other choices are: the move-average sampling technique, MAST (Finnsson and Björnsson, AAAI 2008).
    With ``partition="regions"`` the nodes are regions of good and bad networks that are learned from the
    results, as in LaNAS (Wang et al., TPAMI 2021, https://arxiv.org/abs/1906.06832, and
    https://arxiv.org/abs/2007.00708): see :class:`nas_ray.strategies.regions.Regions`.

    Where we differ from UCT: the reward of a network is the share of the networks so far that it beats
    (:meth:`Memory.rank`), and Q(v) is worked out from the rewards of now, so that it knows no scale; a
    network in training counts as a visit with reward 0 until its result is there (the virtual loss of
    Chaslot et al. 2008), which keeps parallel workers apart; below a node with nothing left to train
    no search goes on; real and large integer domains are cut into up to 16 bins.

    Example:
        >>> from ray import tune
        >>> strategy = MCTS(metric="val_acc", mode="max", seed=0)
        >>> strategy.set_search_properties(None, None, {"op": tune.choice(["conv", "pool", "none"])})
        True
        >>> sorted(strategy.suggest(name)["op"] for name in "abc")
        ['conv', 'none', 'pool']

    Args:
        space: The search space; None takes the flat parameter space that Tune hands over.
        metric: Name of the metric; None takes the Tuner's.
        mode: ``"max"`` or ``"min"``; None takes the Tuner's.
        seed: Seed of all random choices.
        exploration: The paper's c, in units of the reward, which lies between 0 and 1.
        partition: ``"decisions"``, one after the other in the order of the space, or ``"regions"``.
        options: Options of every :class:`Strategy`.

    Raises:
        ConfigError: If ``exploration`` is negative, or there is no such partition.
    """

    name = "mcts"

    def __init__(
        self,
        space: Any = None,
        metric: str | None = None,
        mode: str | None = None,
        seed: int | None = None,
        *,
        exploration: float = 0.3,
        partition: Partition = "decisions",
        **options: Any,
    ) -> None:
        if not exploration >= 0:
            raise ConfigError(f"`exploration` must be at least 0, but got {exploration}")
        if partition not in ("decisions", "regions"):
            raise ConfigError(f"`partition` must be 'decisions' or 'regions', but got {partition!r}")
        self.exploration, self.partition = exploration, partition
        super().__init__(space, metric, mode, seed, **options)

    def prepare(self) -> None:
        """Begin with a tree of one node."""
        self._decisions = Decisions(self._space.domains)
        self._visits: dict[Path, list[int]] = {}
        self._taken: dict[tuple[int, int], list[int]] = {}
        self._closed: set[Path] = set()
        self._results: dict[int, Observation] = {}
        self._regions = Regions(self._space, self.task, self.exploration)

    def adopt(self, proposal: Proposal) -> None:
        """Count a visit of every node on the way to a network; its leaf has nothing left to train."""
        choices = tuple(self._decisions.choices(proposal.config))
        for depth in range(len(choices) + 1):
            self._visits.setdefault(choices[:depth], []).append(proposal.number)
        for option in enumerate(choices):
            self._taken.setdefault(option, []).append(proposal.number)
        if self._decisions.exact:
            self._close(choices)
        if proposal.measured:
            self._regions.add(proposal)

    def learn(self, observation: Observation) -> None:
        """Keep what became of a network; what a lost trial was worth is not known."""
        if observation.reason not in FORGOTTEN:
            self._results[observation.number] = observation

    def propose(self, rng: np.random.Generator) -> Candidate | None:
        """Return the network at the end of a walk down the tree."""
        rewards = self._rewards()
        if self.partition == "regions":
            return Candidate(self._regions.sample(rewards, self.memory, rng))
        if () in self._closed:
            return None
        path: Path = ()
        for size in self._decisions.sizes:
            path = (*path, self._choose(path, size, rewards, rng))
        return Candidate(self._decisions.config(path, rng))

    def _choose(self, path: Path, size: int, rewards: dict[int, float], rng: np.random.Generator) -> int:
        options = [option for option in range(size) if (*path, option) not in self._closed]
        fresh = [option for option in options if (*path, option) not in self._visits]
        if fresh:
            return self._played(len(path), fresh, rewards, rng)
        log_n = math.log(len(self._visits[path]))
        return max(options, key=lambda option: self._bound((*path, option), log_n, rewards))

    def _played(
        self, depth: int, fresh: list[int], rewards: dict[int, float], rng: np.random.Generator
    ) -> int:
        """Draw an option in proportion to exp(Q_h / τ); one that was never taken counts as average."""
        taken = [self._taken.get((depth, option), ()) for option in fresh]
        means = [_mean(numbers, rewards) if numbers else AVERAGE for numbers in taken]
        weights = np.exp((np.asarray(means) - max(means)) / TEMPERATURE)
        return fresh[int(rng.choice(len(fresh), p=weights / weights.sum()))]

    def _bound(self, path: Path, log_n: float, rewards: dict[int, float]) -> float:
        visits = self._visits[path]
        return _mean(visits, rewards) + self.exploration * math.sqrt(2 * log_n / len(visits))

    def _rewards(self) -> dict[int, float]:
        """Return the share of the results that each network beats; networks without one get 0."""
        ranked = sorted(
            (self.rank(each), number) for number, each in self._results.items() if each.score is not None
        )
        rewards = {number: place / len(ranked) for place, (_, number) in enumerate(ranked, 1)}
        for place in range(1, len(ranked)):  # equal results get equal rewards
            if ranked[place][0] == ranked[place - 1][0]:
                rewards[ranked[place][1]] = rewards[ranked[place - 1][1]]
        return rewards

    def _close(self, path: Path) -> None:
        """Close a leaf, and every node above whose children are all closed."""
        self._closed.add(path)
        while path:
            path = path[:-1]
            size = self._decisions.sizes[len(path)]
            if not all((*path, option) in self._closed for option in range(size)):
                return
            self._closed.add(path)


def _mean(numbers: Sequence[int], rewards: Mapping[int, float]) -> float:
    return sum(rewards.get(number, 0.0) for number in numbers) / len(numbers)
