"""What every search space must keep, as tests that the author of a space inherits.

Write a subclass in a test file and run pytest::

    from nas_ray.testing.spaces import SearchSpaceConformance

    class TestMySpace(SearchSpaceConformance):
        def make_space(self):
            return MySpace()

        def make_task(self):
            return Task(kind="classification", input_shape=(1, 8, 8), outputs=10)

Give the space its smallest settings, so that a network takes milliseconds. Two tests, of 500 networks, bear
the mark ``benchmark``: name it in the configuration of pytest, and leave them out of quick runs with
``-m 'not benchmark'``.
"""

# ruff: noqa: D102 - a test's name is its sentence

from __future__ import annotations

import itertools
import json
import math
import random
import re
import time
from collections.abc import Iterator
from graphlib import TopologicalSorter
from typing import Any

import numpy as np
import pytest
from ray.tune.search.optuna import OptunaSearch
from ray.tune.search.variant_generator import generate_variants

from nas_ray.errors import InvalidConfig
from nas_ray.spaces import Config, SearchSpace, canonical_json, domains
from nas_ray.spaces.space import LISTED
from nas_ray.tasks import Task
from nas_ray.testing.space_driver import DriverConformance
from nas_ray.testing.space_fixtures import assert_valid
from nas_ray.testing.space_networks import NetworkConformance
from nas_ray.testing.space_twins import TwinConformance


class SearchSpaceConformance(DriverConformance, NetworkConformance, TwinConformance):
    """Tests that hold for every search space; a subclass says which space and for which task."""

    seconds_per_thousand = 1.0
    """Time for 1,000 samples with canonical form and id; only a search for isomorphisms may need more."""

    keys_per_mutation = 1
    """Keys that most mutations change; more where one thing of the architecture is several keys."""

    def test_configurations_are_plain_members(self, space: SearchSpace, configs: list[Config]) -> None:
        for config in configs:
            again = json.loads(json.dumps(config, allow_nan=False))
            assert again == config
            assert all(type(value) in domains.PLAIN for value in config.values()), config
            assert space.check(again) == config
            assert space.active(config) <= config.keys()
            assert space.describe(config).strip()

    def test_check_refuses_strangers(self, space: SearchSpace, configs: list[Config]) -> None:
        key = next(iter(configs[0]))
        missing = {name: value for name, value in configs[0].items() if name != key}
        for stranger, named in (
            (missing, key),
            ({**configs[0], "no.such.key": 1}, "no.such.key"),
            ({**configs[0], key: ["no value"]}, key),
        ):
            with pytest.raises(InvalidConfig, match=re.escape(named)):
                space.check(stranger)

    def test_graphs_are_graphs_of_texts_without_cycles(
        self, space: SearchSpace, configs: list[Config]
    ) -> None:
        for config in configs:
            for name, edges in space.graphs(config).items():
                assert name.strip()
                assert all(isinstance(text, str) for edge in edges for text in edge)
                assert all(edge.source.strip() and edge.target.strip() for edge in edges)
                graph: dict[str, set[str]] = {}
                for edge in edges:
                    graph.setdefault(edge.target, set()).add(edge.source)
                list(TopologicalSorter(graph).static_order())  # a cycle raises

    def test_mutations_are_valid_and_new(self, space: SearchSpace, task: Task, configs: list[Config]) -> None:
        """A mutation changes one thing that matters: another network, or another training of it."""
        rng, changes = np.random.default_rng(4), []
        for config in configs:
            before = dict(config)
            for _ in range(5):
                child = space.mutate(config, rng, task)
                assert_valid(space, child, task)
                assert space.config_id(child) != space.config_id(config)
                changes.append({key for key in config if child[key] != config[key]})
                assert changes[-1] & (space.active(config) | space.active(child))
            assert config == before
        assert np.median([len(keys) for keys in changes]) <= self.keys_per_mutation

    def test_crossovers_are_valid_mixtures(
        self, space: SearchSpace, task: Task, configs: list[Config]
    ) -> None:
        rng = np.random.default_rng(5)
        for first, second in itertools.pairwise(configs):
            child = space.crossover(first, second, rng, task)
            assert_valid(space, child, task)
            assert all(child[key] in (first[key], second[key]) for key in child)

    def test_neighbours_are_valid_and_distinct(
        self, space: SearchSpace, task: Task, configs: list[Config]
    ) -> None:
        for config in configs[:5]:
            neighbours = list(itertools.islice(space.neighbours(config, task), 200))
            for neighbour in neighbours:
                assert_valid(space, neighbour, task)
            ids = {space.config_id(neighbour) for neighbour in neighbours}
            assert neighbours
            assert len(ids) == len(neighbours)
            assert space.config_id(config) not in ids

    def test_rules_are_told_in_words(self, space: SearchSpace, task: Task, configs: list[Config]) -> None:
        rng = np.random.default_rng(6)
        for _ in range(300):
            config = {key: domains.draw(domain, rng) for key, domain in space.domains.items()}
            for rule in space.violations(config, task) + space.violations(config):
                assert isinstance(rule, str)
                assert " " in rule.strip(), f"a rule must be told in words, but got {rule!r}"
        assert all(space.violations(config, task) == [] for config in configs)

    def test_size_is_the_number_of_configurations(self, space: SearchSpace) -> None:
        combinations = math.prod(domains.count(domain) for domain in space.domains.values())
        assert 0 < space.size() <= combinations
        if combinations <= LISTED:
            members = ({key: config[key] for key in space.active(config)} for config in space.enumerate())
            assert space.size() == len({canonical_json(member) for member in members})

    def test_a_thousand_samples_take_no_time(self, space: SearchSpace, task: Task) -> None:
        def seconds() -> float:
            rng, start = np.random.default_rng(7), time.process_time()  # other processes do not count
            for _ in range(1000):
                config = space.sample(rng, task)
                space.canonical(config)
                space.config_id(config)
            return time.process_time() - start

        assert any(seconds() < self.seconds_per_thousand for _ in range(3))

    def test_seeds_alone_decide(self, space: SearchSpace, task: Task) -> None:
        import torch

        before = (random.getstate(), canonical_json(_numpy_state()), torch.get_rng_state().tolist())
        same, again, other = (list(_walk(self.make_space(), seed, task)) for seed in (8, 8, 9))
        assert same == again
        if space.size() > 1:
            assert same != other
        assert before == (random.getstate(), canonical_json(_numpy_state()), torch.get_rng_state().tolist())

    def test_tunes_random_search_drives_it(self, space: SearchSpace) -> None:
        for seed in range(self.samples):
            variants = generate_variants(space.param_space(), random_state=np.random.default_rng(seed))
            space.check(next(config for _, config in variants))

    def test_stock_optuna_search_drives_it(self, space: SearchSpace) -> None:
        search = OptunaSearch(seed=0)
        assert search.set_search_properties("score", "max", space.param_space())
        for trial in range(self.samples):
            space.check(search.suggest(f"trial{trial}"))
            search.on_trial_complete(f"trial{trial}", {"score": float(trial)})


def _walk(space: SearchSpace, seed: int, task: Task) -> Iterator[Config]:
    rng = np.random.default_rng(seed)
    for _ in range(10):
        config = space.sample(rng, task)
        yield config
        yield space.crossover(config, space.mutate(config, rng, task), rng, task)


def _numpy_state() -> list[Any]:
    state: Any = np.random.get_state()  # noqa: NPY002 - the global state is what is watched
    return [part.tolist() if isinstance(part, np.ndarray) else part for part in state]
