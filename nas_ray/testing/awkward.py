"""Small search spaces with everything that goes wrong in a strategy, by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ray import tune
from ray.tune.search.sample import Categorical

from nas_ray.spaces import Config, CustomSpace, SearchSpace
from nas_ray.tasks import Task

PARAMS: dict[str, Callable[[], dict[str, Any]]] = {
    "categorical": lambda: {f"op{edge}": tune.choice(["conv", "pool", "skip", "none"]) for edge in range(4)},
    "booleans": lambda: {f"skip{layer}": tune.choice([True, False]) for layer in range(6)},
    "ordinals": lambda: {
        "width": tune.choice([16, 32, 64, 128]),
        "rate": tune.choice([0.0, 0.1, 0.25, 0.5]),
        "kernel": tune.choice([3, 5, 7]),
    },
    "integers": lambda: {
        "depth": tune.randint(1, 5),
        "units": tune.lograndint(1, 1000),
        "many": tune.randint(0, 100_000),
        "width": tune.qrandint(8, 64, 8),
        "wide": tune.qlograndint(8, 1024, 8),
    },
    "floats": lambda: {
        "shift": tune.uniform(-1.0, 1.0),
        "train.lr": tune.loguniform(1e-5, 1e-1),
        "share": tune.quniform(0.0, 1.0, 0.05),
        "decay": tune.qloguniform(1e-4, 1e-1, 1e-4),
        "noise": tune.randn(0.0, 1.0),
    },
    "single_values": lambda: {
        "only": tune.choice(["conv"]),
        "one": tune.randint(3, 4),
        "free": tune.randint(0, 1000),
    },
    "mixed_types": lambda: {f"value{key}": tune.choice([1, 1.0, "1", True, None]) for key in range(3)},
    "mixed": lambda: {
        "op": tune.choice(["conv", "pool", "skip"]),
        "norm": tune.choice([None, "batch", "layer"]),
        "bias": tune.choice([True, False]),
        "width": tune.choice([8, 16, 32]),
        "depth": tune.randint(1, 9),
        "dropout": tune.uniform(0.0, 0.5),
        "train.lr": tune.loguniform(1e-4, 1e-1),
    },
}


class RuledSpace(CustomSpace):
    """Half of the configurations break a rule."""

    def __init__(self) -> None:
        super().__init__({"first": tune.randint(0, 60), "last": tune.randint(0, 60)}, name="rules", absent={})

    def violations(self, config: Config, task: Task | None = None) -> list[str]:
        """Forbid ``first`` above ``last``."""
        return [] if config["first"] <= config["last"] else ["`first` must not be above `last`"]


class MergedSpace(CustomSpace):
    """Almost every network has two encodings, and a third key matters only where they are different."""

    def __init__(self, options: int = 30) -> None:
        ends = {end: tune.randint(0, options) for end in ("left", "right")}
        params = {**ends, "bridge": tune.choice(["conv", "pool"])}
        super().__init__(params, name="merged", absent={"bridge": "conv"})

    def active(self, config: Config) -> frozenset[str]:
        """Without two different ends there is no bridge."""
        ends = frozenset({"left", "right"})
        return ends if config["left"] == config["right"] else ends | {"bridge"}

    def canonical(self, config: Config) -> Any:
        """Left and right are the same network."""
        bridge = config["bridge"] if "bridge" in self.active(config) else None
        return [*sorted((config["left"], config["right"])), bridge]


NAMES = [*PARAMS, "rules", "merged"]


def awkward_space(name: str) -> SearchSpace:
    """Return a new space called ``name``, one of :data:`NAMES`.

    All of them pass for graphs: the first option of a choice stands for a piece that is not there.
    """
    if name == "rules":
        return RuledSpace()
    if name == "merged":
        return MergedSpace()
    params = PARAMS[name]()
    choices = {key: each for key, each in params.items() if isinstance(each, Categorical)}
    absent = {key: choice.categories[0] for key, choice in choices.items()}
    return CustomSpace(params, name=name, absent=absent)
