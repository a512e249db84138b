"""Grid search: every configuration of a finite space, each once."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from nas_ray.errors import ConfigError
from nas_ray.spaces import Config, domains
from nas_ray.strategies.base import Strategy
from nas_ray.strategies.records import Candidate, Proposal

SPARSE = 100_000
"""Grid points in a row that may break rules before the grid counts as exhausted."""


class Grid(Strategy):
    """Grid search: the product of the values of all keys.

    The points come in an order that spreads over the grid from the start (a multiplication by a number
    without common divisor, modulo the size), so that a search which ends early has seen all values of all
    keys, and not the first value of most; ``shuffle=False`` gives the order of ``itertools.product``, as in
    scikit-learn's ParameterGrid. Points that break a rule are skipped. Numbers from a range are taken at
    ``points`` values each, evenly over the range or, where the range is logarithmic, over its logarithm.
    Nothing is listed: a grid of 10^20 points costs no memory.

    Args:
        space: The search space; None takes the flat parameter space that Tune hands over.
        metric: Name of the metric; None takes the Tuner's.
        mode: ``"max"`` or ``"min"``; None takes the Tuner's.
        seed: Seed of the order.
        points: Values of a continuous key, and of one with more values than that.
        shuffle: Whether the order spreads.
        options: Options of every :class:`Strategy`.

    Raises:
        ConfigError: If ``points`` is below 2.
    """

    name = "grid"

    def __init__(
        self,
        space: Any = None,
        metric: str | None = None,
        mode: str | None = None,
        seed: int | None = None,
        *,
        points: int = 16,
        shuffle: bool = True,
        **options: Any,
    ) -> None:
        if points < 2:
            raise ConfigError(f"`points` must be at least 2, but got {points}")
        self.points, self.shuffle = points, shuffle
        super().__init__(space, metric, mode, seed, **options)

    def prepare(self) -> None:
        """List the values of each key, and choose the order of the points."""
        self._values = {
            key: domains.levels(domain, self.points) for key, domain in self._space.domains.items()
        }
        self._size = math.prod(len(values) for values in self._values.values())
        self._at = 0
        self._step, self._start = 1, 0
        if self.shuffle and self._size > 1:
            rng = self.generator(0, 1)
            self._start = int(rng.random() * self._size)
            self._step = _coprime(int((0.382 + 0.236 * rng.random()) * self._size), self._size)

    def adopt(self, proposal: Proposal) -> None:
        """Go on behind the point that was proposed."""
        at = proposal.note.get("point")
        if at is not None:
            self._at = max(self._at, int(at) + 1)

    def propose(self, rng: np.random.Generator) -> Candidate | None:
        """Return the next point that keeps the rules, None at the end of the grid."""
        for at in range(self._at, min(self._size, self._at + SPARSE)):
            config = self._config((self._start + at * self._step) % self._size)
            if not self._space.violations(config, self.task) and not self._known(config):
                return Candidate(config, note={"point": at})
        return None

    def _known(self, config: Config) -> bool:
        return not self.repeats and self.memory.known(self._space.config_id(config))

    def _config(self, point: int) -> Config:
        """Return a point by its number, the last key running fastest."""
        config = {}
        for key in reversed(self._values):
            point, choice = divmod(point, len(self._values[key]))
            config[key] = self._values[key][choice]
        return {key: config[key] for key in self._values}


def _coprime(near: int, size: int) -> int:
    """Return the first number from ``near`` on that has no divisor in common with ``size``."""
    step = max(1, near)
    while math.gcd(step, size) != 1:
        step += 1
    return step
