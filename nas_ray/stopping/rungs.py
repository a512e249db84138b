"""Rungs: the fidelities r, rη, rη² ... at which trials are compared."""

from __future__ import annotations

import math

from nas_ray.errors import ConfigError

ROUNDING = 1e-9
"""Keeps an exact power on its own rung: log(243) / log(3) is 4.999..., and 33 / 1.1 is 29.999..."""


class Rungs:
    """The ladder of a halving rule.

    Args:
        grace_period: r, epochs of the first rung.
        reduction_factor: η; the best 1/η of a rung go on.

    Raises:
        ConfigError: If r is below 1 or η is not above 1.
    """

    def __init__(self, grace_period: float = 1, reduction_factor: float = 3) -> None:
        if not (isinstance(grace_period, (int, float)) and grace_period >= 1):
            raise ConfigError(f"`stopping.grace_period` must be at least 1, but got {grace_period!r}")
        if not (isinstance(reduction_factor, (int, float)) and reduction_factor > 1):
            raise ConfigError(f"`stopping.reduction_factor` must be above 1, but got {reduction_factor!r}")
        self.grace_period, self.reduction_factor = grace_period, reduction_factor

    def reached(self, fidelity: float) -> int:
        """Return how many rungs lie at or below ``fidelity`` epochs."""
        if fidelity < self.grace_period:
            return 0
        return math.floor(math.log(fidelity / self.grace_period, self.reduction_factor) + ROUNDING) + 1

    def at(self, fidelity: float) -> bool:
        """Return whether a rung is reached with the epoch that ends at ``fidelity`` epochs."""
        return self.reached(fidelity) > self.reached(fidelity - 1)

    def places(self, trials: int) -> int:
        """Return how many of ``trials`` in a rung go on: ⌊n/η⌋."""
        return math.floor(trials / self.reduction_factor + ROUNDING)

    def below(self, full: float) -> list[float]:
        """Return the rungs below ``full`` epochs, in ascending order."""
        count = self.reached(full)
        rungs = [self.grace_period * self.reduction_factor**index for index in range(count)]
        return [rung for rung in rungs if rung < full - ROUNDING]
