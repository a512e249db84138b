"""What a search hands back: dataframes, the winner, and where to find the rest."""

from __future__ import annotations

import os
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pandas as pd

from nas_ray.ledger import LEDGER, RunRecord, epochs_frame, is_live, read, trials_frame
from nas_ray.ledger.columns import make_frame
from nas_ray.ledger.run import measured
from nas_ray.ledger.utilisation import busy_share
from nas_ray.results.best import BestTrial, find_best
from nas_ray.results.folder import read_config, run_folder
from nas_ray.results.front import front_of
from nas_ray.results.model import load_model
from nas_ray.results.summary import summarise
from nas_ray.tasks import Objective

if TYPE_CHECKING:
    from torch import nn

    from nas_ray.spaces import SearchSpace


class SearchResult:
    """A run as its folder tells it, at the moment of loading.

    Args:
        path: The run's folder.

    Raises:
        RunError: If there is no such folder, or it is no run.
        LedgerError: If its ledger cannot be read.

    Example::

        result = SearchResult.load("runs/chain-evolution-1")
        result.best.value, result.best.config
        result.trials.sort_values("val_acc").tail()
        model = result.best_model()
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = run_folder(path)
        self.live = is_live(self.path / LEDGER)
        """Whether a driver was at work on the run when it was loaded."""
        self.record = RunRecord(read(self.path / LEDGER))
        """The ledger, sorted by trial."""

    @classmethod
    def load(cls, folder: str | os.PathLike[str]) -> SearchResult:
        """Return the result of the run in ``folder``, finished or not."""
        return cls(folder)

    @cached_property
    def trials(self) -> pd.DataFrame:
        """One row per proposal, whatever became of it."""
        return trials_frame(self.record, self.live)

    @cached_property
    def epochs(self) -> pd.DataFrame:
        """One row per report of an epoch."""
        return epochs_frame(self.record)

    @cached_property
    def prior(self) -> pd.DataFrame:
        """One row per network that ``estimation.prior`` measured before the first training."""
        rows = [
            {**{f"config.{key}": value for key, value in each["config"].items()}, **each["values"]}
            for each in self.record.prior
        ]
        return pd.DataFrame(rows)

    @cached_property
    def config(self) -> dict[str, Any]:
        """The resolved configuration of the run, as ``config.yaml`` holds it."""
        return read_config(self.path)

    @property
    def objective(self) -> list[Objective]:
        """What was optimised, most important first."""
        return self.record.objectives

    @cached_property
    def best(self) -> BestTrial | None:
        """The winner, None if no trial has a score."""
        return find_best(self.record, self.path)

    def best_model(self, space: SearchSpace | type[nn.Module] | None = None) -> nn.Module:
        """Return the winner with its trained weights, on the CPU and in evaluation mode.

        Args:
            space: The search space, or a class of modules, where the run was given an object that has no name
                to load it by.

        Raises:
            RunError: If no trial has a score, or weights and network do not fit.
            ConfigError: If the space cannot be loaded by name and none is given.
        """
        return load_model(self.path, space)

    def outcomes(self) -> dict[str, int]:
        """Return the number of trials by outcome."""
        return self.record.outcomes(self.live)

    def incumbents(self) -> pd.DataFrame:
        """Return the best so far over time: trial_id, epoch, at (seconds since the start), value.

        Pauses between an interruption and the resume are left out of ``at``.
        """
        found = self.record.improvements()
        metric = self.objective[0].metric if found else ""
        values = {
            "trial_id": [report["trial_id"] for report in found],
            "epoch": [report["epoch"] for report in found],
            "at": [self.record.elapsed(report["at"]) for report in found],
            "value": [measured(report, metric) for report in found],
        }
        return make_frame({"trial_id": "text", "epoch": "int", "at": "float", "value": "float"}, values)

    def pareto_front(self) -> pd.DataFrame:
        """Return the trials that no other one dominates in the objectives, as rows of :attr:`trials`.

        Only trials that were trained in full compete; the best by the first objective comes first. With one
        objective that is the best trial.
        """
        return front_of(self.trials, self.objective)

    def utilisation(self) -> float:
        """Return busy slot seconds over slot seconds, from 0 to 1."""
        return busy_share(self.record)

    def summary(self) -> str:
        """Return what the run found as text: architecture, numbers, trials by outcome, time, place."""
        return summarise(self.record, self.path, self.live)

    def __repr__(self) -> str:
        return f"SearchResult({str(self.path)!r}, trials={len(self.record.trials)}, best={self.best!r})"
