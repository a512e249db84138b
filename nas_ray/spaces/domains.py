"""What nas_ray needs to know of a Ray Tune domain: draw, list, count, encode, check.

Numbers in a ``tune.choice`` that stand in ascending order (``[8, 16, 32]``) count as ordinal: they are
encoded on one axis. Every value that leaves here is a plain Python value, never a numpy scalar.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from ray.tune.search.sample import Categorical, Domain, Float, Integer, LogUniform, Quantized

from nas_ray.errors import SpaceError

PLAIN = (bool, int, float, str, type(None))


def check_param_space(param_space: Mapping[str, Any]) -> dict[str, Domain]:
    """Return the domains of a flat parameter space; values that are not domains are constants and left out.

    Raises:
        SpaceError: If a key holds a slash, or a value is a nested dict, a grid, a function or
            an empty domain.
    """
    domains = {}
    for key, value in param_space.items():
        if not isinstance(key, str) or "/" in key:
            raise SpaceError(f"keys of a space must be texts with dots, never slashes, but got {key!r}")
        if isinstance(value, dict):
            raise SpaceError(
                f"{key!r} must be a domain to sample from, but is a grid; use `tune.choice`"
                if "grid_search" in value
                else f"a search space must be flat, but {key!r} is a dict; name its keys '{key}.<name>'"
            )
        if isinstance(value, Domain):
            domains[key] = _check_domain(key, value)
    return domains


def _check_domain(key: str, domain: Domain) -> Domain:
    if not isinstance(domain, (Categorical, Integer, Float)):
        raise SpaceError(
            f"{key!r} must be a choice, an integer or a float domain, but got {type(domain).__name__}"
        )
    if isinstance(domain, Categorical):
        _check_choices(key, domain.categories)
    elif not domain.lower <= domain.upper or count(domain) < 1:
        raise SpaceError(f"{key!r} must hold at least one value, but its domain is {domain.domain_str}")
    return domain


def _check_choices(key: str, choices: Sequence[Any]) -> None:
    if not choices:
        raise SpaceError(f"{key!r} must offer at least one choice, but its list is empty")
    known = set[tuple[type, Any]]()
    for value in choices:
        if type(value) not in PLAIN or (isinstance(value, float) and not math.isfinite(value)):
            raise SpaceError(
                f"choices of {key!r} must be plain JSON values, but got {value!r}; give each choice a name"
            )
        if (type(value), value) in known:  # 1, 1.0 and True are three choices
            raise SpaceError(f"choices of {key!r} must differ, but {value!r} stands there twice")
        known.add((type(value), value))


def _same(one: Any, other: Any) -> bool:
    """Whether two plain values are equal and of one type: 1, 1.0 and True are three choices."""
    return type(one) is type(other) and bool(one == other)


def values(domain: Domain) -> list[Any] | None:
    """Return every value of a finite domain in order, or None for a continuous one."""
    if isinstance(domain, Categorical):
        return list(domain.categories)
    if (grid := _grid(domain)) is None:
        return None
    step, low, high = grid
    # Ray multiplies the grid's index by its step, and so do we: the floats are equal to the last bit.
    return [_clamped(domain, domain.cast(index * step)) for index in range(low, high + 1)]


def levels(domain: Domain, points: int) -> list[Any]:
    """Return all values of a domain, or ``points`` of them, evenly spaced, where it has more.

    Choices are never left out.
    """
    if isinstance(domain, Categorical) or count(domain) <= points:
        return values(domain) or []
    even = (_from_unit(domain, index / (points - 1)) for index in range(points))
    if not isinstance(domain, Integer):
        return list(dict.fromkeys(even))
    step, first, last = _grid(domain) or (1, int(domain.lower), int(domain.upper) - 1)
    whole = (min(max(round(value / step), first), last) * int(step) for value in even)
    return list(dict.fromkeys(int(value) for value in whole))


def count(domain: Domain) -> float:
    """Return the number of values of ``domain``: an int, or ``math.inf`` for a continuous one."""
    if isinstance(domain, Categorical):
        return len(domain.categories)
    if (grid := _grid(domain)) is None:
        return math.inf
    _, low, high = grid
    return max(0, high - low + 1)


def _grid(domain: Domain) -> tuple[float, int, int] | None:
    """Return the step of a numeric domain and its first and last index, or None if it is continuous."""
    low, high = domain.lower, domain.upper
    if isinstance(domain, Float) and low == high:
        return low, 1, 1
    if not (math.isfinite(low) and math.isfinite(high)):
        return None
    if not _quantized(domain):
        return (1, int(low), int(high) - 1) if isinstance(domain, Integer) else None
    step = domain.get_sampler().q
    # Ray's quantized integers include their upper bound, except for step 1.
    high -= int(isinstance(domain, Integer) and step == 1)
    # The slack keeps a bound such as 0.3 on the grid of 0.1 in spite of rounding.
    return step, math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)


def _quantized(domain: Domain) -> bool:
    return isinstance(domain.get_sampler(), Quantized)


def draw(domain: Domain, rng: np.random.Generator) -> Any:
    """Draw one plain value as the domain's own sampler would."""
    if isinstance(domain, Categorical):
        # Four times as fast as `integers`; its bias is below 1e-15.
        return domain.categories[int(rng.random() * len(domain.categories))]
    value = domain.sample(random_state=rng)
    return int(value) if isinstance(domain, Integer) else _clamped(domain, float(value))


