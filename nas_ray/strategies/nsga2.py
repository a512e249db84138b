"""NSGA-II: evolution towards the Pareto front of several objectives."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nas_ray.errors import ConfigError
from nas_ray.pareto import crowding, fronts
from nas_ray.strategies.base import Strategy
from nas_ray.strategies.records import Candidate, Observation


class NSGA2(Strategy):
    """NSGA-II, Deb, Pratap, Agarwal and Meyarivan, 2002, https://doi.org/10.1109/4235.996017.

    The population P are the N best networks by front and, within a front, by crowding distance. A child
    comes of two parents, each the better one of two drawn at random (the crowded-comparison operator ≺_n):
    with probability ``crossover_rate`` it is a mixture of both, else the first, and then it is mutated.
    As long as the population is filling, networks are drawn from the space.

    Where we differ from the paper: there are no generations. A worker that comes free gets a child at once,
    and every network that ends competes with the population at once (the steady state of Durillo et al.
    2009, which they found better). A trial that a stopping rule ended or paused competes with the value of
    the first objective that a full training is expected to reach (:meth:`Memory.rank`), and with the others
    as they were at its last report; before there are full trainings to learn that from it stands behind
    every trial that got further. With a single objective it is an elitist genetic
    algorithm.

    Example:
        >>> from ray import tune
        >>> from nas_ray.tasks import Objective
        >>> goal = [Objective("val_acc", "max"), Objective("params", "min")]
        >>> strategy = NSGA2(seed=0, objectives=goal, population_size=4)
        >>> strategy.set_search_properties(None, None, {"width": tune.randint(1, 1000)})
        True
        >>> for name in "abc":
        ...     width = strategy.suggest(name)["width"]
        ...     strategy.on_trial_complete(name, {"val_acc": 1 - 1 / width, "params": width})
        >>> len(strategy.population)
        3

    Args:
        space: The search space; None takes the flat parameter space that Tune hands over.
        metric: Name of the metric; None takes the Tuner's.
        mode: ``"max"`` or ``"min"``; None takes the Tuner's.
        seed: Seed of all random choices.
        population_size: The paper's N.
        crossover_rate: Probability that a child is a mixture of both parents.
        options: Options of every :class:`Strategy`; ``objectives`` are several.

    Raises:
        ConfigError: If the population is below 2, or the rate is no probability.
    """

    name = "nsga2"
    pareto = True

    def __init__(
        self,
        space: Any = None,
        metric: str | None = None,
        mode: str | None = None,
        seed: int | None = None,
        *,
        population_size: int = 24,
        crossover_rate: float = 0.5,
        **options: Any,
    ) -> None:
        if population_size < 2:
            raise ConfigError(f"`population_size` must be at least 2, but got {population_size}")
        if not 0 <= crossover_rate <= 1:
            raise ConfigError(f"`crossover_rate` must be between 0 and 1, but got {crossover_rate}")
        self.population_size, self.crossover_rate = population_size, crossover_rate
        super().__init__(space, metric, mode, seed, **options)

    def prepare(self) -> None:
        """Begin with no population."""
        self.population: list[Observation] = []
        """At most N networks, the best first."""

    def propose(self, rng: np.random.Generator) -> Candidate:
        """Draw a sample while the population is filling, then a child."""
        if len(self.population) < self.population_size:
            return Candidate(self._space.sample(rng, self.task))
        parents = [self._tournament(rng), self._tournament(rng)]
        if rng.random() < self.crossover_rate:
            config = self._space.crossover(parents[0].config, parents[1].config, rng, self.task)
        else:
            config, parents = parents[0].config, parents[:1]
        child = self._space.mutate(config, rng, self.task)
        return Candidate(child, parents=tuple(dict.fromkeys(parent.number for parent in parents)))

    def learn(self, observation: Observation) -> None:
        """Let a trained network compete with the population; the last one leaves it."""
        if observation.score is None or observation.outcome == "cached":
            return
        others = [each for each in self.population if each.number != observation.number]
        everybody = [*others, observation]
        order = _order(np.asarray([self._scores(each) for each in everybody]))
        self.population = [everybody[int(at)] for at in order[: self.population_size]]

    def _tournament(self, rng: np.random.Generator) -> Observation:
        # The population is in order, so that the smaller index is the better network.
        return self.population[int(rng.integers(len(self.population), size=2).min())]

    def _scores(self, observation: Observation) -> tuple[float, ...]:
        fidelity, worth = self.rank(observation)
        first, *others = observation.scores
        assert observation.score is not None
        # The worth is a weighted sum where all objectives have weights: what it gains, the first one gains.
        weights = [objective.weight for objective in self.goal]
        weight = 1.0 if len(weights) == 1 or None in weights else weights[0]
        gain = (worth - observation.score) / weight if weight else 0.0
        return (fidelity, first + gain, *others)


def _order(scores: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the order of networks by fidelity, front and crowding distance, the best first.

    Args:
        scores: (n, 1 + n_objectives), the fidelity first.
    """
    front, distance = np.zeros(len(scores), dtype=np.int64), np.zeros(len(scores))
    for fidelity in np.unique(scores[:, 0]):
        same = np.flatnonzero(scores[:, 0] == fidelity)
        front[same] = fronts(scores[same, 1:])
        for level in np.unique(front[same]):
            members = same[front[same] == level]
            distance[members] = crowding(scores[members, 1:])
    return np.lexsort((np.arange(len(scores)), -distance, front, -scores[:, 0]))
