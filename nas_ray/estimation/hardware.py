"""What a device is good at: its precision and its layout of images."""

from __future__ import annotations

import gc

import ray
import torch

from nas_ray.estimation.memory import MIB, limit_mb

FIRST_WITH_BFLOAT16 = 8
"""CUDA compute capability from which bfloat16 is computed and not emulated."""


def mixed_precision(device: torch.device) -> torch.dtype | None:
    """Return the type for autocast on ``device``, or None where single precision is as quick."""
    if device.type != "cuda":
        return None
    major, _ = torch.cuda.get_device_capability(device)
    return torch.bfloat16 if major >= FIRST_WITH_BFLOAT16 else torch.float16


def image_layout(device: torch.device) -> torch.memory_format:
    """Return the order in which ``device`` wants the axes of images and of convolution weights.

    With the channels last a training is about twice as fast, on CPUs as on GPUs, where the convolutions are
    those of oneDNN or cuDNN.
    """
    fast = device.type == "cuda" or torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    return torch.channels_last if fast else torch.contiguous_format


def best_device() -> torch.device:
    """Return the GPU that Ray gave this process, or the machine's where there is no Ray; else the CPU."""
    # Ray hides the GPUs from a process that was given none, but from 2.56 on only if it is told to.
    denied = ray.is_initialized() and not ray.get_runtime_context().get_accelerator_ids().get("GPU")
    # Ray shows a process its own GPUs alone. With the number: some of torch's functions insist on it.
    return torch.device("cuda", 0) if torch.cuda.is_available() and not denied else torch.device("cpu")


def total_memory_mb() -> float | None:
    """Return the memory of the GPU that Ray gave this process in MiB; None where there is none."""
    device = best_device()
    return None if device.type != "cuda" else torch.cuda.get_device_properties(device).total_memory / MIB


def share_of_gpu() -> float:
    """Return how many GPUs this process was given by Ray; 1 where there is no Ray, or it has given none."""
    if not ray.is_initialized():
        return 1.0
    return float(ray.get_runtime_context().get_assigned_resources().get("GPU", 1.0))


def keep_to(share: float, device: torch.device) -> None:
    """Limit this process to its share of a GPU's memory, of which Ray keeps account and no more.

    A network that needs more then runs out of memory by itself, and takes none of its neighbours'.

    Args:
        share: Of the GPU, up to 1; less for what CUDA itself takes.
        device: The GPU, or another device, where nothing is limited.
    """
    if device.type == "cuda" and share < 1:
        total = torch.cuda.get_device_properties(device).total_memory / MIB
        torch.cuda.set_per_process_memory_fraction(limit_mb(share, total) / total, device)


def room_mb(device: torch.device) -> float:
    """Return the MiB that this process may still take of a GPU: what is free, and no more than its share."""
    free, total = (size / MIB for size in torch.cuda.mem_get_info(device))
    return min(free, limit_mb(share_of_gpu(), total))


def peak_memory(device: torch.device) -> dict[str, float]:
    """Return ``peak_memory_mb`` since the last :func:`free`, on devices that count it."""
    if device.type != "cuda":
        return {}
    return {"peak_memory_mb": torch.cuda.max_memory_allocated(device) / MIB}


def free(device: torch.device) -> None:
    """Give the memory of the last trial back to the device, where another process may want it."""
    if device.type == "cuda":
        gc.collect()
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)