def _clamped(domain: Domain, value: Any) -> Any:
    """Return ``value`` within its bounds, which Ray's rounding leaves: 3 * 0.1 is more than 0.3."""
    return min(max(value, domain.lower), domain.upper)


def draw_other(domain: Domain, current: Any, rng: np.random.Generator) -> Any:
    """Draw a value that differs from ``current``; the caller knows that there is one."""
    listed = values(domain) if count(domain) <= 1000 else None
    if listed is not None:
        others = [other for other in listed if not _same(other, current)]
        return others[int(rng.integers(len(others)))]
    while True:
        value = draw(domain, rng)
        if value != current:
            return value


def near(domain: Domain, current: Any, samples: int = 4) -> list[Any]:
    """Return the values one step away: adjacent integers, every other choice, points around a float."""
    if isinstance(domain, Categorical):
        return [value for value in domain.categories if not _same(value, current)]
    if isinstance(domain, Integer) and not _quantized(domain):
        return [value for value in (current - 1, current + 1) if contains(domain, value)]
    if isinstance(domain, Integer):
        listed = values(domain) or []
        at = listed.index(current)
        return listed[max(0, at - 1) : at] + listed[at + 1 : at + 2]
    here = _unit(domain, current)
    points = (here + (index + 1) / (10 * samples) * side for index in range(samples) for side in (-1, 1))
    around = [_from_unit(domain, point) for point in points if 0 <= point <= 1]
    grid = values(domain) if _quantized(domain) else None
    if grid is None:
        return around
    # Points closer than the grid round to the value itself; the next ones on the grid always count.
    at = min(range(len(grid)), key=lambda index: abs(grid[index] - current))
    found = dict.fromkeys([*grid[max(0, at - 1) : at], *grid[at + 1 : at + 2], *around])
    return [value for value in found if value != current]


def contains(domain: Domain, value: Any) -> bool:
    """Whether ``value`` is a plain value of ``domain``."""
    if isinstance(domain, Categorical):
        return any(_same(value, choice) for choice in domain.categories)
    if isinstance(domain, Integer):
        return type(value) is int and (
            value in (values(domain) or []) if _quantized(domain) else domain.lower <= value < domain.upper
        )
    # A value of Ray's own, which is not clamped, may be off the bound by its last bit.
    return type(value) is float and math.isclose(value, _clamped(domain, value), abs_tol=1e-12)


