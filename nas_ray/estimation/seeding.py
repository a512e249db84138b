"""Random numbers of one trial, whatever ran before it in the process."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch


@contextmanager
def seeded(seed: int, device: torch.device) -> Iterator[None]:
    """Seed the global generators of torch, numpy and Python inside the block, and put them back after it.

    Initialisation and dropout draw from torch's; a network or augmentation of somebody's own may draw
    from any of the three.

    Args:
        seed: Of 63 bits.
        device: Where the networks are; its generator is seeded too.
    """
    python, arrays = random.getstate(), np.random.get_state()  # noqa: NPY002 - the global one is the point
    try:
        with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
            torch.manual_seed(seed)
            random.seed(seed)
            np.random.seed(seed % 2**32)  # noqa: NPY002 - the global one is the point
            yield
    finally:
        random.setstate(python)
        np.random.set_state(arrays)  # noqa: NPY002 - the global one is the point
