"""What augmentation does to a batch, on its device, sample by sample."""

import pytest
import torch

from nas_ray.errors import ConfigError
from nas_ray.estimation import Estimation
from nas_ray.estimation.augmentation import IMAGE_POLICIES, augmented, cutout, flip, mixup, shift
from nas_ray.estimation.seeding import seeded as seeded_on
from nas_ray.estimation.settings import Augmentation, unsuited
from nas_ray.tasks import Task

BATCH = 64


def seeded(seed: int):
    return seeded_on(seed, torch.device("cpu"))


def pictures(height: int = 16, width: int = 24) -> torch.Tensor:
    """Images of which no two pixels are equal and none is zero."""
    return torch.arange(1.0, 1 + BATCH * 2 * height * width).view(BATCH, 2, height, width)


def test_every_policy_has_an_entry_and_keeps_shape_and_type():
    from typing import get_args

    assert set(IMAGE_POLICIES) == set(get_args(Augmentation))
    for policy in IMAGE_POLICIES:
        with seeded(0):
            inputs, targets = augmented(pictures(), torch.arange(BATCH) % 5, policy, 5)
        assert (inputs.shape, inputs.dtype) == (pictures().shape, torch.float32)
        assert targets.shape == ((BATCH, 5) if policy == "mixup" else (BATCH,))


def test_a_shift_moves_whole_images_by_up_to_an_eighth():
    images = pictures()
    with seeded(0):
        moved = shift(images)
    offsets = set()
    for before, after in zip(images, moved, strict=True):
        found = [
            (down, right)
            for down in range(-2, 3)
            for right in range(-3, 4)
            if torch.equal(after, _moved(before, down, right))
        ]
        assert len(found) == 1
        offsets.add(found[0])
    assert len(offsets) > 20  # of 35, in 64 draws
    assert {abs(down) for down, _ in offsets} == {0, 1, 2}
    assert {abs(right) for _, right in offsets} == {0, 1, 2, 3}


def _moved(image: torch.Tensor, down: int, right: int) -> torch.Tensor:
    height, width = image.shape[1:]
    padded = torch.nn.functional.pad(image, (3, 3, 2, 2))
    return padded[:, 2 - down : 2 - down + height, 3 - right : 3 - right + width]


def test_about_half_of_the_images_are_mirrored():
    images = pictures()
    with seeded(0):
        mirrored = flip(images)
    kept = [torch.equal(a, b) for a, b in zip(images, mirrored, strict=True)]
    assert all(was or torch.equal(a, b.flip(-1)) for was, a, b in zip(kept, images, mirrored, strict=True))
    assert 16 <= sum(kept) <= 48  # four standard deviations of a fair coin


def test_cutout_sets_one_square_of_a_quarter_side_to_zero_in_all_channels():
    with seeded(0):
        holes = cutout(pictures(16, 16)) == 0
    assert torch.equal(holes[:, 0], holes[:, 1])
    rows, columns = holes[:, 0].any(2).sum(1), holes[:, 0].any(1).sum(1)
    assert torch.equal(holes[:, 0].sum((1, 2)), rows * columns)  # a rectangle
    assert rows.max() == columns.max() == 4
    assert rows.min() >= 1
    assert columns.min() >= 1


def test_mixup_mixes_targets_as_it_mixes_inputs():
    targets = torch.arange(BATCH) % 5
    inputs = torch.nn.functional.one_hot(targets, 5).float()
    with seeded(0):
        mixed, mixed_targets = mixup(inputs, targets, 5)
    assert torch.allclose(mixed, mixed_targets)
    assert torch.allclose(mixed_targets.sum(1), torch.ones(BATCH))
    with seeded(0):
        floats, float_targets = mixup(inputs, inputs, None)
    assert torch.allclose(floats, float_targets)


@pytest.mark.parametrize("policy", sorted(IMAGE_POLICIES))
def test_the_same_seed_gives_the_same_batch_and_the_next_call_another(policy):
    def batches():
        with seeded(7):
            return [augmented(pictures(), torch.arange(BATCH) % 5, policy, 5)[0] for _ in range(2)]

    first, again = batches(), batches()
    assert torch.equal(first[0], again[0])
    assert torch.equal(first[0], first[1]) == (policy == "none")


def test_images_of_one_pixel_survive():
    for policy in IMAGE_POLICIES:
        images = torch.ones(4, 1, 1, 1)
        assert augmented(images, torch.zeros(4, dtype=torch.long), policy, 2)[0].shape == images.shape


def test_inputs_that_cannot_be_augmented_are_refused_before_anything_is_trained():
    table = Task(kind="regression", input_shape=(7,), outputs=1)
    letters = Task(kind="classification", input_shape=(9,), outputs=2, vocabulary=5)
    assert unsuited("mixup", table) == ""
    assert unsuited("none", letters) == ""
    with pytest.raises(ConfigError, match=r"`estimation.augmentation`: .*'shift' is for images, but inputs"):
        Estimation(augmentation="shift").check_task(table)
    with pytest.raises(ConfigError, match="mixup cannot mix tokens"):
        Estimation(augmentation="mixup").check_task(letters)
