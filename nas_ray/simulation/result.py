"""What a simulated search comes to."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from nas_ray.simulation.events import Cluster

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("trials", "epochs", "seconds", "value", "best", "report")
"""Columns of a trajectory: trials ended, epochs over all trials, virtual seconds, the trial's signal, the
incumbent's signal, and the incumbent's reported metric."""


@dataclass(frozen=True)
class Simulation:
    """A simulated search that is over.

    Args:
        cluster: The virtual cluster as the run left it.
        seed: Of the strategy.
        folder: Where its ledger is, None if none was written.
    """

    cluster: Cluster
    seed: int
    folder: Path | None = None

    @cached_property
    def trajectory(self) -> pd.DataFrame:
        """One row for each trial that ended, in the order of their ends; columns :data:`COLUMNS`."""
        import pandas as pd

        return pd.DataFrame(self._rows(), columns=list(COLUMNS))

    def _rows(self) -> list[tuple[int, int, float, float, float, float]]:
        values, nan = self.cluster.values, float("nan")
        rows = []
        for count, end in enumerate(self.cluster.ended, 1):
            value = nan if end.value is None else end.value
            signal = nan if end.best is None else values[end.best]
            report = nan if end.best is None else self.cluster.entries[end.best].reported
            rows.append((count, end.epochs, end.at, value, signal, report))
        return rows

    @property
    def best(self) -> float:
        """The incumbent's signal at the end, NaN if there is none."""
        rows = self._rows()
        return rows[-1][4] if rows else float("nan")

    @property
    def reported(self) -> float:
        """The incumbent's reported metric at the end, NaN if there is none."""
        rows = self._rows()
        return rows[-1][5] if rows else float("nan")

    @property
    def seconds(self) -> float:
        """Virtual seconds."""
        return self.cluster.clock

    @property
    def worker_seconds(self) -> float:
        """Virtual seconds of all workers, busy or not."""
        return self.cluster.clock * self.cluster.workers

    @property
    def utilisation(self) -> float:
        """Busy worker seconds over worker seconds, from 0 to 1; 1 where no time went by."""
        return min(1.0, self.cluster.busy / self.worker_seconds) if self.worker_seconds else 1.0

    @property
    def duplicates(self) -> float:
        """Share of the proposals that were known already; none of them is trained again."""
        proposals = self.cluster.strategy.memory.proposals
        known = sum(proposal.outcome == "cached" for proposal in proposals)
        return known / len(proposals) if proposals else 0.0

    @property
    def repeated(self) -> int:
        """Networks that were trained more often than once: 0 unless repeats were asked for."""
        trained = [
            each.config_id for each in self.cluster.strategy.memory.proposals if each.outcome == "running"
        ]
        return len(trained) - len(set(trained))

    @property
    def propose_s(self) -> float:
        """Real seconds that the strategy took for each trial, learning included."""
        return self.cluster.thought_s / max(1, len(self.cluster.ended))

    @property
    def outcomes(self) -> dict[str, int]:
        """Proposals by outcome."""
        counts: dict[str, int] = {}
        memory = self.cluster.strategy.memory
        for proposal in memory.proposals:
            ended = memory.ended(proposal.number)
            outcome = ended.outcome if ended else proposal.outcome
            outcome = "interrupted" if outcome == "running" else outcome
            counts[outcome] = counts.get(outcome, 0) + 1
        return counts
