"""A search space as a sequence of choices among few options each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from ray.tune.search.sample import Categorical, Domain

from nas_ray.spaces import Config, domains

BINS = 16


class Decisions:
    """The keys of a space in order; real and huge integer domains are cut into bins of equal probability.

    Args:
        of: Domain by key.
    """

    def __init__(self, of: Mapping[str, Domain]) -> None:
        self.keys = list(of)
        self._options = [_Listed(domain) if _is_short(domain) else _Binned(domain) for domain in of.values()]
        self.sizes = [len(options) for options in self._options]
        """Options of each key, (n_keys,)."""
        self.exact = all(_is_short(domain) for domain in of.values())
        """Whether one choice for each key is one configuration, and no key was cut into bins."""

    def config(self, choices: Sequence[int], rng: np.random.Generator) -> Config:
        """Return the configuration of one choice per key; inside a bin it is drawn."""
        picked = zip(self.keys, self._options, choices, strict=True)
        return {key: options.value(choice, rng) for key, options, choice in picked}

    def choices(self, config: Config) -> list[int]:
        """Return which option each key of ``config`` has."""
        return [options.index(config[key]) for key, options in zip(self.keys, self._options, strict=True)]


def _is_short(domain: Domain) -> bool:
    return isinstance(domain, Categorical) or domains.count(domain) <= BINS


class _Listed:
    def __init__(self, domain: Domain) -> None:
        self._values = domains.values(domain) or []

    def __len__(self) -> int:
        return len(self._values)

    def value(self, choice: int, rng: np.random.Generator) -> Any:
        return self._values[choice]

    def index(self, value: Any) -> int:
        # Values are equal only with their type: 1, 1.0 and True are three options.
        return next(at for at, one in enumerate(self._values) if one == value and type(one) is type(value))


class _Binned:
    def __init__(self, domain: Domain) -> None:
        self._domain = domain
        # Quantiles of draws are right for every sampler that Tune has: uniform, log, normal, quantized.
        rng = np.random.default_rng(0)
        draws = np.asarray([domains.draw(domain, rng) for _ in range(64 * BINS)], dtype=np.float64)
        edges = np.unique(np.quantile(draws, np.arange(1, BINS) / BINS))
        self._edges = edges[edges > draws.min()]

    def __len__(self) -> int:
        return len(self._edges) + 1

    def value(self, choice: int, rng: np.random.Generator) -> Any:
        # One draw in 16 falls into the bin; 200 misses in a row have probability 2e-6, and then any
        # value will do.
        value = domains.draw(self._domain, rng)
        for _ in range(200):
            if self.index(value) == choice:
                break
            value = domains.draw(self._domain, rng)
        return value

    def index(self, value: Any) -> int:
        return int(np.searchsorted(self._edges, value, side="right"))
