"""What a check of fidelities comes to: a dataframe, an advice, and their text."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from nas_ray.errors import ConfigError, RunError, UnknownName
from nas_ray.fidelity.advice import Advice, advise
from nas_ray.fidelity.measurements import FULL, Measurements, Setting
from nas_ray.fidelity.ranks import agreement, kendall, spearman

FORMATS = ("table", "csv", "json", "parquet")
NUMBER = "{:.2f}"


@dataclass(frozen=True)
class FidelityReport:
    """How well each fidelity ranks networks as the full one does.

    Args:
        measurements: Of the networks that were trained everywhere.
        source: Where they come from, in words.
        seed: Of the resampling.
        folder: Where the searches are; None for a table.
    """

    measurements: Measurements
    source: str
    seed: int = 0
    folder: Path | None = None

    @property
    def seeds(self) -> int:
        """Trainings of each network in each setting."""
        return int(self.measurements.values[FULL].shape[1])

    @cached_property
    def frame(self) -> pd.DataFrame:
        """One row per setting and number of epochs.

        Columns: setting, data_share, resolution, width, epochs, cost (seconds as a share of the full
        training's), networks, spearman and kendall with their 95 % intervals (``_low``, ``_high``), and
        seed_noise (standard deviation of the metric between seeds; NaN with one seed).
        """
        told = self.measurements
        rows = [self._row(setting, place) for setting in told.settings for place in told.shown()]
        return pd.DataFrame(rows)

    @cached_property
    def advice(self) -> Advice:
        """Rungs for a halving rule, and why."""
        return advise(self.frame, self.seeds)

    def export(self, format: str = "table", path: str | os.PathLike[str] | None = None) -> str:
        """Return the dataframe as text, and write it to ``path`` if one is given.

        Args:
            format: ``"table"`` (with the advice), ``"csv"``, ``"json"``, or ``"parquet"``, which needs a path
                and returns no text.
            path: A file.

        Raises:
            UnknownName: If there is no such format.
            ConfigError: If the format needs a file and none is given.
            RunError: If the file cannot be written.
        """
        check_format(format, path)
        try:
            if format == "parquet":
                self.frame.to_parquet(path, index=False)
                return ""
            text = {"table": self.__str__, "csv": self._csv, "json": self._json}[format]()
            if path is not None:
                Path(path).write_text(text + "\n")
        except OSError as error:
            raise RunError(f"{path} cannot be written: {error.strerror or error}") from error
        return text

    def __str__(self) -> str:
        """Return the dataframe and the advice for people."""
        told, several = self.measurements, len(self.measurements.settings) > 1
        trained = f"{self.seeds} seeds each" if self.seeds > 1 else "one training each: seed noise is unknown"
        count = f"{len(told.values[FULL])} networks, {trained}"
        cells = [_cells(row, several) for row in self.frame.to_dict("records")]
        table = pd.DataFrame(cells).to_string(index=False)
        return f"{self.source}: {told.metric} of {count}\n{table}\nadvice {self.advice}"

    def _row(self, setting: Setting, place: int) -> dict[str, Any]:
        told = self.measurements
        cheap, full = told.values[setting.name][:, :, place], told.values[FULL][:, :, -1]
        row: dict[str, Any] = {
            "setting": setting.name,
            **{dial: setting.dials.get(dial) for dial in ("data_share", "resolution", "width")},
            "epochs": int(told.epochs[place]),
            "cost": float(
                told.seconds[setting.name][:, :, place].mean() / told.seconds[FULL][:, :, -1].mean()
            ),
            "networks": len(cheap),
        }
        for name, statistic in (("spearman", spearman), ("kendall", kendall)):
            found = agreement(cheap, full, statistic, self.seed)
            row |= {name: found.value, f"{name}_low": found.low, f"{name}_high": found.high}
        noise = np.sqrt(cheap.var(1, ddof=1).mean()) if self.seeds > 1 else np.nan
        return {**row, "seed_noise": float(noise)}

    def _csv(self) -> str:
        return str(self.frame.to_csv(index=False)).rstrip("\n")

    def _json(self) -> str:
        rows = self.frame.astype(object).where(self.frame.notna(), None).to_dict(orient="records")
        advice = self.advice._asdict()
        return json.dumps({"fidelities": rows, "advice": advice}, indent=2, allow_nan=False)


def check_format(format: str, path: str | os.PathLike[str] | None) -> None:
    """Check that a result can be had in a format, before anything is trained for it.

    Raises:
        UnknownName: If there is no such format.
        ConfigError: If the format needs a file and none is given.
    """
    if format not in FORMATS:
        raise UnknownName("format", format, FORMATS)
    if format == "parquet" and path is None:
        raise ConfigError("`parquet` must have a file to go to; name one, or take csv or json")


def _cells(row: dict[Any, Any], several: bool) -> dict[str, str]:
    noise = row["seed_noise"]
    return {
        **({"setting": row["setting"]} if several else {}),
        "epochs": str(row["epochs"]),
        "cost": f"{row['cost']:.1%}",
        "Spearman": _interval(row, "spearman"),
        "Kendall": _interval(row, "kendall"),
        "seed noise": "-" if np.isnan(noise) else f"{noise:.4f}",
    }


def _interval(row: dict[Any, Any], name: str) -> str:
    value, low, high = (NUMBER.format(row[f"{name}{end}"]) for end in ("", "_low", "_high"))
    return f"{value} [{low}, {high}]"
