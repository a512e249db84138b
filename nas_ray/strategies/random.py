"""Random search: the baseline that every other strategy has to beat."""

from __future__ import annotations

import numpy as np

from nas_ray.strategies.base import Strategy
from nas_ray.strategies.records import Candidate


class RandomSearch(Strategy):
    """Draws configurations from the space, each at most once (the baseline of Li and Talwalkar, UAI 2019).

    Example:
        >>> from ray import tune
        >>> strategy = RandomSearch(metric="val_acc", mode="max", seed=0)
        >>> strategy.set_search_properties(None, None, {"op": tune.choice(["conv", "pool"])})
        True
        >>> sorted(strategy.suggest(name)["op"] for name in ("a", "b"))
        ['conv', 'pool']
    """

    name = "random"

    def propose(self, rng: np.random.Generator) -> Candidate:
        """Draw a valid configuration."""
        return Candidate(self._space.sample(rng, self.task))
