"""What every search space must keep, as tests that the author of a space inherits.

Write a subclass in a test file and run pytest::

    from nas_ray.testing.spaces import SearchSpaceConformance

    class TestMySpace(SearchSpaceConformance):
        def make_space(self):
            return MySpace()

        def make_task(self):
            return Task(kind="classification", input_shape=(1, 8, 8), outputs=10)
"""

# ruff: noqa: D102 - a test's name is its sentence

from __future__ import annotations

import itertools
import json
import math
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ray import cloudpickle
from ray.tune.search.optuna import OptunaSearch
from ray.tune.search.variant_generator import generate_variants

from nas_ray.errors import InvalidConfig
from nas_ray.spaces import Config, SearchSpace, canonical_json, domains
from nas_ray.spaces.space import LISTED
from nas_ray.tasks import Task
from nas_ray.testing.space_networks import NetworkConformance

IDS_ELSEWHERE = """
import json, pickle, sys
from pathlib import Path
space, config = pickle.loads(Path(sys.argv[1]).read_bytes())
print(json.dumps([space.architecture_id(config), space.config_id(config)]))
"""


class SearchSpaceConformance(NetworkConformance):
    """Tests that hold for every search space; a subclass says which space and for which task."""

    seconds_per_thousand = 1.0
    """Time for 1,000 samples with canonical form and id; only a search for isomorphisms may need more."""

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
        for stranger in (missing, {**configs[0], "no.such.key": 1}, {**configs[0], key: ["no value"]}):
            with pytest.raises(InvalidConfig):
                space.check(stranger)

    def test_canonical_forms_and_features_are_functions(
        self, space: SearchSpace, configs: list[Config]
    ) -> None:
        """The same configuration always gives the same canonical form, ids and features."""
        lengths = set()
        for config in configs:
            before = dict(config)
            form, features = canonical_json(space.canonical(config)), space.features(config)
            assert form == canonical_json(space.canonical(config))
            assert features.ndim == 1
            assert np.isfinite(features).all()
            assert np.array_equal(features, space.features(config))
            assert config == before
            lengths.add(len(features))
        assert len(lengths) == 1

    def test_mutations_are_valid_and_new(self, space: SearchSpace, task: Task, configs: list[Config]) -> None:
        rng = np.random.default_rng(4)
        for config in configs:
            before = dict(config)
            for _ in range(5):
                child = space.mutate(config, rng, task)
                _assert_valid(space, child, task)
                assert space.config_id(child) != space.config_id(config)
            assert config == before

    def test_crossovers_are_valid_mixtures(
        self, space: SearchSpace, task: Task, configs: list[Config]
    ) -> None:
        rng = np.random.default_rng(5)
        for first, second in itertools.pairwise(configs):
            child = space.crossover(first, second, rng, task)
            _assert_valid(space, child, task)
            assert all(child[key] in (first[key], second[key]) for key in child)

    def test_neighbours_are_valid_and_distinct(
        self, space: SearchSpace, task: Task, configs: list[Config]
    ) -> None:
        for config in configs[:5]:
            neighbours = list(itertools.islice(space.neighbours(config, task), 200))
            for neighbour in neighbours:
                _assert_valid(space, neighbour, task)
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

    def test_ids_are_equal_in_another_process(
        self, space: SearchSpace, configs: list[Config], tmp_path: Path
    ) -> None:
        """Ids do not depend on the process or its hash seed."""
        module = sys.modules[type(self).__module__]  # a test file cannot be imported elsewhere
        cloudpickle.register_pickle_by_value(module)
        try:
            (tmp_path / "space.pkl").write_bytes(cloudpickle.dumps((space, configs[0])))
        finally:
            cloudpickle.unregister_pickle_by_value(module)
        answer = subprocess.run(  # noqa: S603 - our own interpreter and our own text
            [sys.executable, "-c", IDS_ELSEWHERE, str(tmp_path / "space.pkl")],
            env={
                **os.environ,
                "PYTHONHASHSEED": "1234",
                "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
            },
            capture_output=True,
            text=True,
            check=True,
        )
        assert json.loads(answer.stdout) == [space.architecture_id(configs[0]), space.config_id(configs[0])]

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


def _assert_valid(space: SearchSpace, config: Config, task: Task) -> None:
    assert space.check(config) == config
    assert space.violations(config, task) == []