def told(domain: Domain) -> str:
    """Return the values of ``domain`` in words, such as ``1 to 6`` or ``[8, 16]``; both ends belong to it."""
    if isinstance(domain, Categorical):
        return str(list(domain.categories))
    if isinstance(domain, Integer) and not _quantized(domain):
        return f"{domain.lower} to {domain.upper - 1}"
    step = f" in steps of {domain.get_sampler().q}" if _quantized(domain) else ""
    return f"{domain.lower} to {domain.upper}{step}"


def is_ordinal(domain: Domain) -> bool:
    """Whether the values of ``domain`` have an order that means something."""
    return not isinstance(domain, Categorical) or _ascending(domain.categories)


def _ascending(choices: Sequence[Any]) -> bool:
    numbers = all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in choices)
    return numbers and len(choices) > 1 and all(a < b for a, b in itertools.pairwise(choices))


def signature(domain: Domain) -> str:
    """Return a text that is equal for domains of the same values and the same scale."""
    if isinstance(domain, Categorical):
        return repr(list(domain.categories))
    return f"{type(domain).__name__}{domain.domain_str}{_quantized(domain)}{_is_log(domain)}"


def encode(domain: Domain, value: Any) -> list[float]:
    """Return ``value`` as numbers in [0, 1]: one axis where there is an order, else one-hot."""
    return encoder(domain)(value)


def encoder(domain: Domain) -> Callable[[Any], list[float]]:
    """Return :func:`encode` for one domain; what can be worked out once is."""
    if not isinstance(domain, Categorical):
        return partial(_on_axis, domain)
    last = len(domain.categories) - 1
    # Values are equal only with their type: 1, 1.0 and True are three options.
    places = {(type(value), value): place for place, value in enumerate(domain.categories)}
    ordinal = is_ordinal(domain)
    codes = {
        value: [place / last] if ordinal else [float(place == at) for at in range(last + 1)]
        for value, place in places.items()
    }
    return partial(_looked_up, codes)


# Functions of a module, and no lambdas: spaces are pickled.
def _on_axis(domain: Domain, value: Any) -> list[float]:
    return [min(max(_unit(domain, value), 0.0), 1.0)]


def _looked_up(codes: dict[tuple[type, Any], list[float]], value: Any) -> list[float]:
    return codes[type(value), value]


def width(domain: Domain) -> int:
    """Return how many numbers :func:`encode` gives for ``domain``."""
    return 1 if is_ordinal(domain) else len(domain.categories)


def _is_log(domain: Domain) -> bool:
    sampler = domain.get_sampler()
    inner = sampler.get_sampler() if isinstance(sampler, Quantized) else sampler
    return isinstance(inner, LogUniform)


def _unit(domain: Domain, value: float) -> float:
    low, high = domain.lower, domain.upper
    if not (math.isfinite(low) and math.isfinite(high)):
        return 0.5 + math.atan(value) / math.pi
    if isinstance(domain, Integer) and (grid := _grid(domain)):
        step, first, last = grid
        low, high = first * step, last * step
    if high <= low:
        return 0.0
    if _is_log(domain):
        return (math.log(value) - math.log(low)) / (math.log(high) - math.log(low))
    return float((value - low) / (high - low))


def _from_unit(domain: Domain, point: float) -> float:
    low, high = domain.lower, domain.upper
    if not (math.isfinite(low) and math.isfinite(high)):
        return math.tan((min(max(point, 1e-6), 1 - 1e-6) - 0.5) * math.pi)
    if _is_log(domain):
        value = math.exp(math.log(low) + point * (math.log(high) - math.log(low)))
    else:
        value = low + point * (high - low)
    sampler = domain.get_sampler()
    if isinstance(sampler, Quantized):
        value = round(value / sampler.q) * sampler.q
    return float(min(max(value, low), high))
