"""Where the driver's time and memory go between the first and the last fifth of a run."""

from __future__ import annotations

import cProfile
import gc
import json
import pstats
import site
import sysconfig
import tracemalloc
from collections.abc import Iterable
from pathlib import Path
from typing import Any

Row = tuple[str, float]


class Probe:
    """Profiles a run from the end of its first fifth to the end of its fourth.

    Before that, the processes of the run start; what comes after is like what is measured.

    Args:
        settings: Of the run, as ``engine_sides.py`` has them: ``profile`` is a file for where the time goes,
            ``heap`` one for where the memory stays. One of them at a time: each slows the other.
    """

    def __init__(self, settings: dict[str, Any]) -> None:
        self.first, self.last = settings["trials"] // 5, settings["trials"] * 4 // 5
        self._time, self._heap = settings["profile"], settings["heap"]
        self._profile: Any = None  # the Tuner pickles its callbacks before a run
        self._before: Any = None

    def ended(self, count: int) -> None:
        """Begin or end, by how many trials have ended."""
        if count == self.first:
            self._begin()
        elif count == self.last:
            self._end()

    def _begin(self) -> None:
        if self._heap:
            tracemalloc.start()
            self._before = _snapshot()
        if self._time:
            self._profile = cProfile.Profile()
            self._profile.enable()

    def _end(self) -> None:
        trials = self.last - self.first
        if self._time:
            self._profile.disable()
            Path(self._time).write_text(json.dumps(times(pstats.Stats(self._profile), trials)))
        if self._heap:
            grown = _snapshot().compare_to(self._before, "lineno")
            tracemalloc.stop()
            Path(self._heap).write_text(json.dumps(sizes(grown, trials)))


def times(stats: Any, trials: int) -> dict[str, list[Row]]:
    """Return milliseconds a trial: by file, without what it calls, and by function, with what it calls."""
    own, inclusive = dict[str, float](), list[Row]()
    for (file, _, function), (_, _, self_s, total_s, _) in stats.stats.items():
        place = shortened(file) if file != "~" else function  # built in
        own[place] = own.get(place, 0.0) + 1000 * self_s / trials
        if file != "~":
            inclusive.append((f"{shortened(file)} {function}", 1000 * total_s / trials))
    return {
        "by file, without what it calls": _largest_first(own.items()),
        "by function, with what it calls": _largest_first(inclusive),
    }


def sizes(grown: list[Any], trials: int) -> dict[str, list[Row]]:
    """Return kilobytes a trial that stayed, by the file and by the line that asked for them."""
    files, lines = dict[str, float](), dict[str, float]()
    for each in grown:
        frame = each.traceback[0]
        file, amount = shortened(frame.filename), each.size_diff / 1024 / trials
        files[file] = files.get(file, 0.0) + amount
        lines[f"{file}:{frame.lineno}"] = amount
    return {"by file": _largest_first(files.items()), "by line": _largest_first(lines.items())}


def shortened(file: str) -> str:
    """Return a path without the folder of packages that it lies in."""
    roots = [*site.getsitepackages(), sysconfig.get_path("stdlib"), str(Path(__file__).parents[2])]
    for root in sorted(roots, key=len, reverse=True):
        file = file.removeprefix(f"{root}/")
    return file


def _largest_first(rows: Iterable[Row]) -> list[Row]:
    return sorted(rows, key=lambda row: -row[1])


def _snapshot() -> Any:
    gc.collect()
    return tracemalloc.take_snapshot().filter_traces([tracemalloc.Filter(False, tracemalloc.__file__)])
