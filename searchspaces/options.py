"""What a space of one's own choice may offer: names and numbers, checked before anything is searched."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence
from typing import Any

from nas_ray.errors import ConfigError, suggestion

ACTIVATIONS = ("relu", "gelu", "silu", "elu", "tanh")
"""Every activation that :mod:`nas_ray.searchspaces.modules` can build."""


def names(option: str, given: Sequence[str], known: Collection[str]) -> list[str]:
    """Return ``given`` as a list if each of its names is one of ``known``.

    Raises:
        ConfigError: If the list is empty, or holds a name twice or one that is not known.
    """
    for name in _listed(option, given):
        if not isinstance(name, str) or name not in known:
            raise ConfigError(f"`{option}` must not hold {name!r}{suggestion(str(name), known)}")
    return list(given)


def numbers(option: str, given: Sequence[Any], rule: str, holds: Callable[[Any], bool]) -> list[Any]:
    """Return ``given`` in ascending order if each of its numbers obeys ``rule``.

    Args:
        option: Name of the option, for the message.
        given: The numbers.
        rule: The rule in words, such as ``"positive integers"``.
        holds: Whether a number obeys it.

    Raises:
        ConfigError: If the list is empty, or holds a number twice or one that breaks the rule.
    """
    for number in _listed(option, given):
        if isinstance(number, bool) or not isinstance(number, (int, float)) or not holds(number):
            raise ConfigError(f"`{option}` must hold {rule}, but got {number!r}")
    return sorted(float(number) if isinstance(number, float) else number for number in given)


def sizes(option: str, given: Sequence[int]) -> list[int]:
    """Return ``given`` in ascending order if it holds positive integers.

    Raises:
        ConfigError: If it is empty, or holds a number twice or one that is no positive integer.
    """
    return numbers(option, given, "positive integers", lambda size: type(size) is int and size > 0)


def one_or_two(option: str, given: Sequence[int]) -> list[int]:
    """Return ``given`` in ascending order if it holds 1, 2 or both.

    Raises:
        ConfigError: If it is empty, or holds a number twice or another one.
    """
    return numbers(option, given, "1 or 2", lambda count: type(count) is int and count in (1, 2))


def sides(option: str, given: Sequence[int]) -> list[int]:
    """Return ``given`` in ascending order if it holds odd integers from 3 on, the sides of windows.

    Raises:
        ConfigError: If it is empty, or holds a number twice or one that is no such integer.
    """
    rule = "odd integers from 3"
    return numbers(option, given, rule, lambda side: type(side) is int and side >= 3 and side % 2 == 1)


def factors(option: str, given: Sequence[float], low: float = 0.0) -> list[float]:
    """Return ``given`` as floats in ascending order if it holds finite numbers above 0, from ``low`` on.

    Raises:
        ConfigError: If it is empty, or holds a number twice or one that is out of range.
    """
    rule = f"numbers from {low:g}" if low else "positive numbers"
    checked = numbers(option, given, rule, lambda each: low <= each < math.inf and each > 0)
    return [float(each) for each in checked]


def dropouts(option: str, given: Sequence[float]) -> list[float]:
    """Return ``given`` as floats in ascending order if all are probabilities below 1.

    Raises:
        ConfigError: If it is empty, or holds a number twice or one outside [0, 1).
    """
    checked = numbers(option, given, "probabilities from 0 to below 1", lambda rate: 0 <= rate < 1)
    return [float(rate) for rate in checked]


def whole(option: str, given: Any, low: int) -> int:
    """Return ``given`` if it is an integer of at least ``low``.

    Raises:
        ConfigError: If it is not.
    """
    if type(given) is not int or given < low:
        raise ConfigError(f"`{option}` must be an integer of at least {low}, but got {given!r}")
    return given


def number(option: str, given: Any, low: float) -> float:
    """Return ``given`` as a float if it is a finite number of at least ``low``.

    Raises:
        ConfigError: If it is not.
    """
    if isinstance(given, bool) or not isinstance(given, (int, float)) or not low <= given < math.inf:
        raise ConfigError(f"`{option}` must be a number of at least {low}, but got {given!r}")
    return float(given)


def probability(option: str, given: Any) -> float:
    """Return ``given`` as a float if it is a probability below 1.

    Raises:
        ConfigError: If it is not.
    """
    if isinstance(given, bool) or not isinstance(given, (int, float)) or not 0 <= given < 1:
        raise ConfigError(f"`{option}` must be a probability from 0 to below 1, but got {given!r}")
    return float(given)


def flag(option: str, given: Any) -> bool:
    """Return ``given`` if it is true or false.

    Raises:
        ConfigError: If it is not.
    """
    if not isinstance(given, bool):
        raise ConfigError(f"`{option}` must be true or false, but got {given!r}")
    return given


def _listed(option: str, given: Sequence[Any]) -> Sequence[Any]:
    if isinstance(given, str) or not isinstance(given, Sequence) or not given:
        raise ConfigError(f"`{option}` must be a list with at least one entry, but got {given!r}")
    if any(entry in given[:at] for at, entry in enumerate(given)):
        raise ConfigError(f"`{option}` must not name an entry twice, but got {list(given)}")
    return given
