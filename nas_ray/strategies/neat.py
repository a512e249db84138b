"""NEAT: topologies that grow, in species that compete among themselves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from nas_ray.errors import ConfigError
from nas_ray.spaces import Config, domains
from nas_ray.strategies.base import Strategy
from nas_ray.strategies.records import Candidate, Observation

C_EXCESS, C_WEIGHT = 1.0, 0.4
"""The paper's coefficients of the compatibility distance."""
GROW, SHRINK = 0.5, 0.1
"""Probabilities that a mutation adds or removes a gene; otherwise it changes one."""
TRIES = 30


class NEAT(Strategy):
    """NeuroEvolution of Augmenting Topologies, Stanley and Miikkulainen, Evolutionary Computation 2002.

    A genome is a configuration; its genes are the keys that are a piece of the graph (an edge, a layer), each
    there or absent (:meth:`SearchSpace.absent`). The first networks are minimal, one gene more than nothing,
    and mutations let them grow. Where the graphs of a space are pieces of one large graph, a key is the same
    gene in all of them: it is its own historical marking. Networks whose compatibility distance
    δ = c₁ (genes that only one has) / N + c₃ (shared genes that differ) / N is below δ_t are one species; a
    species' fitness is shared by its members, and it gets children in proportion to that (explicit fitness
    sharing), so that a new topology has time to become good.

    Where we differ from the paper: there are no generations, a worker that comes free gets a child at once,
    and the network with the lowest shared fitness leaves (rtNEAT, Stanley, Bryant, Miikkulainen 2005); there
    are no weights to evolve, the networks are trained, and c₃ weighs operations that differ; fitness is the
    share of the population that a network beats (:meth:`Memory.rank`); keys that are no genes are drawn and
    mutated like the options of a gene. A first network that breaks the space's rules or is known already
    gets further genes.

    Args:
        space: The search space, of graphs.
        metric: Name of the metric; None takes the Tuner's.
        mode: ``"max"`` or ``"min"``; None takes the Tuner's.
        seed: Seed of all random choices.
        population_size: Networks in the population.
        threshold: The paper's δ_t; larger means fewer species.
        crossover_rate: Probability that a child has two parents of a species.
        options: Options of every :class:`Strategy`.

    Raises:
        ConfigError: If a size, rate or threshold is out of its range.
        Unsupported: If the space is not one of graphs.
    """

    name = "neat"
    requires = frozenset({"graph"})

    def __init__(
        self,
        space: Any = None,
        metric: str | None = None,
        mode: str | None = None,
        seed: int | None = None,
        *,
        population_size: int = 16,
        threshold: float = 0.3,
        crossover_rate: float = 0.5,
        **options: Any,
    ) -> None:
        if population_size < 2:
            raise ConfigError(f"`population_size` must be at least 2, but got {population_size}")
        if not threshold > 0:
            raise ConfigError(f"`threshold` must be greater than 0, but got {threshold}")
        if not 0 <= crossover_rate <= 1:
            raise ConfigError(f"`crossover_rate` must be between 0 and 1, but got {crossover_rate}")
        self.population_size, self.threshold = population_size, threshold
        self.crossover_rate = crossover_rate
        super().__init__(space, metric, mode, seed, **options)

    def prepare(self) -> None:
        """Begin with no population."""
        free = {key for key, domain in self._space.domains.items() if domains.count(domain) > 1}
        self._absent = {key: value for key, value in self._space.absent().items() if key in free}
        self.population: list[Observation] = []
        """Networks in the order in which they ended."""

    def propose(self, rng: np.random.Generator) -> Candidate:
        """Return a minimal network while the population is filling, then a child."""
        if len(self.population) < self.population_size:
            return Candidate(self._minimal(rng))
        species = self.species()
        fitness = self._fitness()
        shared = np.asarray([np.mean([fitness[each.number] for each in members]) for members in species])
        chosen = species[int(np.searchsorted(np.cumsum(shared), rng.random() * shared.sum(), side="right"))]
        parents = [self._parent(chosen, rng)]
        if rng.random() < self.crossover_rate:
            parents.append(self._parent(chosen, rng))
        child = self._mutant(self._cross(parents, rng), rng)
        return Candidate(child, parents=tuple(dict.fromkeys(parent.number for parent in parents)))

    def learn(self, observation: Observation) -> None:
        """Let a trained network into the population; the one with the lowest shared fitness leaves."""
        if observation.score is None or observation.outcome == "cached":
            return
        self.population = [each for each in self.population if each.number != observation.number]
        self.population.append(observation)
        if len(self.population) > self.population_size:
            fitness = self._fitness()
            shares = {
                each.number: fitness[each.number] / len(members)
                for members in self.species()
                for each in members
            }
            best = max(self.population, key=self.rank)
            others = [each for each in self.population if each is not best]
            self.population.remove(min(others, key=lambda each: (shares[each.number], each.number)))

    def species(self) -> list[list[Observation]]:
        """Return the population by species, the oldest network of each first."""
        found: list[list[Observation]] = []
        for network in self.population:
            home = next(
                (s for s in found if self.distance(network.config, s[0].config) < self.threshold), None
            )
            if home is None:
                found.append([network])
            else:
                home.append(network)
        return found

    def distance(self, first: Config, second: Config) -> float:
        """Return the compatibility distance δ of two genomes, from 0 to 1."""
        one, two = self._genes(first), self._genes(second)
        n = max(1, len(one | two))
        differing = sum(first[gene] != second[gene] for gene in one & two)
        return float(C_EXCESS * len(one ^ two) + C_WEIGHT * differing) / n

    def _genes(self, config: Config) -> set[str]:
        return {key for key, nothing in self._absent.items() if config[key] != nothing}

    def _fitness(self) -> dict[int, float]:
        ranked = sorted(self.population, key=lambda each: (self.rank(each), -each.number))
        return {each.number: place / len(ranked) for place, each in enumerate(ranked, 1)}

    def _parent(self, species: Sequence[Observation], rng: np.random.Generator) -> Observation:
        """Return the better one of two members."""
        pair = [species[int(at)] for at in rng.integers(len(species), size=2)]
        return max(pair, key=lambda each: (self.rank(each), -each.number))

    def _cross(self, parents: list[Observation], rng: np.random.Generator) -> Config:
        """Take shared genes from either parent, the others from the fitter one (of equals, from both)."""
        if len(parents) == 1:
            return dict(parents[0].config)
        better, worse = sorted(parents, key=self.rank, reverse=True)
        ours, theirs = self._genes(better.config), self._genes(worse.config)
        equal = self.rank(better) == self.rank(worse)
        either = (
            (set(better.config) - set(self._absent)) | (ours & theirs) | ((ours ^ theirs) if equal else set())
        )
        return {
            key: worse.config[key] if key in either and rng.random() < 0.5 else value
            for key, value in better.config.items()
        }

    def _minimal(self, rng: np.random.Generator) -> Config:
        """Return nothing with one gene; while it is known or breaks rules, one gene more."""
        config = {**self._space.sample(rng, self.task), **self._absent}
        for _ in range(len(self._absent)):
            config = self._grown(config, rng)
            if self._is_new(config) and rng.random() < 0.5:
                return config
        return config if self._is_new(config) else self._space.sample(rng, self.task)

    def _mutant(self, config: Config, rng: np.random.Generator) -> Config:
        """Return a mutant that keeps the rules and is new; where none is found, the base class's mutation."""
        for _ in range(TRIES):
            draw, child = rng.random(), config
            if draw < GROW:
                child = self._grown(config, rng)
            elif draw < GROW + SHRINK:
                child = self._shrunk(config, rng)
            if child == config:
                child = self._changed(config, rng)
            if self._is_new(child):
                return child
        return self._space.mutate(config, rng, self.task)

    def _is_new(self, config: Config) -> bool:
        space = self._space
        return not space.violations(config, self.task) and not self.memory.known(space.config_id(config))

    def _grown(self, config: Config, rng: np.random.Generator) -> Config:
        missing = [key for key, nothing in self._absent.items() if config[key] == nothing]
        if not missing:
            return config
        key = missing[int(rng.integers(len(missing)))]
        return {**config, key: self._other(key, self._absent[key], rng)}

    def _shrunk(self, config: Config, rng: np.random.Generator) -> Config:
        present = [key for key in self._absent if key in self._genes(config)]
        if not present:
            return config
        key = present[int(rng.integers(len(present)))]
        return {**config, key: self._absent[key]}

    def _changed(self, config: Config, rng: np.random.Generator) -> Config:
        genes = self._genes(config)
        keys = [
            key
            for key, domain in self._space.domains.items()
            if (key in genes or key not in self._absent) and domains.count(domain) > 1
        ]
        if not keys:
            return config
        key = keys[int(rng.integers(len(keys)))]
        value = self._other(key, config[key], rng)
        return config if value == self._absent.get(key, ...) else {**config, key: value}

    def _other(self, key: str, value: Any, rng: np.random.Generator) -> Any:
        return domains.draw_other(self._space.domains[key], value, rng)
