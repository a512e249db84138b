"""What a network must keep to be trained: limits on its costs, and rules of one's own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from nas_ray.costs.counting import measure
from nas_ray.errors import ConfigError
from nas_ray.spaces import TRAINING, Config, SearchSpace
from nas_ray.tasks import Task

if TYPE_CHECKING:
    from torch import nn

Rule: TypeAlias = Callable[[Config, Task], str | bool | None]
"""Says of a configuration whether it may be trained: False or a text, which says what is wrong, means no."""

LIMITED = ("params", "flops", "depth", "memory_mb")
TRACED = frozenset({"depth", "memory_mb"})
"""Costs that need a second pass through the network."""

COPIES = 4
"""Numbers that training keeps for each parameter: itself, its gradient, and the two moments of Adam."""
FALSE = "must hold"
"""What is said of a rule that only returns False."""

BYTES = 4
"""Of a number in single precision."""


@dataclass(frozen=True)
class Verdict:
    """What became of the constraints.

    Args:
        broken: The broken ones in words, by the name of the limit or rule; empty if all are kept.
        costs: What was counted, by name; empty for a network that the meta device cannot run.
    """

    broken: Mapping[str, str] = field(default_factory=dict)
    costs: Mapping[str, float] = field(default_factory=dict)

    def __str__(self) -> str:
        """Return the broken constraints as one text."""
        return "; ".join(self.broken.values())


@dataclass(frozen=True)
class Bounds:
    """Upper bounds on the costs of a network, and rules of one's own.

    ``memory_mb`` is an estimate of one training step in MiB, with P parameters, a batch of B and A numbers
    that the operations of a forward pass put out for one input (:class:`~nas_ray.costs.tracing.Trace`)::

        (4 P + B A) 4 bytes / 2^20

    for weights, gradients and both moments of Adam, and what is kept for the backward pass.

    Args:
        limits: By name, of ``params``, ``flops`` (:class:`~nas_ray.costs.Costs`), ``depth``
            (:class:`~nas_ray.costs.tracing.Trace`) and ``memory_mb``.
        rules: By name; each says whether a configuration may be trained.
        batch_size: B, where a configuration has no ``train.batch_size``.
        counted: Costs that are counted although nothing limits them.

    Raises:
        ConfigError: If a limit is on something else.
    """

    limits: Mapping[str, float] = field(default_factory=dict)
    rules: Mapping[str, Rule] = field(default_factory=dict)
    batch_size: int = 32
    counted: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        if unknown := (self.limits.keys() | self.counted) - set(LIMITED):
            raise ConfigError(f"a limit must be on one of {', '.join(LIMITED)}, but got {sorted(unknown)}")

    def __bool__(self) -> bool:
        """Whether there is anything to keep."""
        return bool(self.limits or self.rules)

    def foreseen(self, space: SearchSpace, config: Config, task: Task) -> Verdict:
        """Judge a configuration by its network on the meta device, where nothing is allocated or computed."""
        costs: Mapping[str, float] = {}
        if self.limits or self.counted:
            import torch

            try:
                with torch.device("meta"):
                    costs = self.costs(space.build(config, task), config, task)
            except (
                Exception
            ):  # whatever a user's module does there; what is really wrong shows when it is built
                costs = {}
        return Verdict({**self.beyond(costs), **self._against(config, task)}, costs)

    def costs(self, model: nn.Module, config: Config, task: Task) -> dict[str, float]:
        """Return what the limits are on, and parameters and operations, of a module wherever it is."""
        counted: dict[str, float] = asdict(measure(model, task))
        if TRACED & (self.limits.keys() | self.counted):
            from nas_ray.costs.tracing import trace

            traced = trace(model, task)
            kept = COPIES * counted["params"] + self._batch(config) * traced.activations
            counted |= {"depth": traced.depth, "memory_mb": kept * BYTES / 2**20}
        return counted

    def beyond(self, costs: Mapping[str, float]) -> dict[str, str]:
        """Return the limits that are broken, in words; what was not counted breaks none."""
        return beyond(self.limits, costs)

    def _against(self, config: Config, task: Task) -> dict[str, str]:
        said = {name: _said(name, rule, config, task) for name, rule in self.rules.items()}
        return {name: text for name, text in said.items() if text}

    def _batch(self, config: Config) -> int:
        return int(config.get(f"{TRAINING}batch_size", self.batch_size))


def beyond(limits: Mapping[str, float], costs: Mapping[str, float]) -> dict[str, str]:
    """Return the upper limits that are broken, in words, by their names; what is not known breaks none."""
    return {
        name: f"`{name}` must be at most {shown(limit)}, but got {shown(costs[name])}"
        for name, limit in limits.items()
        if costs.get(name, 0) > limit
    }


def _said(name: str, rule: Rule, config: Config, task: Task) -> str:
    try:
        answer: Any = rule(dict(config), task)
    except Exception as error:  # a rule is somebody's own code
        return f"rule `{name}` must say whether a network may be trained, but raised {error!r}"
    if isinstance(answer, str):
        return answer
    if isinstance(answer, (list, tuple, set, dict)):  # of a list of broken rules an empty one would say no
        return f"rule `{name}` must return a text, True, False or None, but returned {answer!r}"
    return "" if answer is None or answer else f"rule `{name}` {FALSE}"


def shown(number: float) -> str:
    """Return a limit or a cost for people."""
    return f"{number:,.0f}" if number >= 1000 or number == int(number) else f"{number:.4g}"
