"""The process beside the driver in which a slow strategy thinks: events in, a candidate out.

``python -m nas_ray.engine.twin`` reads a pickled strategy from its standard input, then lists of events.
For each it relives the events and answers with a candidate; it ends with the process that started it.
"""

from __future__ import annotations

import os
import pickle
import signal
import sys
from contextlib import suppress
from typing import Any

from ray import cloudpickle


def main() -> None:
    """Answer until the input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the driver, which ends this process too
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a strategy prints is no answer
    strategy = pickle.load(sys.stdin.buffer)  # noqa: S301 - from the driver
    with suppress(EOFError):
        while True:
            events = pickle.load(sys.stdin.buffer)  # noqa: S301
            answers.write(cloudpickle.dumps(_candidate(strategy, events)))
            answers.flush()


def _candidate(strategy: Any, events: list[dict[str, Any]]) -> Any:
    try:
        strategy.replay(events)
        return strategy.propose(strategy.generator(len(strategy.memory)))
    except Exception as error:  # it is raised where the strategy was asked, in the driver
        return error


if __name__ == "__main__":
    main()
