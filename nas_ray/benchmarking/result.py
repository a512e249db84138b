"""What a benchmark comes to: dataframes of trajectories, values at a budget, and comparisons."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from nas_ray.benchmarking.plan import Plan
from nas_ray.benchmarking.statistics import Comparison, compare
from nas_ray.tables import Table

if TYPE_CHECKING:
    import pandas as pd

RUN = ["table", "workers", "strategy", "seed"]


@dataclass(frozen=True)
class BenchmarkResult:
    """A benchmark that is over.

    Args:
        plan: What was asked for.
        trajectories: One row for each trial that ended: table, strategy, workers, seed, the columns of
            :data:`nas_ray.simulation.result.COLUMNS`, and facts of the whole search: the shares of duplicate
            proposals and of busy workers, networks trained twice, milliseconds a trial to propose and learn.
        tables: The tables by name.
    """

    plan: Plan
    trajectories: pd.DataFrame
    tables: Mapping[str, Table]

    @property
    def axis(self) -> str:
        """The column that the budget limits: ``"trials"``, ``"epochs"`` or ``"seconds"``."""
        return self.plan.axis

    @property
    def budget(self) -> float:
        """How much of :attr:`axis` may be spent."""
        return self.plan.budget

    def values(self, *at: float) -> pd.DataFrame:
        """Return what each search had found when it had spent ``at``, by default the whole budget.

        Returns:
            One row for each search and budget: table, workers, strategy, seed, at, best (the incumbent's
            signal), report (its reported metric), score (best, turned so that larger is better), regret
            (distance of the signal from the table's best), duplicates, propose_ms, utilisation.

        Raises:
            ConfigError: If a budget is beyond what was spent.
        """
        import pandas as pd

        budgets = at or (self.budget,)
        self.plan.check_budgets(budgets)
        rows = [self._at(each) for each in budgets]
        return pd.concat(rows, ignore_index=True)

    def _at(self, budget: float) -> pd.DataFrame:
        frame = self.trajectories[self.trajectories[self.axis] <= budget]
        last = frame.groupby(RUN, sort=False).last().reset_index()
        signs = [self.tables[name].objective.sign for name in last["table"]]
        optima = {name: table.optimum() for name, table in self.tables.items()}
        best = [optima[name] for name in last["table"]]
        last["at"] = budget
        last["score"] = np.asarray(signs, dtype=np.float64) * last["best"]
        last["regret"] = np.abs(np.asarray(best, dtype=np.float64) - last["best"])
        columns = [*RUN, "at", "best", "report", "score", "regret", "duplicates", "repeated"]
        return last[[*columns, "propose_ms", "utilisation"]]

    def comparisons(self, *at: float) -> list[Comparison]:
        """Compare every two strategies by the signal of their incumbents, paired by seed."""
        return compare(self.values(*at))

    @cached_property
    def curves(self) -> pd.DataFrame:
        """The regret over the budget: columns table, workers, strategy, spent, mean, low and high.

        ``low`` and ``high`` bound the mean by 1.96 standard errors over the seeds.
        """
        import pandas as pd

        spent = np.linspace(0, self.budget, 101)[1:]
        if self.axis == "trials":
            spent = np.unique(np.round(spent))
        values = pd.concat([self._at(float(each)) for each in spent], ignore_index=True)
        grouped = values.groupby(["table", "workers", "strategy", "at"], sort=False)["regret"]
        frame = grouped.agg(["mean", "sem"]).reset_index().rename(columns={"at": "spent"})
        margin = 1.96 * frame.pop("sem").fillna(0.0)
        return frame.assign(low=np.maximum(frame["mean"] - margin, 0.0), high=frame["mean"] + margin)
