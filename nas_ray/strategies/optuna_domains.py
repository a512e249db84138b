"""Ray Tune's domains as Optuna's distributions, and values back and forth."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ray.tune.search.sample import Categorical, Domain, Integer, LogUniform, Normal, Quantized

from nas_ray.spaces.domains import is_ordinal

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.trial import Trial

DEVIATIONS = 4
"""A normal domain is cut this many standard deviations from its mean: Optuna's domains are bounded."""


@dataclass(frozen=True)
class Axis:
    """One key as Optuna sees it.

    Values on a grid are counted: Optuna has no grid on a logarithmic axis, and a value that it
    chose beside the grid would not be the one that a replayed history tells it.

    Args:
        distribution: Optuna's distribution, of indices where there are choices or a step.
        choices: The values behind the indices of a choice; empty for numbers.
        step: Grid of a number, the multiples of it; None where there is none.
        low: Lower bound of a number.
        high: Upper bound of a number, included.
        whole: Whether a number is an integer.
    """

    distribution: BaseDistribution
    choices: tuple[Any, ...] = ()
    step: float | None = None
    low: float = -math.inf
    high: float = math.inf
    whole: bool = False

    def suggest(self, trial: Trial, key: str) -> None:
        """Let ``trial`` choose a value of ``key``."""
        from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

        on = self.distribution
        if isinstance(on, CategoricalDistribution):
            trial.suggest_categorical(key, on.choices)
        elif isinstance(on, IntDistribution):
            trial.suggest_int(key, on.low, on.high, step=on.step, log=on.log)
        else:
            assert isinstance(on, FloatDistribution)
            trial.suggest_float(key, on.low, on.high, log=on.log)

    def from_optuna(self, value: Any) -> Any:
        """Return the plain value of the space."""
        if self.choices:
            return self.choices[value]
        number = value if self.step is None else value * self.step
        # 3 * 0.1 is a little above 0.3.
        return int(number) if self.whole else float(min(max(number, self.low), self.high))

    def to_optuna(self, value: Any) -> Any:
        """Return what the study knows ``value`` as; values beside the grid or a cut move to the nearest."""
        if self.choices:
            # Values are equal only with their type: 1, 1.0 and True are three choices.
            return next(
                index
                for index, choice in enumerate(self.choices)
                if choice == value and type(choice) is type(value)
            )
        low, high = self.distribution.low, self.distribution.high  # type: ignore[attr-defined]
        return min(max(value if self.step is None else round(value / self.step), low), high)


def axis_of(domain: Domain) -> Axis:
    """Return the axis of a domain: an ordered choice is an integer, any other a category."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if isinstance(domain, Categorical):
        choices = tuple(domain.categories)
        if is_ordinal(domain):
            return Axis(IntDistribution(0, len(choices) - 1), choices)
        return Axis(CategoricalDistribution(range(len(choices))), choices)
    sampler = domain.get_sampler()
    step = sampler.q if isinstance(sampler, Quantized) else None
    inner = sampler.get_sampler() if isinstance(sampler, Quantized) else sampler
    log = isinstance(inner, LogUniform)
    low, high = _bounds(domain, inner, step)
    whole = isinstance(domain, Integer)
    if step is not None:
        # Bounds may be a rounding error beside the grid: 0.3 / 0.1 is a little below 3.
        first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
        return Axis(IntDistribution(first, last, log=log), step=step, low=low, high=high, whole=whole)
    on = IntDistribution(low, high, log=log) if whole else FloatDistribution(low, high, log=log)
    return Axis(on, low=low, high=high, whole=whole)


def _bounds(domain: Domain, sampler: Any, step: float | None) -> tuple[Any, Any]:
    if isinstance(sampler, Normal):
        spread = DEVIATIONS * sampler.sd
        return max(domain.lower, sampler.mean - spread), min(domain.upper, sampler.mean + spread)
    # The upper bound of Tune's integers is excluded where there is no grid.
    return domain.lower, domain.upper - (isinstance(domain, Integer) and step is None)
