"""What was measured of a few networks at several fidelities."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nas_ray.errors import RunError

Numbers = NDArray[np.float64]
FULL = "full"
"""Name of the setting in which all dials but the epochs are at their full value."""

FEWEST = 4
"""Networks below which ranks say nothing."""

SHOWN = 8
"""Most numbers of epochs that are compared."""


@dataclass(frozen=True)
class Setting:
    """Dials of fidelity that hold for whole trainings.

    Args:
        name: ``"full"``, or which dial is turned down.
        dials: ``data_share``, ``resolution`` and ``width``; None is the data's own resolution.
    """

    name: str = FULL
    dials: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Measurements:
    """Learning curves of the same networks in each setting.

    Args:
        metric: What was measured.
        settings: The full one first.
        epochs: Epochs that are reported in every curve, ascending, (n_epochs,).
        values: By the name of the setting, (networks, seeds, n_epochs); NaN where a training failed.
        seconds: Likewise, from the start of the training.
    """

    metric: str
    settings: tuple[Setting, ...]
    epochs: NDArray[np.int64]
    values: dict[str, Numbers]
    seconds: dict[str, Numbers]

    def complete(self) -> Measurements:
        """Return the measurements of the networks that were trained in every setting, with every seed.

        Raises:
            RunError: If they are too few to be ranked.
        """
        kept = np.all([np.isfinite(values).all((1, 2)) for values in self.values.values()], axis=0)
        if kept.sum() < FEWEST:
            raise RunError(
                f"at least {FEWEST} networks must be trained in full with every seed to be ranked, but "
                f"{kept.sum()} of {len(kept)} were; sample more, or see why the others failed"
            )
        return Measurements(
            self.metric,
            self.settings,
            self.epochs,
            {name: values[kept] for name, values in self.values.items()},
            {name: seconds[kept] for name, seconds in self.seconds.items()},
        )

    def shown(self) -> list[int]:
        """Return the places of the epochs to compare: all if they are few, else 1, 2, 4 ... and the last."""
        if len(self.epochs) <= SHOWN:
            return list(range(len(self.epochs)))
        wanted = 2 ** np.arange(int(np.log2(self.epochs[-1])) + 1)
        places = np.flatnonzero(np.isin(self.epochs, [*wanted, self.epochs[-1]]))
        return [int(place) for place in places]
