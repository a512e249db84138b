"""The run as it goes on: a small live table on a terminal, a line now and then in a pipe."""

from __future__ import annotations

import sys
import time
from types import TracebackType

from rich.console import Console
from rich.live import Live as Screen
from rich.table import Table
from rich.text import Text

from nas_ray.engine.progress import Snapshot
from nas_ray.results.summary import count_text
from nas_ray.results.timing import in_words

REFRESH_S = 0.25
LINE_S = 1.0
LINE_SHARE = 0.2
"""Lines in a pipe are at least a second and a fifth of the elapsed time apart: under 60 of them in a day."""


class Live:
    """Shows a run while it goes on; a :class:`nas_ray.engine.progress.Progress`.

    On a terminal a table is redrawn up to four times a second and leaves nothing behind. In a pipe, a
    line is printed when the best improves, and one at the end. Everything goes to stderr, so that stdout
    holds the result alone.

    Example::

        with Live() as live:
            nas_ray.search(trials=24, progress=live)

    Args:
        quiet: Show nothing.
        console: Where to show it; stderr by default.
    """

    def __init__(self, quiet: bool = False, console: Console | None = None) -> None:
        self.title = ""
        """Name of the run's folder, once there is one."""
        self._console = console or Console(stderr=True, quiet=quiet)
        animated = self._console.is_terminal and not self._console.is_dumb_terminal and not quiet
        self._screen = Screen(
            console=self._console,
            auto_refresh=False,
            transient=True,
            # What a callback prints belongs above the table only where both go to the same place.
            redirect_stdout=sys.stdout.isatty(),
        )
        self._animated = animated
        self._entered = False
        self._snapshot: Snapshot | None = None
        self._shown: float | None = None
        self._next = 0.0

    def __enter__(self) -> Live:
        self._entered = True
        self._say("starting Ray ...")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._entered = False
        self._screen.stop()

    def start(self, title: str) -> None:
        """Show the name of the run."""
        self.title = title
        if self._animated:
            self._say("starting workers ...")
        else:
            self._print(f"run {title}")

    def update(self, snapshot: Snapshot) -> None:
        """Show where the run stands, if the last time is long enough ago."""
        self._snapshot = snapshot
        now = time.monotonic()
        if now < self._next:
            return
        if self._animated:
            self._next = now + REFRESH_S
            self._screen.update(table(self.title, snapshot), refresh=True)
        elif snapshot.best_score != self._shown:
            self._next = now + max(LINE_S, LINE_SHARE * snapshot.elapsed)
            self._shown = snapshot.best_score
            self._print(line(snapshot))

    def stop(self) -> None:
        """Clear the table, or print the last line."""
        if self._entered:
            self._say("testing the winner ...")  # what remains to be done, until the context ends
        else:
            self._screen.stop()
        if self._snapshot is not None and not self._animated:
            self._print(line(self._snapshot))
        self._snapshot = None

    def _say(self, text: str) -> None:
        if self._animated:
            self._screen.start()
            self._screen.update(Text(text, style="dim"), refresh=True)

    def _print(self, text: str) -> None:
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)


def rows(snapshot: Snapshot) -> dict[str, str]:
    """Return what there is to say: trials, epochs where they are limited, best, time."""
    total = "" if snapshot.trials is None else f" of {snapshot.trials}"
    now = {"running": len(snapshot.running), "paused": len(snapshot.paused)}
    counts = count_text({**snapshot.outcomes, **now})
    left, value = snapshot.seconds_left, snapshot.best_value
    best = "none yet" if value is None else f"{snapshot.objective.metric} {value:.4f}"
    epochs = f"{snapshot.epochs} of {snapshot.epochs_budget} trained"
    return {
        "trials": f"{snapshot.trained}{total} done" + (f": {counts}" if counts else ""),
        **({"epochs": epochs} if snapshot.epochs_budget is not None else {}),
        "best": best + (f" ({snapshot.best_trial})" if snapshot.best_trial else ""),
        "time": in_words(snapshot.elapsed) + (f", about {in_words(left)} left" if left else ""),
    }


def line(snapshot: Snapshot) -> str:
    """Return :func:`rows` in one line, for logs."""
    told = rows(snapshot)
    return "; ".join([told.pop("time"), *(f"{name} {text}" for name, text in reversed(told.items()))])


def table(title: str, snapshot: Snapshot) -> Table:
    """Return the run's name and :func:`rows` as a table, for terminals."""
    grid = Table.grid(padding=(0, 2))
    for name, text in {"run": title, **rows(snapshot)}.items():
        grid.add_row(Text(name, style="dim"), Text(text))
    return grid
