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

    Args:
        distribution: Optuna's distribution.
        choices: The values behind the indices of a choice; empty for numbers.
        step: Grid of a number; None where there is none.
        whole: Whether a number is an integer.
    """

    distribution: BaseDistribution
    choices: tuple[Any, ...] = ()
    step: float | None = None
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
        snapped = value if self.step is None else self._clip(round(value / self.step) * self.step)
        return int(snapped) if self.whole else float(snapped)

    def to_optuna(self, value: Any) -> Any:
        """Return what the study knows ``value`` as; values beside the grid or a cut move to the nearest."""
        if self.choices:
            # Values are equal only with their type: 1, 1.0 and True are three choices.
            return next(
                index
                for index, choice in enumerate(self.choices)
                if choice == value and type(choice) is type(value)
            )
        return self._clip(value if self.step is None else round(value / self.step) * self.step)

    def _clip(self, value: Any) -> Any:
        low, high = self.distribution.low, self.distribution.high  # type: ignore[attr-defined]
        return min(max(value, low), high)


def axis_of(domain: Domain) -> Axis:
    """Return the axis of a domain: an ordered choice is an integer, any other a category."""
    from optuna.distributions import CategoricalDistribution, IntDistribution

    if isinstance(domain, Categorical):
        choices = tuple(domain.categories)
        if is_ordinal(domain):
            return Axis(IntDistribution(0, len(choices) - 1), choices)
        return Axis(CategoricalDistribution(range(len(choices))), choices)
    sampler = domain.get_sampler()
    step = sampler.q if isinstance(sampler, Quantized) else None
    inner = sampler.get_sampler() if isinstance(sampler, Quantized) else sampler
    log = isinstance(inner, LogUniform)
    return _integer(domain, step, log) if isinstance(domain, Integer) else _real(domain, inner, step, log)


def _integer(domain: Domain, step: float | None, log: bool) -> Axis:
    from optuna.distributions import IntDistribution

    if step is None:
        return Axis(IntDistribution(domain.lower, domain.upper - 1, log=log), whole=True)
    low, high = math.ceil(domain.lower / step) * step, math.floor(domain.upper / step) * step
    # Optuna has no grid on a logarithmic axis: there we move to the grid ourselves.
    grid = IntDistribution(low, high, log=True) if log else IntDistribution(low, high, step=int(step))
    return Axis(grid, step=step, whole=True)


def _real(domain: Domain, sampler: Any, step: float | None, log: bool) -> Axis:
    from optuna.distributions import FloatDistribution

    low, high = domain.lower, domain.upper
    if isinstance(sampler, Normal):
        low = max(low, sampler.mean - DEVIATIONS * sampler.sd)
        high = min(high, sampler.mean + DEVIATIONS * sampler.sd)
    # A grid is kept by us alone: Optuna's must start at the lower bound, Tune's at 0.
    return Axis(FloatDistribution(low, high, log=log), step=step)
