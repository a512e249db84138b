"""Augmentation of batches on their device; each sample draws its own change from torch's generator."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

MIXUP_ALPHA = 0.2
"""α of Zhang et al. 2018: the weight of a sample in its mixture comes from Beta(α, α)."""


def shift(images: Tensor) -> Tensor:
    """Move each image by up to an eighth of its side, with zeros where it was not: 4 of 32 pixels.

    Args:
        images: (batch, channels, height, width).
    """
    batch, _, height, width = images.shape
    reach = (_eighth(height), _eighth(width))
    padded = F.pad(images, (reach[1], reach[1], reach[0], reach[0]))
    rows = _starts(batch, 2 * reach[0], images.device) + torch.arange(height, device=images.device)
    columns = _starts(batch, 2 * reach[1], images.device) + torch.arange(width, device=images.device)
    sample = torch.arange(batch, device=images.device)[:, None, None]
    moved = padded.permute(0, 2, 3, 1)[sample, rows[:, :, None], columns[:, None, :]]
    return moved.permute(0, 3, 1, 2)


def flip(images: Tensor) -> Tensor:
    """Mirror every second image, by chance, left to right."""
    mirrored = torch.rand(len(images), device=images.device) < 0.5
    return torch.where(mirrored[:, None, None, None], images.flip(-1), images)


def cutout(images: Tensor) -> Tensor:
    """Set a square to zero in each image, its sides a quarter of the image's, partly outside perhaps.

    DeVries and Taylor 2017 (https://arxiv.org/abs/1708.04552) take 8 of 32 pixels on CIFAR-100.
    """
    batch, _, height, width = images.shape
    inside = [
        _covered(batch, side, images.device).view(batch, 1, *shape)
        for side, shape in ((height, (height, 1)), (width, (1, width)))
    ]
    return images.masked_fill(inside[0] & inside[1], 0.0)


def mixup(inputs: Tensor, targets: Tensor, classes: int | None) -> tuple[Tensor, Tensor]:
    """Return mixtures of pairs of samples and of their targets (Zhang et al. 2018, https://arxiv.org/abs/1710.09412).

    Args:
        inputs: (batch, ...).
        targets: (batch,) class indices, or floats.
        classes: Number of classes, whose indices become probabilities, (batch, classes); None for floats.
    """
    weight = torch.distributions.Beta(MIXUP_ALPHA, MIXUP_ALPHA).sample().to(inputs)
    partner = torch.randperm(len(inputs), device=inputs.device)
    known = targets if classes is None else F.one_hot(targets, classes).to(inputs.dtype)
    return (
        weight * inputs + (1 - weight) * inputs[partner],
        weight * known + (1 - weight) * known[partner],
    )


IMAGE_POLICIES: dict[str, tuple[Callable[[Tensor], Tensor], ...]] = {
    "none": (),
    "shift": (shift,),
    "flip_shift": (flip, shift),
    "cutout": (flip, shift, cutout),
    "mixup": (),
}


def augmented(inputs: Tensor, targets: Tensor, policy: str, classes: int | None) -> tuple[Tensor, Tensor]:
    """Return a batch under a policy of :data:`nas_ray.estimation.settings.Augmentation`.

    Args:
        inputs: (batch, ...), normalised, so that zero is the mean.
        targets: (batch,) class indices, or floats.
        policy: Its name.
        classes: Number of classes; None where targets are floats.
    """
    for change in IMAGE_POLICIES[policy]:
        inputs = change(inputs)
    return mixup(inputs, targets, classes) if policy == "mixup" else (inputs, targets)


def _eighth(side: int) -> int:
    return max(1, side // 8)


def _starts(batch: int, last: int, device: torch.device) -> Tensor:
    return torch.randint(last + 1, (batch, 1), device=device)


def _covered(batch: int, side: int, device: torch.device) -> Tensor:
    """Return which pixels of each image's side its square covers, (batch, side)."""
    length = max(1, side // 4)
    start = torch.randint(side, (batch, 1), device=device) - length // 2
    pixels = torch.arange(side, device=device)
    return (pixels >= start) & (pixels < start + length)
