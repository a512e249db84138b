"""What a simulated search may spend."""

from __future__ import annotations

import re
from dataclasses import dataclass

from nas_ray.errors import ConfigError

UNITS = {"s": "seconds", "trials": "trials", "epochs": "epochs"}


@dataclass(frozen=True)
class Budget:
    """Limits of a run; it ends when the first one is reached.

    Args:
        trials: Trials that begin training.
        epochs: Epochs over all trials.
        seconds: Virtual seconds; a trial that has not ended by then is interrupted and counts for nothing.

    Raises:
        ConfigError: If there is no limit, or one is not positive.

    Example:
        >>> Budget.parse("12000s"), Budget.parse("300trials").trials
        (Budget(trials=None, epochs=None, seconds=12000.0), 300)
    """

    trials: int | None = None
    epochs: int | None = None
    seconds: float | None = None

    def __post_init__(self) -> None:
        limits = {"trials": self.trials, "epochs": self.epochs, "seconds": self.seconds}
        given = {name: limit for name, limit in limits.items() if limit is not None}
        if not given:
            raise ConfigError("a budget must limit trials, epochs or seconds, but has no limit")
        for name, limit in given.items():
            if limit <= 0:
                raise ConfigError(f"the budget's {name} must be greater than 0, but got {limit}")

    @classmethod
    def parse(cls, text: str) -> Budget:
        """Return the budget that a text such as ``12000s``, ``300trials`` or ``2700epochs`` names.

        Raises:
            ConfigError: If the number or its unit cannot be.
        """
        found = re.fullmatch(r"\s*([0-9.]+(?:[eE][0-9]+)?)\s*(s|trials|epochs)\s*", text)
        try:
            number = float(found[1]) if found else 0.0
        except ValueError:
            number = 0.0
        if not found or number <= 0 or (found[2] != "s" and number != int(number)):
            raise ConfigError(
                f"a budget must be a number with its unit, 12000s, 300trials or 2700epochs, but got {text!r}"
            )
        if found[2] == "s":
            return cls(seconds=number)
        return cls(**{UNITS[found[2]]: int(number)})
