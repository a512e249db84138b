"""Constraints, checked in a process beside the driver, which itself never loads torch."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from types import TracebackType
from typing import Any

from ray import cloudpickle

from nas_ray.costs.bounds import Bounds, Verdict
from nas_ray.spaces import Config, SearchSpace
from nas_ray.tasks import Task

START_S = 60.0
"""Seconds that the first answer may take: the process loads torch."""
PATIENCE_S = 1.0
"""Seconds that the driver waits for an answer; after them the worker finds out."""


class Beside:
    """Judges configurations in a process of its own; each is judged once and kept.

    A program and no child of :mod:`multiprocessing`: that would run a script without a ``__main__`` guard a
    second time.

    Args:
        space: The search space.
        task: The problem at the run's resolution and width.
        bounds: What a network must keep.
    """

    def __init__(self, space: SearchSpace, task: Task, bounds: Bounds) -> None:
        self.space, self.task, self.bounds = space, task, bounds
        self._verdicts: dict[str, Future[Verdict | None]] = {}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "nas_ray.costs.judge"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
                "CUDA_VISIBLE_DEVICES": "",
            },
        )
        self._line = ThreadPoolExecutor(1)
        self._line.submit(self._send, cloudpickle.dumps((space, task, bounds)))

    def __call__(self, config: Config, patience: float = PATIENCE_S) -> Verdict | None:
        """Return what becomes of the constraints; None if it is not known in time, or cannot be.

        Args:
            config: A member of the space.
            patience: Seconds to wait.
        """
        config_id = self.space.config_id(config)
        if config_id not in self._verdicts:
            self._verdicts[config_id] = self._line.submit(self._ask, dict(config))
        try:
            return self._verdicts[config_id].result(patience)
        except NotYet:
            return None

    def __enter__(self) -> Beside:
        """Return itself; :meth:`close` ends the block."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the process."""
        self.close()

    def close(self) -> None:
        """End the process."""
        self._line.shutdown(wait=False, cancel_futures=True)
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(OSError):  # a half-written line
                pipe and pipe.close()

    def _send(self, content: bytes) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(content)
        self._process.stdin.flush()

    def _ask(self, config: Config) -> Verdict | None:
        try:
            self._send(json.dumps(config).encode() + b"\n")
            assert self._process.stdout is not None
            answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        except (OSError, ValueError):  # the process is gone; the workers go on
            return None
        return Verdict(**answer)
