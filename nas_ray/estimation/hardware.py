"""What a device is good at: its precision and its layout of images."""

from __future__ import annotations

import torch

FIRST_WITH_BFLOAT16 = 8
"""CUDA compute capability from which bfloat16 is computed and not emulated."""


def mixed_precision(device: torch.device) -> torch.dtype | None:
    """Return the type for autocast on ``device``, or None where single precision is as quick."""
    if device.type != "cuda":
        return None
    major, _ = torch.cuda.get_device_capability(device)
    return torch.bfloat16 if major >= FIRST_WITH_BFLOAT16 else torch.float16


def image_layout(device: torch.device) -> torch.memory_format:
    """Return the order in which ``device`` wants the axes of images and of convolution weights."""
    return torch.channels_last if device.type == "cuda" else torch.contiguous_format
