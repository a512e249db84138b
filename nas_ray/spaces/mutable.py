"""Parts of an ordinary ``nn.Module`` that a search decides: choices, widths, repetitions, connections.

They stand in the constructor, and the search space is collected from there; nothing is wrapped::

    class MyNet(nn.Module):
        def __init__(self, task):
            super().__init__()
            width = Width("width", [16, 32, 64])
            self.stem = nn.Conv2d(task.input_shape[0], width, 3, padding=1)
            self.body = Repeat("blocks", range(1, 4), lambda: nn.Sequential(
                Choice("layer", {"conv": lambda: nn.Conv2d(width, width, 3, padding=1), "pool": nn.Identity}),
                Optional("norm", lambda: nn.BatchNorm2d(width)),
                nn.ReLU(),
            ))
            self.head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, task.outputs))

    nas_ray.search(space=MyNet, data="digits")

Each part returns what was decided, so that a network holds no more than its own layers. A name stands for one
decision: where it occurs again, the answer is the same. In a :func:`Repeat` each block decides for itself.
Outside of a search every part takes its first option.
"""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, TypeAlias, get_args

import torch
from torch import Tensor, nn

from nas_ray.errors import SpaceError
from nas_ray.spaces.decisions import current
from nas_ray.spaces.domains import PLAIN

Join: TypeAlias = Literal["sum", "mean", "concat"]
JOINS = get_args(Join)

# Functions, named as the layers that they give.


def Choice(name: str, options: Mapping[str, Any] | Sequence[Any]) -> Any:  # noqa: N802
    """Return one of ``options``: a layer, or a plain value such as a kernel size.

    Args:
        name: The key of the decision.
        options: By name, or a list of plain values, classes or functions. What can be called without
            arguments is called where it is chosen, so that layers that are not chosen are never made.

    Raises:
        SpaceError: If there is none, or options of a list have no names, or not one each.
    """
    named, decisions = _named(name, options), current()
    key, answer = decisions.ask(name, list(named))
    if decisions.collects:
        for other, option in named.items():
            with decisions.under(key, other):
                made = _made(option)
        return made
    with decisions.under(key, answer):
        return _made(named[answer])


def Width(name: str, options: Sequence[int]) -> int:  # noqa: N802
    """Return a number of channels or units, one of ``options``; the fidelity dial ``width`` scales it.

    Args:
        name: The key of the decision.
        options: The widths on offer.
    """
    decisions = current()
    _, answer = decisions.ask(name, _counts(name, options, 1))
    return answer if decisions.task is None else decisions.task.scaled(answer)


def Repeat(name: str, times: Sequence[int], block: Callable[..., nn.Module]) -> nn.Sequential:  # noqa: N802
    """Return ``block`` repeated, each of its own layers and with its own decisions.

    Args:
        name: The key of the number of blocks; those of the decisions in block i begin with ``<name><i>.``.
        times: The numbers on offer, such as ``range(1, 5)``; 0 leaves nothing.
        block: Makes a block: a class or function without arguments, or one that needs the block's number,
            from 0.
    """
    decisions = current()
    key, answer = decisions.ask(name, _counts(name, times, 0))
    numbered, blocks = not _needs_nothing(block), []
    for index in range(max(times) if decisions.collects else answer):
        with decisions.under(key, *(count for count in times if count > index), prefix=f"{name}{index}."):
            blocks.append(block(index) if numbered else block())
    return nn.Sequential(*blocks)


def Optional(name: str, layer: Any) -> nn.Module:  # noqa: N802
    """Return ``layer``, or the identity.

    Args:
        name: The key of the decision, False or True.
        layer: A module, or a class or function that makes one.
    """
    decisions = current()
    key, answer = decisions.ask(name, [False, True])
    if not answer:
        return nn.Identity()
    with decisions.under(key, True):
        made: nn.Module = _made(layer)
    return made


def InputChoice(  # noqa: N802
    name: str, candidates: int, choose: int | None = None, join: Join = "sum"
) -> Inputs:
    """Return a module that takes ``candidates`` tensors and joins those that are chosen.

    Args:
        name: The key of the decision; its options are texts such as ``"0+2"``.
        candidates: Tensors to choose among.
        choose: How many are chosen; None leaves open how many, but at least one.
        join: ``sum``, ``mean``, or ``concat`` along the channels (:attr:`Inputs.count` says of how many).

    Raises:
        SpaceError: If nothing can be chosen, or ``join`` is none of these.
    """
    sizes = range(1, candidates + 1) if choose is None else (choose,)
    subsets = [subset for size in sizes for subset in itertools.combinations(range(candidates), size)]
    if not subsets:
        raise SpaceError(f"{name!r} must choose from 1 to {candidates} of its inputs, but got {choose}")
    _, answer = current().ask(name, ["+".join(map(str, subset)) for subset in subsets])
    return Inputs([int(index) for index in answer.split("+")], join)


class Inputs(nn.Module):
    """Joins some of the tensors that it is given.

    Args:
        chosen: Their places.
        join: ``sum``, ``mean`` or ``concat``.
    """

    def __init__(self, chosen: Sequence[int], join: Join) -> None:
        super().__init__()
        if join not in JOINS:
            raise SpaceError(f"`join` must be one of {', '.join(JOINS)}, but got {join!r}")
        self.chosen, self.join = list(chosen), join

    @property
    def count(self) -> int:
        """How many tensors are joined."""
        return len(self.chosen)

    def forward(self, *inputs: Tensor) -> Tensor:
        """Join (batch, channels, ...) tensors, given one by one or as one list."""
        tensors = inputs[0] if len(inputs) == 1 and not isinstance(inputs[0], Tensor) else inputs
        picked = [tensors[index] for index in self.chosen]
        if self.join == "concat":
            return torch.cat(picked, dim=1)
        total = sum(picked[1:], picked[0])
        return total / len(picked) if self.join == "mean" else total


def _named(name: str, options: Mapping[str, Any] | Sequence[Any]) -> dict[Any, Any]:
    if isinstance(options, Mapping):
        named = dict(options)
    elif isinstance(options, str):
        raise SpaceError(f"options of {name!r} must be a list or a dict, but got {options!r}")
    else:
        named = {_name_of(name, option): option for option in options}
        if len(named) < len(options):
            raise SpaceError(f"options of {name!r} must have names that differ; give a dict, name -> option")
    if not named:
        raise SpaceError(f"{name!r} must offer at least one option")
    return named


def _name_of(name: str, option: Any) -> Any:
    if isinstance(option, PLAIN):
        return option
    named = getattr(option, "__name__", type(option).__name__)
    if named == "<lambda>":
        raise SpaceError(f"options of {name!r} must have names; give a dict, name -> option")
    return named


def _made(option: Any) -> Any:
    if isinstance(option, nn.Module) or not callable(option):
        return option
    return option() if _needs_nothing(option) else option


def _needs_nothing(function: Callable[..., Any]) -> bool:
    """Whether ``function`` can be called without arguments; not where it does not tell."""
    try:
        inspect.signature(function).bind()
    except (TypeError, ValueError):
        return False
    return True


def _counts(name: str, options: Sequence[int], low: int) -> list[int]:
    if not options or any(type(count) is not int or count < low for count in options):
        raise SpaceError(f"{name!r} must offer integers of at least {low}, but got {options!r}")
    return list(options)
