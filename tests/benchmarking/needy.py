"""A strategy that no space can serve."""

from nas_ray.strategies.random import RandomSearch


class Needy(RandomSearch):
    requires = frozenset({"telepathy"})
