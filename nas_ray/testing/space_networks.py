"""Conformance of a space: what it builds; see :mod:`nas_ray.testing.spaces`."""

# ruff: noqa: D102 - a test's name is its sentence

from __future__ import annotations

import time
from statistics import median
from typing import TYPE_CHECKING

import numpy as np
import pytest

from nas_ray.spaces import Config, SearchSpace
from nas_ray.tasks import Task
from nas_ray.testing.space_fixtures import SpaceFixtures, example, on_meta

if TYPE_CHECKING:
    from torch import nn


class NetworkConformance(SpaceFixtures):
    """Tests of the networks of drawn configurations."""

    width_dial = True
    """Whether the networks shrink with ``Task.width``, as a space does that calls ``Task.scaled``."""

    def test_networks_run_forward_and_backward(
        self, space: SearchSpace, task: Task, configs: list[Config], one_thread: None
    ) -> None:
        """Networks of drawn configurations give finite outputs of the task's shape, and gradients."""
        for config in configs:
            _run(space, config, task)

    @pytest.mark.benchmark
    def test_many_networks_run_forward_and_backward(
        self, space: SearchSpace, task: Task, one_thread: None, capsys: pytest.CaptureFixture[str]
    ) -> None:
        rng, started = np.random.default_rng(0), time.perf_counter()
        sizes = [_run(space, space.sample(rng, task), task) for _ in range(self.many)]
        with capsys.disabled():
            print(
                f"\n{type(self).__name__}: {len(sizes)} networks of {space.name!r} ran forward and backward "
                f"in {time.perf_counter() - started:.1f} s; {min(sizes):,} to {max(sizes):,} parameters, "
                f"median {median(sizes):,.0f}"
            )

    def test_networks_build_on_the_meta_device(self, without_memory: list[nn.Module]) -> None:
        for network in without_memory:
            assert {weight.device.type for weight in network.parameters()} == {"meta"}

    def test_the_width_dial_makes_networks_smaller(
        self, space: SearchSpace, task: Task, configs: list[Config], without_memory: list[nn.Module]
    ) -> None:
        if not self.width_dial:
            pytest.skip("this space does not scale with the width of a task")
        for config, network in zip(configs, without_memory, strict=True):
            half = space.build(config, task.at(width=task.width / 2))
            assert _parameters(half) < _parameters(network), config

    def test_published_networks_are_members_that_build(self, space: SearchSpace, task: Task) -> None:
        """A published network breaks no rule; where small inputs allow it, it is built and run."""
        for name, config in space.members().items():
            assert space.check(config) == config, name
            assert space.violations(config) == [], name
            if not space.violations(config, task):
                outputs = on_meta(space, config, task)(example(task, 2, "meta"))
                assert outputs.shape == (2, task.outputs), name

    def test_unchanged_settings_leave_the_network_as_it_is(
        self, space: SearchSpace, task: Task, configs: list[Config], without_memory: list[nn.Module]
    ) -> None:
        for config, network in zip(configs, without_memory, strict=True):
            again = space.scale(config)
            assert again.config == config
            assert again.space.config_id(again.config) == space.config_id(config)
            assert _shapes(again.build(task)) == _shapes(network)


def _run(space: SearchSpace, config: Config, task: Task) -> int:
    """Train a network for one step, check what comes out, and return its number of parameters."""
    network = space.build(config, task)
    outputs = network(example(task, 4))
    assert outputs.shape == (4, task.outputs), config
    assert outputs.isfinite().all(), config
    outputs.square().mean().backward()
    gradients = [weight.grad for weight in network.parameters() if weight.grad is not None]
    assert gradients, f"no parameter of {config} learns"
    assert all(gradient.isfinite().all() for gradient in gradients), config
    return _parameters(network)


def _parameters(network: nn.Module) -> int:
    return sum(weight.numel() for weight in network.parameters())


def _shapes(network: nn.Module) -> list[tuple[int, ...]]:
    from torch.nn.parameter import is_lazy

    return [() if is_lazy(weight) else tuple(weight.shape) for weight in network.parameters()]
