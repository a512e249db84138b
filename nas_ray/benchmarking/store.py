"""The trajectories of a benchmark on disk: one Parquet file, and what is not yet in it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from nas_ray.benchmarking.plan import Cell
from nas_ray.simulation import Simulation

if TYPE_CHECKING:
    import pandas as pd

TRAJECTORIES = "trajectories.parquet"
PARTS = "parts"


class Store:
    """A folder with ``trajectories.parquet``: one row for each trial that ended in any of the searches.

    Searches that have ended are kept one by one in ``parts`` until :meth:`merge`, so that a benchmark that
    was interrupted goes on where it was.

    Args:
        folder: Where; made if it is not there.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(folder)
        (self.folder / PARTS).mkdir(parents=True, exist_ok=True)

    def done(self) -> set[str]:
        """Return the keys of the searches that are on disk."""
        import pandas as pd

        path = self.folder / TRAJECTORIES
        merged = set(pd.read_parquet(path, columns=["key"])["key"]) if path.is_file() else set()
        return merged | {part.stem for part in (self.folder / PARTS).glob("*.parquet")}

    def add(self, cell: Cell, run: Simulation) -> None:
        """Keep a search that has ended; called by the process that ran it."""
        frame = trajectory(cell, run)
        _write(frame, self.folder / PARTS / f"{cell.key}.parquet")

    def merge(self) -> pd.DataFrame:
        """Move all parts into ``trajectories.parquet``, and return it."""
        import pandas as pd

        path = self.folder / TRAJECTORIES
        parts = sorted((self.folder / PARTS).glob("*.parquet"))
        frames = [pd.read_parquet(each) for each in [*([path] if path.is_file() else []), *parts]]
        merged = pd.concat(frames, ignore_index=True)
        # A part that was merged before an interruption may still be there.
        merged = merged.drop_duplicates(["key", "trials"], ignore_index=True)
        if parts:
            _write(merged, path)
        for part in parts:
            part.unlink()
        return merged


def trajectory(cell: Cell, run: Simulation) -> pd.DataFrame:
    """Return the rows of one search: what was asked for, its course, and what it cost to propose."""
    frame = run.trajectory
    asked: dict[str, str | int] = {
        "key": cell.key,
        "table": cell.table,
        "strategy": cell.strategy,
        "workers": cell.workers,
        "seed": cell.seed,
    }
    for at, (column, value) in enumerate(asked.items()):
        frame.insert(at, column, value)
    frame["duplicates"] = run.duplicates
    frame["repeated"] = run.repeated
    frame["propose_ms"] = 1000 * run.propose_s
    frame["utilisation"] = run.utilisation
    return frame


def _write(frame: pd.DataFrame, path: Path) -> None:
    unfinished = path.with_suffix(f".{os.getpid()}.tmp")
    frame.to_parquet(unfinished, index=False)
    unfinished.replace(path)
