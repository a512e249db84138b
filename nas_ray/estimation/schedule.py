"""The cosine schedule of the learning rate (Loshchilov and Hutter, ICLR 2017, without restarts)."""

from __future__ import annotations

import math
from typing import Any

import torch


class Cosine:
    """Lowers the learning rate from its first value to 0 along half a cosine.

    After step t of T each parameter group has lr = lr₀ · (1 + cos(πt / T)) / 2. Torch's own schedules
    wrap ``optimizer.step`` in a reference cycle, which keeps a finished network in memory until the
    garbage collector comes by; this one holds nothing but a number.

    Args:
        optimizer: Its groups' present learning rates are lr₀.
        steps: T, optimizer steps of the whole training; from there on the rate stays 0.
    """

    def __init__(self, optimizer: torch.optim.Optimizer, steps: int) -> None:
        self.optimizer, self.steps, self.taken = optimizer, max(1, steps), 0
        self.first = [float(group["lr"]) for group in optimizer.param_groups]

    def step(self) -> None:
        """Count one optimizer step and set the rates of the next; called after ``optimizer.step()``."""
        self.taken += 1
        factor = (1 + math.cos(math.pi * min(1.0, self.taken / self.steps))) / 2
        for group, first in zip(self.optimizer.param_groups, self.first, strict=True):
            group["lr"] = first * factor

    def state_dict(self) -> dict[str, Any]:
        """Return the number of steps taken; the rates themselves are part of the optimizer's state."""
        return {"taken": self.taken}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from :meth:`state_dict`."""
        self.taken = int(state["taken"])
