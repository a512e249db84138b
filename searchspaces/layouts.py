"""Networks in stages and layers, by arithmetic: layouts, channels, map sizes, and how they are drawn."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from nas_ray.errors import ConfigError, InvalidConfig
from nas_ray.spaces import Config, Edge, SearchSpace


def checked(
    option: str,
    given: Sequence[Any],
    rule: str = "positive integers",
    holds: Callable[[int], bool] = lambda number: number > 0,
) -> list[int]:
    """Return ``given`` as a list, in its order, if it holds one integer or more that obey ``rule``.

    Args:
        option: Name of the option, for the message.
        given: One number for each stage; the same may come twice.
        rule: The rule in words.
        holds: Whether a number obeys it.

    Raises:
        ConfigError: If it is no such list.
    """
    listed = isinstance(given, Sequence) and not isinstance(given, str) and len(given) > 0
    if not listed or not all(type(number) is int and holds(number) for number in given):
        raise ConfigError(f"`{option}` must be a list of {rule}, one for each stage, but got {given!r}")
    return list(given)


def divisible(channels: float, by: int = 8) -> int:
    """Return the multiple of ``by`` nearest to ``channels``, never less than 90% of it.

    The rule of MobileNet's authors (Howard et al. 2019), which keeps channel counts friendly to hardware.
    """
    rounded = max(by, int(channels + by / 2) // by * by)
    return rounded if rounded >= 0.9 * channels else rounded + by


def shape_violations(strides: Mapping[str, int], height: int, width: int) -> list[str]:
    """Return the first stride that meets a map smaller than itself, in words, or nothing.

    Args:
        strides: Where in the network -> stride, in order; each map is rounded up.
        height: Of the image, in pixels.
        width: Of the image, in pixels.
    """
    sides = height, width
    for place, stride in strides.items():
        if min(sides) < stride:
            return [
                f"feature map never below 1x1: {place} has stride {stride} and meets a map of "
                f"{sides[0]}x{sides[1]} (images of {height}x{width})"
            ]
        sides = -(-sides[0] // stride), -(-sides[1] // stride)
    return []


def layered(layers: Sequence[Mapping[str, Any]], slots: int, choices: Mapping[str, Sequence[Any]]) -> Config:
    """Return ``depth`` and the keys ``layerI.<setting>`` of a network, one layer after the other.

    Args:
        layers: The settings of each layer; those that are not said are the first on offer.
        slots: Layers that a configuration has keys for.
        choices: What a layer is chosen from.
    """
    config: Config = {"depth": len(layers)}
    for index in range(max(slots, len(layers))):
        said = layers[index] if index < len(layers) else {}
        config |= {f"layer{index}.{key}": said.get(key, values[0]) for key, values in choices.items()}
    return config


def admitted(space: SearchSpace, published: Mapping[str, Config]) -> dict[str, Config]:
    """Return those of the published networks that the options of ``space`` leave in it."""
    found: dict[str, Config] = {}
    for name, config in published.items():
        with suppress(InvalidConfig):
            found[name] = space.check(config)
    return found


def path(steps: Iterable[tuple[str, str]]) -> list[Edge]:
    """Return the drawing of a path from ``input``: each step is an operation and the node it leads to."""
    edges, here = list[Edge](), "input"
    for operation, node in steps:
        edges.append(Edge(here, node, operation))
        here = node
    return edges
