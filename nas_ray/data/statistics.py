"""How inputs are normalised: by the mean and spread of each channel or column of the training part."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

CHUNK = 1024
"""Samples taken at a time, so that squares need no second copy of the data."""


@dataclass(frozen=True)
class Statistics:
    """Mean and standard deviation of the training part, by channel (images, sequences) or column.

    Args:
        mean: (channels, 1, 1), (channels, 1) or (columns,).
        spread: Likewise; 1 where a channel is constant, since dividing by 0 would spoil the rest.
    """

    mean: NDArray[np.float64]
    spread: NDArray[np.float64]

    @classmethod
    def of(cls, inputs: NDArray[np.generic]) -> Statistics:
        """Compute them of (N, channels, height, width), (N, channels, steps) or (N, columns)."""
        axes = (0, *range(2, inputs.ndim))
        mean = inputs.mean(axis=axes, dtype=np.float64, keepdims=True)
        chunks = (inputs[start : start + CHUNK] for start in range(0, len(inputs), CHUNK))
        squares = np.asarray(sum(((chunk - mean) ** 2).sum(axis=axes, keepdims=True) for chunk in chunks))
        spread = np.sqrt(squares / (inputs.size / mean.size))
        spread[spread == 0] = 1
        return cls(mean[0], spread[0])
