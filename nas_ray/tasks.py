"""What a network is searched for: the kind of problem, its shapes and its objectives."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, get_args

from nas_ray.errors import ConfigError

Kind = Literal["classification", "regression"]
Mode = Literal["max", "min"]
Inputs = Literal["images", "sequences", "tables", "tokens"]
INPUTS: frozenset[Inputs] = frozenset(get_args(Inputs))


@dataclass(frozen=True)
class Objective:
    """One metric and the direction in which it gets better.

    Args:
        metric: Name of a reported metric, such as ``"val_acc"``.
        mode: ``"max"`` or ``"min"``.
        weight: How much one unit of the metric counts where several objectives are added up; None where they
            are not.

    Raises:
        ConfigError: If ``mode`` is neither, or ``weight`` is negative.
    """

    metric: str
    mode: Mode = "max"
    weight: float | None = None

    def __post_init__(self) -> None:
        if self.mode not in ("max", "min"):
            raise ConfigError(f"`objective.mode` must be 'max' or 'min', but got {self.mode!r}")
        if self.weight is not None and not self.weight >= 0:
            raise ConfigError(f"`objective.weight` must be at least 0, but got {self.weight}")

    @property
    def sign(self) -> int:
        """1 where larger is better, -1 where smaller is."""
        return 1 if self.mode == "max" else -1

    def score(self, value: float | None) -> float:
        """Return ``value`` turned so that larger is better; -inf where there is none or it is not finite."""
        if value is None or not math.isfinite(value):
            return -math.inf
        return self.sign * value


DEFAULT_OBJECTIVES: dict[Kind, tuple[Objective, ...]] = {
    "classification": (Objective("val_acc", "max"),),
    "regression": (Objective("val_loss", "min"),),
}


@dataclass(frozen=True, kw_only=True)
class Task:
    """The problem that every network of a run is built and trained for.

    Args:
        kind: ``"classification"`` (targets are class indices) or ``"regression"`` (targets are floats).
        input_shape: Shape of one input without the batch axis: ``(channels, height, width)`` for images,
            ``(channels, steps)`` for sequences (audio, time series), ``(features,)`` for tables,
            ``(length,)`` for tokens.
        outputs: Number of classes, or of regression targets.
        objectives: What is optimised, most important first; by default the accuracy on the
            validation part, or for regression the loss on it.
        width: Factor on every channel and unit count that a space offers (the fidelity dial "width").
        vocabulary: Number of different tokens, ids from 0 on, of which 0 is the padding; None where inputs
            are no tokens.

    Raises:
        ConfigError: If a shape, number or factor is not positive, or there is no objective.
    """

    kind: Kind
    input_shape: tuple[int, ...]
    outputs: int
    objectives: tuple[Objective, ...] = ()
    width: float = 1.0
    vocabulary: int | None = None

    def __post_init__(self) -> None:
        if self.kind not in DEFAULT_OBJECTIVES:
            raise ConfigError(f"`task.kind` must be 'classification' or 'regression', but got {self.kind!r}")
        if not self.input_shape or min(self.input_shape) < 1:
            raise ConfigError(f"`task.input_shape` must hold positive numbers, but got {self.input_shape}")
        if len(self.input_shape) > 3:
            raise ConfigError(f"`task.input_shape` must have at most 3 axes, but got {self.input_shape}")
        if self.vocabulary is not None and (self.vocabulary < 2 or len(self.input_shape) != 1):
            raise ConfigError(
                "`task.vocabulary` must be at least 2 and inputs of tokens have one axis, but got "
                f"{self.vocabulary} and {self.input_shape}"
            )
        if self.outputs < 1:
            raise ConfigError(f"`task.outputs` must be at least 1, but got {self.outputs}")
        if not self.width > 0:
            raise ConfigError(f"`width` must be greater than 0, but got {self.width}")
        if not self.objectives:
            object.__setattr__(self, "objectives", DEFAULT_OBJECTIVES[self.kind])

    @property
    def inputs(self) -> Inputs:
        """What an input is: images, sequences, tables or tokens."""
        if self.vocabulary is not None:
            return "tokens"
        kinds: dict[int, Inputs] = {3: "images", 2: "sequences", 1: "tables"}
        return kinds[len(self.input_shape)]

    @property
    def is_image(self) -> bool:
        """Whether an input has channels, height and width."""
        return len(self.input_shape) == 3

    def scaled(self, channels: int) -> int:
        """Return a channel or unit count times ``width``, rounded, at least 1."""
        return max(1, round(channels * self.width))

    def at(self, *, resolution: int | None = None, width: float | None = None) -> Task:
        """Return this task at another fidelity.

        Args:
            resolution: Side of the square images in pixels; None keeps the data's own.
            width: Factor on channel counts; None keeps this task's.
        """
        task = self if width is None else replace(self, width=width)
        if resolution is None or not self.is_image:
            return task
        return replace(task, input_shape=(self.input_shape[0], resolution, resolution))

    def to_json(self) -> dict[str, Any]:
        """Return the task as plain JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, plain: dict[str, Any]) -> Task:
        """Rebuild a task from :meth:`to_json`."""
        objectives = tuple(Objective(**objective) for objective in plain["objectives"])
        return cls(**{**plain, "input_shape": tuple(plain["input_shape"]), "objectives": objectives})
