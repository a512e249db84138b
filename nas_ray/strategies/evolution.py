"""Evolution: mutate the best of a few, among the youngest networks or among the best."""

from __future__ import annotations

from typing import Any

import numpy as np

from nas_ray.errors import ConfigError
from nas_ray.strategies.base import Strategy
from nas_ray.strategies.records import Candidate, Observation


class Evolution(Strategy):
    """Regularised (aging) evolution, Real et al., AAAI 2019, https://arxiv.org/abs/1802.01548.

    The population is a queue of the last P trained networks in the order in which they ended: whoever is
    too old leaves it, however good. A child is a mutation of the best of S members drawn at random. As
    long as the population is filling, networks are drawn from the space. With ``aging=False`` the worst
    network leaves the population in place of the oldest, the paper's "non-aging evolution" (there, the worst
    of a tournament does): it converges faster, and clings to a network whose result was luck.

    Where we differ from the paper: the search is a steady state that never waits (a worker that comes free
    gets a child of whatever has ended by then); a network that was trained already is not trained
    again and enters the population once (one that a rule pauses enters at the pause, and anew when more is
    known of it); with probability ``crossover_rate`` the child is a mixture of the winners of two
    tournaments before it is mutated; and a trial that a stopping rule ended or paused takes part with the
    final score that is expected of it (:meth:`Memory.rank`). P and S are smaller than the paper's 100 and
    25, which were chosen for 20,000 trials: with 16 it evolves in budgets of 24 trials already.

    Example:
        >>> from ray import tune
        >>> strategy = Evolution(metric="val_acc", mode="max", seed=0, population_size=2, sample_size=2)
        >>> strategy.set_search_properties(None, None, {"width": tune.randint(1, 1000)})
        True
        >>> for name, val_acc in (("a", 0.7), ("b", 0.9)):
        ...     config = strategy.suggest(name)
        ...     strategy.on_trial_complete(name, {"val_acc": val_acc})
        >>> _ = strategy.suggest("c")
        >>> strategy.proposal_of("c").parents
        (1,)

    Args:
        space: The search space; None takes the flat parameter space that Tune hands over.
        metric: Name of the metric; None takes the Tuner's.
        mode: ``"max"`` or ``"min"``; None takes the Tuner's.
        seed: Seed of all random choices.
        population_size: The paper's P.
        sample_size: The paper's S, members in a tournament; 1 is a random walk, P always takes the best.
        crossover_rate: Probability that a child has two parents; 0 is the paper's algorithm.
        aging: Whether the oldest network leaves the population; if not, the worst one does.
        options: Options of every :class:`Strategy`.

    Raises:
        ConfigError: If a size is below 1, S is greater than P, or the rate is no probability.
    """

    name = "evolution"

    def __init__(
        self,
        space: Any = None,
        metric: str | None = None,
        mode: str | None = None,
        seed: int | None = None,
        *,
        population_size: int = 16,
        sample_size: int = 8,
        crossover_rate: float = 0.25,
        aging: bool = True,
        **options: Any,
    ) -> None:
        if not 1 <= sample_size <= population_size:
            raise ConfigError(
                "`1 <= sample_size <= population_size` must hold, "
                f"but got ({sample_size=}, {population_size=})"
            )
        if not 0 <= crossover_rate <= 1:
            raise ConfigError(f"`crossover_rate` must be between 0 and 1, but got {crossover_rate}")
        self.population_size, self.sample_size = population_size, sample_size
        self.crossover_rate, self.aging = crossover_rate, aging
        super().__init__(space, metric, mode, seed, **options)

    def prepare(self) -> None:
        """Begin with no population."""
        self.population: list[Observation] = []
        """At most ``population_size`` trained networks, oldest first."""

    def propose(self, rng: np.random.Generator) -> Candidate:
        """Draw a sample while the population is filling, then a child."""
        if len(self.population) < self.population_size:
            return Candidate(self._space.sample(rng, self.task))
        parents = [self._tournament(rng)]
        if rng.random() < self.crossover_rate:
            parents.append(self._tournament(rng))
        config = parents[0].config
        if len(parents) == 2:
            config = self._space.crossover(config, parents[1].config, rng, self.task)
        child = self._space.mutate(config, rng, self.task)
        return Candidate(child, parents=tuple(dict.fromkeys(parent.number for parent in parents)))

    def learn(self, observation: Observation) -> None:
        """Let a trained network into the population; the oldest, or the worst, leaves it."""
        if observation.score is None or observation.outcome == "cached":
            return
        self.population = [each for each in self.population if each.number != observation.number]
        self.population.append(observation)
        if len(self.population) > self.population_size:
            leaver = 0 if self.aging else self._worst()
            del self.population[leaver]

    def _tournament(self, rng: np.random.Generator) -> Observation:
        picks = rng.choice(len(self.population), size=self.sample_size, replace=False)
        # The lower number wins a tie, whatever the order of the draw.
        contestants = sorted((self.population[int(pick)] for pick in picks), key=lambda one: one.number)
        return max(contestants, key=self.rank)

    def _worst(self) -> int:
        # Of equals the older one leaves.
        order = [(self.rank(each), each.number) for each in self.population]
        return order.index(min(order))
