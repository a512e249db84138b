"""SIGTERM as a Ctrl-C: batch systems and containers send it before they kill."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType

INTERRUPTED = 130
"""128 + SIGINT, as shells count."""
TERMINATED = 143
"""128 + SIGTERM."""


class Termination:
    """While entered, SIGTERM does what Ctrl-C does.

    Only the main thread can say so: entered in another one, it changes nothing.
    """

    def __init__(self) -> None:
        self.received = False
        """Whether SIGTERM has come."""

    @property
    def exit_code(self) -> int:
        """The exit code of a program that was interrupted."""
        return TERMINATED if self.received else INTERRUPTED

    def __enter__(self) -> Termination:
        self._installed = threading.current_thread() is threading.main_thread()
        if self._installed:
            self._before = signal.signal(signal.SIGTERM, self._interrupt)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._installed:
            signal.signal(signal.SIGTERM, self._before or signal.SIG_DFL)

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        self.received = True
        interrupt = signal.getsignal(signal.SIGINT)  # Tune's own while it runs: it stops in order
        if not callable(interrupt):  # as in a shell's background job, which Ctrl-C does not reach
            raise KeyboardInterrupt
        interrupt(signal.SIGINT, frame)
