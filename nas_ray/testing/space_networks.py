"""The half of the conformance of a space that builds networks; see :mod:`nas_ray.testing.spaces`."""

# ruff: noqa: D102 - a test's name is its sentence

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from nas_ray.spaces import Config, SearchSpace, domains
from nas_ray.tasks import Task

if TYPE_CHECKING:
    from torch import nn


class NetworkConformance:
    """Tests of what a space builds, and the fixtures of all its tests."""

    samples = 20
    """Configurations that are built, trained for one step and checked one by one."""

    width_dial = True
    """Whether the networks shrink with ``Task.width``, as a space does that calls ``Task.scaled``."""

    def make_space(self) -> SearchSpace:
        """Return a fresh space; two calls give equal ones."""
        raise NotImplementedError

    def make_task(self) -> Task:
        """Return a task with small inputs that the space serves."""
        raise NotImplementedError

    @pytest.fixture
    def space(self) -> SearchSpace:
        """Give the space under test."""
        return self.make_space()

    @pytest.fixture
    def task(self) -> Task:
        """Give the task under test."""
        return self.make_task()

    @pytest.fixture
    def configs(self, space: SearchSpace, task: Task) -> list[Config]:
        """Give random valid configurations."""
        rng = np.random.default_rng(1)
        return [space.sample(rng, task) for _ in range(self.samples)]

    @pytest.fixture
    def one_thread(self) -> Iterator[None]:
        """Keep torch to one thread, the quickest way for tiny networks, and its generator seeded."""
        import torch

        threads, state = torch.get_num_threads(), torch.get_rng_state()
        torch.set_num_threads(1)
        torch.manual_seed(0)
        yield
        torch.set_num_threads(threads)
        torch.set_rng_state(state)

    def test_networks_run_forward_and_backward(
        self, space: SearchSpace, task: Task, configs: list[Config], one_thread: None
    ) -> None:
        """Networks of drawn configurations give finite outputs of the task's shape, and gradients."""
        import torch

        for config in configs:
            network, inputs = space.build(config, task), torch.randn(4, *task.input_shape)
            outputs = network(inputs)
            assert outputs.shape == (4, task.outputs), config
            assert outputs.isfinite().all(), config
            outputs.square().mean().backward()
            gradients = [weight.grad for weight in network.parameters() if weight.grad is not None]
            assert gradients, f"no parameter of {config} learns"
            assert all(gradient.isfinite().all() for gradient in gradients), config

    def test_networks_build_on_the_meta_device(
        self, space: SearchSpace, task: Task, configs: list[Config]
    ) -> None:
        for config in configs:
            assert {weight.device.type for weight in _meta(space, config, task).parameters()} == {"meta"}

    def test_the_width_dial_makes_networks_smaller(
        self, space: SearchSpace, task: Task, configs: list[Config]
    ) -> None:
        if not self.width_dial:
            pytest.skip("this space does not scale with the width of a task")
        for config in configs:
            half = _meta(space, config, task.at(width=task.width / 2))
            assert _parameters(half) < _parameters(_meta(space, config, task)), config

    def test_keys_that_do_not_matter_change_nothing(
        self, space: SearchSpace, task: Task, configs: list[Config]
    ) -> None:
        rng = np.random.default_rng(2)
        for config in configs:
            other = dict(config)
            for key in config.keys() - space.active(config):
                other[key] = _another(space, key, config[key], rng)
            assert space.violations(other, task) == []
            _assert_same_network(space, task, config, other)

    def test_equal_canonical_forms_are_the_same_network(self, space: SearchSpace, task: Task) -> None:
        rng, known, twins = np.random.default_rng(3), dict[str, Config](), []
        for _ in range(500):
            config = space.sample(rng, task)
            first = known.setdefault(space.config_id(config), config)
            if first != config:
                twins.append((first, config))
        for first, config in twins[: self.samples]:
            _assert_same_network(space, task, first, config)


def _another(space: SearchSpace, key: str, current: Any, rng: np.random.Generator) -> Any:
    domain = space.domains[key]
    return domains.draw_other(domain, current, rng) if domains.count(domain) > 1 else current


def _assert_same_network(space: SearchSpace, task: Task, one: Config, other: Config) -> None:
    assert space.canonical(one) == space.canonical(other)
    assert space.config_id(one) == space.config_id(other)
    assert space.architecture_id(one) == space.architecture_id(other)
    assert np.array_equal(space.features(one), space.features(other))
    # Shapes, not names: layers that do nothing may shift the names of those after them.
    shapes = [
        [tuple(weight.shape) for weight in _meta(space, c, task).state_dict().values()] for c in (one, other)
    ]
    assert shapes[0] == shapes[1]


def _meta(space: SearchSpace, config: Config, task: Task) -> nn.Module:
    import torch

    with torch.device("meta"):
        return space.build(config, task)


def _parameters(network: nn.Module) -> int:
    return sum(weight.numel() for weight in network.parameters())
