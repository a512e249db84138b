"""Proposals of a slow strategy, prepared beside the driver's loop."""

from __future__ import annotations

import contextlib
import os
import pickle
import subprocess
import sys
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from ray import cloudpickle

from nas_ray.strategies import Candidate, Strategy

SLOW_S = 0.1
"""Seconds that a proposal may take in the driver's loop, which meanwhile hears of no report."""
PATIENCE = 0.05
"""Share of a trial's time that a free worker waits for the strategy."""
CONTESTANTS, YOUNGEST = 4, 32
FALLBACK = "fallback"


class Ahead:
    """Has the next proposal ready when a worker comes free, however long the strategy thinks.

    As long as proposals are quick they are made in the loop, where they know of everything that has ended.
    After two slow ones in a row (one may only have loaded something) a twin of the strategy, in a process of
    its own, hears of all events and prepares one candidate in advance. Its note says how many ends it did not
    know of (``behind``). Where none is ready and waiting would cost more than a twentieth of a trial, a free
    worker gets a mutation of a good network, with the note ``"source": "fallback"``.

    With one trial at a time nothing is prepared: each proposal knows of all trials before it.

    Args:
        strategy: It must be bound to its space; a history is relived already.
        at_once: Trials at once.
    """

    def __init__(self, strategy: Strategy, at_once: int) -> None:
        self._strategy, self._at_once = strategy, at_once
        self._twin: subprocess.Popen[bytes] | None = None
        self._line = ThreadPoolExecutor(1)
        self._sent = 0
        self._knew = 0
        self._answer: Future[Any] | None = None
        self._candidates: list[Candidate | None] = []
        self._asked = self._began = time.monotonic()
        self._thinks_s = 0.0
        self._taken = self._slow = 0
        strategy.source = self.take

    def ready(self) -> bool:
        """Return whether :meth:`take` has something worth having now; asked in every step of the loop."""
        if self._twin is None or self._strategy.closed:
            return True
        self._poll()
        if self._candidates:
            return True
        if not self._strategy.memory.running:  # nobody is kept waiting but one worker
            self._poll(wait=True)
            return True
        left, worth = self._asked + self._thinks_s - time.monotonic(), PATIENCE * self._trial_s
        return not -worth < left <= worth

    def take(self) -> Candidate | None:
        """Return the next candidate, None if the strategy has none left; in place of its ``propose``."""
        self._taken += 1
        if self._twin is None:
            return self._inline()
        self._poll()
        if not self._candidates:
            return self._fallback() if self._twin else self._inline()
        candidate = self._candidates.pop()
        behind = len(self._strategy.memory.observations) - self._knew
        return candidate and replace(candidate, note={**candidate.note, "behind": behind})

    def close(self) -> None:
        """End the twin."""
        self._strategy.source = None
        self._line.shutdown(wait=False, cancel_futures=True)
        self._end()

    @property
    def _trial_s(self) -> float:
        # Workers are busy: in the time of one trial each of them takes one candidate.
        return self._at_once * (time.monotonic() - self._began) / max(1, self._taken)

    def _inline(self) -> Candidate | None:
        strategy, started = self._strategy, time.monotonic()
        candidate = strategy.propose(strategy.generator(len(strategy.memory)))
        self._thinks_s = time.monotonic() - started
        self._slow = self._slow + 1 if self._thinks_s > SLOW_S else 0
        if self._slow > 1 and self._at_once > 1:
            self._start()
        return candidate

    def _fallback(self) -> Candidate:
        strategy = self._strategy
        # Other numbers than the twin's, which may be at work on the proposal of the same place.
        space, task, rng = strategy.space, strategy.task, strategy.generator(len(strategy.memory), 1)
        assert space is not None
        known = [each for each in strategy.memory.observations[-YOUNGEST:] if each.score is not None]
        if not known:
            return Candidate(space.sample(rng, task), note={"source": FALLBACK})
        picks = [known[int(index)] for index in rng.integers(len(known), size=CONTESTANTS)]
        parent = max(picks, key=strategy.rank)
        config = space.mutate(parent.config, rng, task)
        return Candidate(config, parents=(parent.number,), note={"source": FALLBACK})

    def _poll(self, wait: bool = False) -> None:
        if self._answer is not None and (wait or self._answer.done()):
            pending, self._answer = self._answer, None
            try:
                answer = pending.result()
            except (OSError, EOFError):  # the process is gone; the next slow proposal starts another
                self._end()
                return
            if isinstance(answer, Exception):
                raise answer
            self._thinks_s = time.monotonic() - self._asked
            self._candidates.append(answer)
        if self._answer is None and not self._candidates:
            self._ask()

    def _end(self) -> None:
        twin, self._twin = self._twin, None
        if twin is None:
            return
        twin.kill()
        twin.wait()
        for pipe in (twin.stdin, twin.stdout):
            with contextlib.suppress(OSError):  # half a message
                pipe and pipe.close()

    def _ask(self) -> None:
        events = self._strategy.events[self._sent :]
        self._sent += len(events)
        self._knew, self._asked = len(self._strategy.memory.observations), time.monotonic()
        self._answer = self._line.submit(self._exchange, pickle.dumps(events))

    def _start(self) -> None:
        self._twin = subprocess.Popen(
            [sys.executable, "-m", "nas_ray.engine.twin"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )
        self._sent = len(self._strategy.events)
        self._line.submit(self._send, cloudpickle.dumps(self._strategy))

    def _send(self, content: bytes) -> None:
        assert self._twin is not None
        assert self._twin.stdin is not None
        self._twin.stdin.write(content)
        self._twin.stdin.flush()

    def _exchange(self, events: bytes) -> Any:
        assert self._twin is not None
        assert self._twin.stdout is not None
        self._send(events)
        return pickle.load(self._twin.stdout)  # noqa: S301 - from our own process
