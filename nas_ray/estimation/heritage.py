"""The weights that children may start from, in a folder of their run: those of the living alone."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from nas_ray.estimation import weights

HERITAGE = "heritage"
"""The folder, in that of a run."""

WEIGHTS, PARENTS = ".pt", ".json"


class Heritage:
    """Weights of networks that may have children, and who is whose child.

    The driver says whose child a trial is before it hands the trial out (:meth:`announce`), and forgets who
    has no place among the living any more (:meth:`keep`); a worker leaves a network's weights before it
    reports an epoch (:meth:`leave`), and reads those of the parents of the trial that it begins.

    Args:
        folder: On a path that all workers share.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def announce(self, child: str, parents: Sequence[str]) -> None:
        """Write down the parents of a trial, the one it takes most after first."""
        if parents:
            self.folder.mkdir(parents=True, exist_ok=True)
            (self.folder / f"{child}{PARENTS}").write_text(json.dumps(list(parents)))

    def parents_of(self, child: str) -> list[str]:
        """Return the parents of a trial; empty where it has none."""
        try:
            parents: list[str] = json.loads((self.folder / f"{child}{PARENTS}").read_text())
        except FileNotFoundError:
            return []
        return parents

    def leave(self, trial: str, config: Mapping[str, Any], state: weights.State) -> None:
        """Keep the weights of a network, in place of those of an earlier epoch."""
        weights.write(self.folder / f"{trial}{WEIGHTS}", {"config": json.dumps(dict(config)), "model": state})

    def of(self, trial: str) -> tuple[dict[str, Any], weights.State] | None:
        """Return configuration and weights of a network; None where they are gone or damaged."""
        left = weights.read(self.folder / f"{trial}{WEIGHTS}")
        return None if left is None else (json.loads(left["config"]), left["model"])

    def keep(self, living: Collection[str]) -> None:
        """Remove what belongs to trials that are not among the living."""
        for path in self.folder.glob("*"):
            if path.suffix in (WEIGHTS, PARENTS) and path.stem not in living and path.name[0] != ".":
                path.unlink(missing_ok=True)
