"""Samplers of Optuna: found by name, made anew for each proposal, and kept quiet."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from nas_ray.errors import ConfigError, UnknownName

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.samplers import BaseSampler
    from optuna.study import Study
    from optuna.trial import FrozenTrial

    Space = dict[str, BaseDistribution]

NOT_OFFERED = frozenset(
    {
        "BaseSampler",
        "BaseGASampler",
        "PartialFixedSampler",  # wraps another sampler
        "GridSampler",  # ends the study on its own; the base class exhausts a small space with any sampler
        "BruteForceSampler",  # the same
    }
)
ONE_SEED = frozenset({"QMCSampler"})
"""Samplers whose seed names one sequence for the whole run; the others are seeded anew for each proposal."""

KEEPS_RECORDS = frozenset({"CmaEsSampler", "NSGAIISampler", "NSGAIIISampler", "QMCSampler"})
"""Samplers that write into the study when they are asked; they are asked for a given point as well."""

DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "TPESampler": {"multivariate": True, "constant_liar": True},
    "QMCSampler": {"scramble": True},  # without it every seed gives the same sequence
}


def sampler_class(name: str) -> type[BaseSampler]:
    """Return the class called ``name`` in any spelling: ``"tpe"``, ``"cma-es"``, ``"NSGAIISampler"``.

    Raises:
        UnknownName: If Optuna has no such sampler, or it cannot be driven from outside.
    """
    import optuna

    by_short_name: dict[str, type[BaseSampler]] = {
        _short(found): getattr(optuna.samplers, found)
        for found in optuna.samplers.__all__
        if found.endswith("Sampler") and found not in NOT_OFFERED
    }
    if _short(name) not in by_short_name:
        raise UnknownName("sampler of Optuna", name, by_short_name)
    return by_short_name[_short(name)]


def _short(name: str) -> str:
    return name.lower().replace("_", "").replace("-", "").removesuffix("sampler")


def new_sampler(
    name: str, options: Mapping[str, Any], space: Space, *, run_seed: int, seed: int
) -> BaseSampler:
    """Return a new sampler.

    Args:
        name: Its name in any spelling.
        options: Arguments of its class, before our defaults.
        space: Distribution of every key.
        run_seed: Seed of the run, for samplers that go along one sequence.
        seed: Seed of this proposal, for all others.

    Raises:
        UnknownName: If Optuna has no such sampler.
        ConfigError: If it does not take the options, or needs a package that is not installed.
    """
    kind = sampler_class(name)
    try:
        with quiet():
            given = {**_defaults(kind, run_seed, seed), **options}
            sampler = kind(**given)
    except (TypeError, ValueError) as error:
        raise ConfigError(
            f"Optuna's {kind.__name__} cannot be made with `sampler_options` {dict(options)}: {error}"
        ) from error
    except ImportError as error:
        raise ConfigError(f"Optuna's {kind.__name__} needs another package: {error}") from error
    if kind.__name__ == "TPESampler" and given["multivariate"] and not given.get("group"):
        # Left alone, a new sampler compares the distributions of all trials to find what they share,
        # three quarters of the time of a proposal; here they share everything.
        shared = {key: distribution for key, distribution in space.items() if not distribution.single()}
        sampler.infer_relative_search_space = partial(_given, shared)  # type: ignore[method-assign]
    return sampler


def _defaults(kind: type[BaseSampler], run_seed: int, seed: int) -> dict[str, Any]:
    import optuna

    takes, given = inspect.signature(kind).parameters, dict(DEFAULTS.get(kind.__name__, {}))
    if "warn_independent_sampling" in takes and kind.__name__ != "TPESampler":  # there it is deprecated
        given["warn_independent_sampling"] = False
    if "seed" in takes:
        given["seed"] = run_seed if kind.__name__ in ONE_SEED else seed
    if kind.__name__ in ONE_SEED:
        given["independent_sampler"] = optuna.samplers.RandomSampler(seed=seed)
    return given


def _given(space: Space, study: Study, trial: FrozenTrial) -> Space:
    return space


@contextmanager
def quiet() -> Iterator[None]:
    """Silence Optuna's notes and its warnings of experimental features, here only."""
    import optuna

    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            yield
    finally:
        optuna.logging.set_verbosity(level)
