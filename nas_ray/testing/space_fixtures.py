"""What the conformance tests of a space work on; see :mod:`nas_ray.testing.spaces`."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pytest

from nas_ray.spaces import Config, SearchSpace
from nas_ray.tasks import Task

if TYPE_CHECKING:
    from torch import Tensor, nn


class SpaceFixtures:
    """The space, the task and the configurations that the tests work on."""

    samples = 20
    """Configurations that are built, trained for one step and checked one by one."""

    many = 500
    """Configurations that are built and trained for one step in the test that is marked ``benchmark``."""

    def make_space(self) -> SearchSpace:
        """Return a fresh space; two calls give equal ones."""
        raise NotImplementedError

    def make_task(self) -> Task:
        """Return a task with small inputs that the space serves."""
        raise NotImplementedError

    @pytest.fixture
    def space(self) -> SearchSpace:
        """Give the space under test."""
        return _subject(type(self)).space

    @pytest.fixture
    def task(self) -> Task:
        """Give the task under test."""
        return _subject(type(self)).task

    @pytest.fixture
    def configs(self) -> list[Config]:
        """Give random valid configurations."""
        return _subject(type(self)).configs

    @pytest.fixture
    def without_memory(self) -> list[nn.Module]:
        """Give the networks of the configurations, on the meta device."""
        return _subject(type(self)).without_memory

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


class _Subject:
    """What the tests of one class share, each part made when it is first asked for."""

    def __init__(self, tests: SpaceFixtures) -> None:
        self.space, self.task, self._samples = tests.make_space(), tests.make_task(), tests.samples

    @cached_property
    def configs(self) -> list[Config]:
        rng = np.random.default_rng(1)
        return [self.space.sample(rng, self.task) for _ in range(self._samples)]

    @cached_property
    def without_memory(self) -> list[nn.Module]:
        return [on_meta(self.space, config, self.task) for config in self.configs]


_subjects: dict[type[SpaceFixtures], _Subject] = {}
"""Of the class whose tests run now."""


def _subject(kind: type[SpaceFixtures]) -> _Subject:
    if kind not in _subjects:
        _subjects.clear()  # classes run one after another
        _subjects[kind] = _Subject(kind())
    return _subjects[kind]


def example(task: Task, batch: int, device: str = "cpu") -> Tensor:
    r"""Return random inputs of ``task``, (batch, \*task.input_shape); every other row of tokens is padded."""
    import torch

    shape = (batch, *task.input_shape)
    if task.vocabulary is None:
        return torch.randn(shape, device=device)
    tokens = torch.randint(1, task.vocabulary, shape, device=device)
    tokens[1::2, tokens.shape[1] - tokens.shape[1] // 2 :] = 0
    return tokens


def on_meta(space: SearchSpace, config: Config, task: Task) -> nn.Module:
    """Return the network of ``config`` without memory."""
    import torch

    with torch.device("meta"):
        return space.build(config, task)


def assert_valid(space: SearchSpace, config: Config, task: Task) -> None:
    """Check that ``config`` is a member that breaks no rule."""
    assert space.check(config) == config
    assert space.violations(config, task) == []
