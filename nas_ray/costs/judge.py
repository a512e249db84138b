"""The process beside the driver that judges configurations: one line of JSON in, one line out.

``python -m nas_ray.costs.judge`` reads a pickle of (space, task, bounds) from its standard input, then one
configuration a line, and ends with the process that started it.
"""

from __future__ import annotations

import json
import os
import pickle
import signal
import sys
from dataclasses import asdict


def main() -> None:
    """Answer until the input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the driver, which ends this process too
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a space prints is no answer
    space, task, bounds = pickle.load(sys.stdin.buffer)  # noqa: S301 - from the driver
    import torch

    torch.set_num_threads(1)
    for line in sys.stdin.buffer:
        verdict = bounds.foreseen(space, json.loads(line), task)
        print(json.dumps(asdict(verdict)), file=answers, flush=True)


if __name__ == "__main__":
    main()
