"""What the benchmarks of the engine keep of one run: ends, processes, and the driver's memory."""

from __future__ import annotations

import itertools
import json
import math
import os
import time
from pathlib import Path
from typing import Any

from engine_probe import Probe
from ray import tune


class Stopwatch(tune.Callback):  # type: ignore[misc]  # Ray ships no types
    """Keeps the time of every end, the processes seen, and the driver's memory; names a node's removal.

    Args:
        settings: Of the run, as ``engine_sides.py`` has them.
    """

    def __init__(self, settings: dict[str, Any]) -> None:
        self.settings = settings
        self.ends: list[float] = []
        self.memory: list[float] = []
        self.processes: dict[Any, float] = {}
        self.ledger: Path | None = None
        self.probe = Probe(settings)

    def __deepcopy__(self, memo: Any) -> Any:
        """Tune copies its callbacks; the one that is told is this one."""
        return self

    def on_trial_result(
        self, iteration: int, trials: list[Any], trial: Any, result: dict[str, Any], **info: Any
    ) -> None:
        """Note the process that reports."""
        self.processes.setdefault(result["pid"], time.perf_counter())

    def on_trial_complete(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """Note an end, and say that it is time to remove a node."""
        self.ends.append(time.perf_counter())
        self.memory.append(resident())
        self.probe.ended(len(self.ends))
        if len(self.ends) == self.settings["replace_after"]:
            part = Path(self.settings["removal"], "part")
            part.write_text(json.dumps(list(self.processes)))
            part.rename(part.with_name("now"))

    def facts(self, started: float, total: float) -> dict[str, Any]:
        """Return rates per second, milliseconds a trial by fifths of the run, and KiB a trial.

        Fifths are of the whole run, the start of the processes included, and of what ended since all are up.

        Args:
            started: When the search began, on the clock of ``time.perf_counter``.
            total: Seconds that it took.
        """
        up = max(self.processes.values())
        after = [end for end in self.ends if end > up]
        removal = self._removal()
        return {
            "total_s": total,
            "rate": len(self.ends) / total,
            "first_end_s": self.ends[0] - started,
            "tail_s": total - (self.ends[-1] - started),
            "pool_up_s": up - started,
            "steady_rate": len(after) / (after[-1] - up) if after else None,
            "actors": len(self.processes),
            "actors_lost": len(removal[1]),
            "busy": busy_share(self.ledger, *removal) if self.ledger else None,
            "ms_by_fifth": ms_by_fifth([started, *self.ends]),
            "up_ms_by_fifth": ms_by_fifth([up, *after]),
            "kb_per_trial": self._kb_per_trial(),
        }

    def _edges(self) -> list[int]:
        return [len(self.ends) * fifth // 5 for fifth in range(6)]

    def _kb_per_trial(self) -> float:
        # After the first fifth, in which the interpreter itself still grows.
        first, last = self._edges()[1] - 1, self._edges()[4] - 1
        return (self.memory[last] - self.memory[first]) / (last - first)

    def _removal(self) -> tuple[float, list[int]]:
        """Return when a node was removed, and the processes that were on it."""
        done = Path(self.settings.get("removal", ""), "done")
        return tuple(json.loads(done.read_text())) if done.is_file() else (0.0, [])


def ms_by_fifth(at: list[float]) -> list[float]:
    """Return milliseconds a trial by fifths of a run that begins at the first time; the others are ends."""
    edges = itertools.pairwise((len(at) - 1) * fifth // 5 for fifth in range(6))
    return [round(1000 * (at[last] - at[first]) / max(1, last - first), 2) for first, last in edges]


def busy_share(ledger: Path, removed_at: float, removed: list[int]) -> float:
    """Return the share of slot time in trials, from a slot's first trial to the last proposal.

    Args:
        ledger: Of the run.
        removed_at: When a node was removed, in seconds since the epoch.
        removed: Processes that were on it.
    """
    from nas_ray.ledger import read

    records = read(ledger)
    last = max(record["at"] for record in records if record["kind"] == "propose")
    starts: dict[str, float] = {}
    ready: dict[int, float] = {}
    working = 0.0
    for record in records:
        trial, at = record.get("trial_id", ""), record["at"]
        if record["kind"] == "start":
            starts[trial] = at
        elif record["kind"] == "report":
            ready[record["pid"]] = min(ready.get(record["pid"], math.inf), starts[trial])
        elif record["kind"] == "end":
            working += max(0.0, min(at, last) - starts[trial])
    ends = {pid: removed_at if pid in removed else last for pid in ready}
    return working / sum(max(0.0, ends[pid] - ready[pid]) for pid in ready)


def resident() -> float:
    """Return the memory of this process in kilobytes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1024
