"""Conformance of a space: configurations that are the same network; see :mod:`nas_ray.testing.spaces`."""

# ruff: noqa: D102 - a test's name is its sentence

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from nas_ray.spaces import Config, SearchSpace, canonical_json, domains
from nas_ray.tasks import Task
from nas_ray.testing.space_fixtures import SpaceFixtures, example

DRAWS = 500
"""Samples among which, with a change or two in each, the same network is looked for."""


class TwinConformance(SpaceFixtures):
    """Tests of canonical forms, features and ids, and of the networks behind equal ones."""

    def test_canonical_forms_and_features_are_functions(
        self, space: SearchSpace, configs: list[Config]
    ) -> None:
        """The same configuration always gives the same canonical form, ids and features."""
        for config in configs:
            before = dict(config)
            form, features = canonical_json(space.canonical(config)), space.features(config)
            assert form == canonical_json(space.canonical(config))
            assert features.shape == (sum(space.feature_groups),)
            assert np.isfinite(features).all()
            assert np.array_equal(features, space.features(config))
            assert config == before

    def test_canonical_forms_survive_json_in_any_order(
        self, space: SearchSpace, configs: list[Config]
    ) -> None:
        """Reading a configuration again, or listing its keys in another order, changes nothing."""
        for config in configs:
            form = space.canonical(config)
            again = json.loads(json.dumps(dict(reversed(config.items()))))
            assert space.canonical(again) == form
            assert canonical_json(json.loads(canonical_json(form))) == canonical_json(form)
            assert space.config_id(again) == space.config_id(config)
            assert np.array_equal(space.features(again), space.features(config))

    def test_keys_that_do_not_matter_change_nothing(
        self, space: SearchSpace, task: Task, configs: list[Config], one_thread: None
    ) -> None:
        rng = np.random.default_rng(2)
        for config in configs:
            other = dict(config)
            for key in config.keys() - space.active(config):
                other[key] = _another(space, key, config[key], rng)
            assert space.violations(other, task) == []
            if other != config:
                _assert_same_network(space, task, config, other)

    def test_equal_canonical_forms_are_the_same_network(
        self, space: SearchSpace, task: Task, one_thread: None
    ) -> None:
        """Whatever is the same by its id has equal features, parameters in the same order, and outputs."""
        found = list(twins(space, task))
        for first, other in found[:: 1 + len(found) // self.samples]:
            _assert_same_network(space, task, first, other)

    @pytest.mark.benchmark
    def test_all_equal_canonical_forms_are_the_same_network(
        self, space: SearchSpace, task: Task, one_thread: None, capsys: pytest.CaptureFixture[str]
    ) -> None:
        found = list(itertools.islice(twins(space, task), self.many))
        for first, other in found:
            _assert_same_network(space, task, first, other)
        with capsys.disabled():
            print(
                f"\n{type(self).__name__}: {len(found)} pairs of encodings of {space.name!r} are one network"
            )


def twins(space: SearchSpace, task: Task) -> Iterator[tuple[Config, Config]]:
    """Yield configurations that differ and have one id, as far as sampling and small changes find them."""
    rng, known = np.random.default_rng(3), dict[str, Config]()
    for _ in range(DRAWS):
        config = space.sample(rng, task)
        for each in (config, _changed(space, config, rng), _swapped(space, config, rng)):
            if space.violations(each, task):
                continue
            first = known.setdefault(space.config_id(each), each)
            if first != each:
                yield first, each


def _changed(space: SearchSpace, config: Config, rng: np.random.Generator) -> Config:
    key = list(config)[int(rng.integers(len(config)))]
    return {**config, key: _another(space, key, config[key], rng)}


def _swapped(space: SearchSpace, config: Config, rng: np.random.Generator) -> Config:
    """Exchange the values of one or two pairs of keys with the same domain: nodes in another order."""
    alike: dict[str, list[str]] = {}
    for key, domain in space.domains.items():
        alike.setdefault(domains.signature(domain), []).append(key)
    groups, other = [keys for keys in alike.values() if len(keys) > 1], dict(config)
    for _ in range(int(rng.integers(1, 3)) if groups else 0):
        keys = groups[int(rng.integers(len(groups)))]
        one, two = (keys[int(place)] for place in rng.choice(len(keys), 2, replace=False))
        other[one], other[two] = other[two], other[one]
    return other


def _another(space: SearchSpace, key: str, current: Any, rng: np.random.Generator) -> Any:
    domain = space.domains[key]
    return domains.draw_other(domain, current, rng) if domains.count(domain) > 1 else current


def _assert_same_network(space: SearchSpace, task: Task, one: Config, other: Config) -> None:
    assert space.canonical(one) == space.canonical(other)
    assert space.config_id(one) == space.config_id(other)
    assert space.architecture_id(one) == space.architecture_id(other)
    assert np.array_equal(space.features(one), space.features(other))
    _assert_same_outputs(space, task, one, other)


def _assert_same_outputs(space: SearchSpace, task: Task, one: Config, other: Config) -> None:
    """Copy the weights of one network into the other, in order, and compare what they compute."""
    import torch

    first, second = (space.build(config, task).eval() for config in (one, other))
    with torch.no_grad():
        inputs = example(task, 2)
        for network in (first, second):
            network(inputs)  # lazy layers get their shapes
        for weight in first.parameters():
            weight.add_(0.1 * torch.randn_like(weight))  # what starts at zero hides nothing
        # By place, not by name: layers that do nothing may shift the names of those after them.
        weights = [list(network.state_dict().values()) for network in (first, second)]
        assert [each.shape for each in weights[0]] == [each.shape for each in weights[1]], (one, other)
        for theirs, mine in zip(*weights, strict=True):
            mine.copy_(theirs)
        # Sums in another order may differ in their last bits.
        torch.testing.assert_close(second(inputs), first(inputs), rtol=1e-3, atol=1e-4)
