"""A table as a trainable: the networks that others trained, in anybody's own Tuner."""

from __future__ import annotations

from typing import Any

from ray import tune

from nas_ray.errors import ConfigError
from nas_ray.tables.table import Entry, Table


class TableEstimator(tune.Trainable):  # type: ignore[misc]  # Ray ships no types for Trainable
    """Reports what a table says, one of its reports in each step, as the real estimator reports epochs.

    In a Tuner of one's own, which hands the table to its workers::

        table = load_table("nasbench201-cifar10")
        tune.Tuner(
            tune.with_parameters(TableEstimator, table=table),
            param_space=table.space.param_space(),
            tune_config=tune.TuneConfig(metric="val_acc", mode="max", num_samples=50),
        )
    """

    def setup(self, config: dict[str, Any], table: Table | None = None) -> None:
        """Take the table.

        Args:
            config: The configuration of the first trial.
            table: The table, read by the driver; the workers need none of its files.

        Raises:
            ConfigError: If there is none.
        """
        if table is None:
            raise ConfigError(
                "TableEstimator must have a table: tune.with_parameters(TableEstimator, table=...)"
            )
        self.table = table
        self.reset_config(config)

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Take the next trial."""
        self.entry: Entry | None = self.table.find(new_config)
        self.reports = list(self.entry.reports()) if self.entry else []
        self.at = 0
        return True

    def step(self) -> dict[str, Any]:
        """Report the next epoch."""
        if self.entry is None:
            outcome = self.table.missing
            reason = {"infeasible": "constraint", "failed": "error"}[outcome]
            return {
                self.table.objective.metric: float("nan"),
                "epoch": 0,
                "error": "the table has no such row",
                "outcome": outcome,
                "reason": reason,
                "done": True,
            }
        epoch, seconds, metrics = self.reports[self.at]
        self.at += 1
        last = self.at == len(self.reports)
        return {
            **metrics,
            "epoch": epoch,
            "max_epochs": self.table.max_epochs,
            "seconds": seconds,
            "outcome": "finished" if last else "running",
            "done": last,
        }

    def save_checkpoint(self, checkpoint_dir: str) -> dict[str, Any]:
        """Return how many reports were made."""
        return {"at": self.at}

    def load_checkpoint(self, checkpoint: dict[str, Any] | None) -> None:
        """Go on behind the reports that were made."""
        self.at = int((checkpoint or {}).get("at", 0))
