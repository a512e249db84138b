"""Reads a few networks off a table of measured results."""

from __future__ import annotations

import numpy as np

from nas_ray.errors import ConfigError
from nas_ray.fidelity.measurements import FULL, Measurements, Setting
from nas_ray.tables import Table


def read_off(table: Table, networks: int, seed: int) -> Measurements:
    """Return the curves of ``networks`` rows, drawn at random; of all rows if there are fewer.

    A table holds one training of each network, so that there is one seed. Epochs that not all curves report
    are left out.

    Raises:
        ConfigError: If the table has results at one number of epochs alone.
    """
    count = min(networks, len(table))
    rows = np.sort(np.random.default_rng(seed).choice(len(table), count, replace=False))
    curve = table.curve
    spans = [slice(int(curve.starts[row]), int(curve.starts[row + 1])) for row in rows]
    reported = [set(curve.epochs[span].tolist()) for span in spans]
    epochs = np.array(sorted(set.intersection(*reported)), dtype=np.int64)
    if len(epochs) < 2:
        raise ConfigError(
            f"a table must have results at several epochs, but {table.name!r} has them at "
            f"{', '.join(map(str, epochs)) or 'none that all networks share'} alone; take one with curves"
        )
    values, seconds = (np.empty((count, 1, len(epochs))) for _ in range(2))
    for place, span in enumerate(spans):
        at = np.searchsorted(curve.epochs[span], epochs)
        values[place, 0] = curve.values[span][at]
        seconds[place, 0] = np.cumsum(curve.seconds[span])[at]
    return Measurements(table.objective.metric, (Setting(),), epochs, {FULL: values}, {FULL: seconds})
