"""Several short epochs in one call of an actor: what a call costs the driver is shared by their reports.

A call, with its wait and its answer, costs the driver several times what the report itself does. So an actor
goes on by itself where the stopping rule has nothing to decide, and hands over its reports together.
"""

from __future__ import annotations

import time
from typing import Any

from nas_ray.engine.limits import Limits
from nas_ray.reports import fidelity_of, score_of
from nas_ray.stopping import StoppingRule
from nas_ray.tasks import Objective

BATCH_S = 0.05
"""Seconds for which a report may wait for the next one."""
BATCH_SIZE = 32
"""Reports in one call: read together, they keep the driver busy for some hundredths of a second."""


def quiet_epochs(rule: StoppingRule, limits: Limits) -> frozenset[int]:
    """Return the epochs after which a trial certainly goes on, unless it ends by itself.

    There are none where the epochs of the run are limited, since a batch might exceed the limit, nor where
    nobody says how many epochs a full training has.

    Args:
        rule: The stopping rule.
        limits: The run's.
    """
    if limits.epochs is not None or rule.max_fidelity is None:
        return frozenset()
    return frozenset(epoch for epoch in range(1, int(rule.max_fidelity)) if not rule.acts_at(epoch))


class Batched:
    """What makes a ``tune.Trainable`` hand over its short epochs together; :func:`in_batches` mixes it in.

    A batch ends with a report on which something may be decided (the rule's epochs, the trial's end, an
    objective that is not finite), where the next epoch would make the reports wait longer than
    :data:`BATCH_S`, and at :data:`BATCH_SIZE` reports. So no epoch is trained in vain. An exception comes
    after the reports before it.
    """

    quiet: frozenset[int] = frozenset()
    objective = Objective("", "max")
    read_up = True
    _error: Exception | None = None

    def train_buffered(self, *limits: Any, **named: Any) -> list[dict[str, Any]]:
        """Train a batch of epochs; called by Tune.

        Its limits of length and time are left aside: it hands them over in the other's place, and does not
        know where the rule decides.
        """
        if self._error is not None:
            error, self._error = self._error, None
            raise error
        results: list[dict[str, Any]] = []
        began = now = time.monotonic()
        took = 0.0
        while not results or (self._goes_on(results) and now + took <= began + BATCH_S):
            self.read_up = not results
            try:
                results.append(self.train())  # type: ignore[attr-defined]  # of the trainable
            except Exception as error:
                if not results:
                    raise
                self._error = error
                break
            now, took = time.monotonic(), time.monotonic() - now
        self.read_up = True
        return results

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Take the next trial."""
        self._error = None
        return bool(super().reset_config(new_config))  # type: ignore[misc]  # of the trainable

    def _goes_on(self, results: list[dict[str, Any]]) -> bool:
        last = results[-1]
        quiet = fidelity_of(last) in self.quiet and score_of(last, self.objective) is not None
        return quiet and not last.get("done") and self._error is None and len(results) < BATCH_SIZE


def in_batches(trainable: type, quiet: frozenset[int], objective: Objective) -> type:
    """Return a trainable that hands over short epochs together.

    Tune must be told to take several (``TUNE_RESULT_BUFFER_LENGTH``), as :func:`quiet_tune` does.

    Args:
        trainable: Subclass of ``tune.Trainable``. Its ``read_up`` is False in a step whose predecessors in
            the batch are not read by the driver.
        quiet: Epochs after which nothing is decided.
        objective: What is optimised.
    """
    return type(trainable.__name__, (Batched, trainable), {"quiet": quiet, "objective": objective})
