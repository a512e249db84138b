"""What goes wrong on a cluster: failures and slow workers, wrapped around the reports of a table."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, Protocol

import numpy as np

from nas_ray.errors import ConfigError


class Report(NamedTuple):
    """One step of a trial on the virtual cluster.

    Args:
        epoch: Epochs trained so far.
        seconds: Virtual time since the report before.
        metrics: What was measured.
        error: Why the trial ends here, empty where it does not.
    """

    epoch: int
    seconds: float
    metrics: dict[str, float]
    error: str = ""


class Wrapper(Protocol):
    """Changes the reports of a trial; several are composed, the first one innermost."""

    def wrap(self, reports: Iterator[Report], trial: int, worker: int) -> Iterator[Report]:
        """Return the reports of ``trial`` as they come from ``worker``.

        Args:
            reports: As they would come.
            trial: Number of the trial's proposal.
            worker: Number of the worker.
        """


class Failing:
    """Some trials raise an exception in the middle of their training.

    Args:
        rate: Probability that a trial fails.
        seed: Decides which, and at which of their reports.

    Raises:
        ConfigError: If the rate is no probability.
    """

    def __init__(self, rate: float, seed: int = 0) -> None:
        if not 0 <= rate <= 1:
            raise ConfigError(f"the rate of failures must be between 0 and 1, but got {rate}")
        self.rate, self.seed = rate, seed

    def wrap(self, reports: Iterator[Report], trial: int, worker: int) -> Iterator[Report]:
        """Replace one report by a failure, in a trial that was drawn."""
        rng = np.random.default_rng([self.seed, trial])
        if rng.random() >= self.rate:
            yield from reports
            return
        listed = list(reports)
        at = int(rng.integers(len(listed)))
        yield from listed[:at]
        yield listed[at]._replace(error="a simulated failure", metrics={})


class Slow:
    """Some workers are slower than others: each has a factor, log-normal with median 1.

    Args:
        spread: Standard deviation of the logarithm.
        seed: Decides which.

    Raises:
        ConfigError: If the spread is negative.
    """

    def __init__(self, spread: float, seed: int = 0) -> None:
        if spread < 0:
            raise ConfigError(f"the spread of the workers' speeds must be at least 0, but got {spread}")
        self.spread, self.seed = spread, seed

    def wrap(self, reports: Iterator[Report], trial: int, worker: int) -> Iterator[Report]:
        """Stretch the time of each report."""
        factor = float(np.exp(self.spread * np.random.default_rng([self.seed, worker]).standard_normal()))
        return (report._replace(seconds=report.seconds * factor) for report in reports)
