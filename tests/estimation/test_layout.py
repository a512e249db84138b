"""Which order of axes networks and their images have, and that it changes nothing but the speed."""

import copy

import pytest
import torch
from ray import tune
from torch import nn
from torch.nn import functional as F

from nas_ray.estimation import Estimation, Learner, hardware
from nas_ray.estimation.device_data import DeviceData
from nas_ray.spaces import SearchSpace

CPU = torch.device("cpu")
LAST, USUAL = torch.channels_last, torch.contiguous_format
SETTINGS = Estimation(max_epochs=4, batch_size=128)


class Viewing(nn.Module):
    """Flattens as many networks do that were written for the usual layout."""

    def __init__(self):
        super().__init__()
        convolutions = nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 4, 3, padding=1)
        self.features = nn.Sequential(*convolutions, nn.MaxPool2d(2))
        self.classifier = nn.Linear(4 * 4 * 4, 10)

    def forward(self, inputs):
        return self.classifier(self.flat(self.features(inputs)))

    def flat(self, maps):
        return maps.view(len(maps), -1)


class ViewingInTraining(Viewing):
    """Needs it in training alone, as where a second classifier is written so."""

    def flat(self, maps):
        return super().flat(maps) if self.training else maps.flatten(1)


class Backwards(torch.autograd.Function):
    """Needs it for the gradient."""

    @staticmethod
    def forward(context, maps):
        return maps.clone()

    @staticmethod
    def backward(context, gradient):
        return gradient.view(len(gradient), -1).view(gradient.shape)


class ViewingGradients(Viewing):
    """Needs it in the backward pass alone."""

    def __init__(self):
        super().__init__()
        self.classifier = nn.Linear(4, 10)

    def flat(self, maps):
        return F.adaptive_max_pool2d(F.max_pool2d(Backwards.apply(maps), 2), 1).flatten(1)


class Deep(Viewing):
    """Has weights of five axes, which know no channels last."""

    def __init__(self):
        super().__init__()
        self.volume = nn.Conv3d(1, 1, 1)

    def flat(self, maps):
        return self.volume(maps[:, None]).flatten(1)


class Counting(Viewing):
    """Counts its batches and draws random numbers."""

    def __init__(self):
        super().__init__()
        self.register_buffer("batches", torch.zeros(()))

    def flat(self, maps):
        self.batches += 1
        return maps.flatten(1) + 0 * torch.randn(())


class Plain(Viewing):
    """Takes any layout, and has no weight whose gradient is rounding alone, as before a normalisation."""

    def flat(self, maps):
        return maps.flatten(1)


class Full(Viewing):
    """Needs more memory than there is."""

    def flat(self, maps):
        raise MemoryError


def of(network, splits, settings=SETTINGS, kind=Learner):
    space = SearchSpace.from_function({"a": tune.choice([1])}, lambda config, task: network())
    return kind(space, {"a": 1}, splits.task(), DeviceData(splits, CPU), settings, 0)


@pytest.fixture
def wanted(monkeypatch):
    """Have the device want a layout."""

    def want(layout):
        monkeypatch.setattr(hardware, "image_layout", lambda device: layout)

    return want


@pytest.fixture(autouse=True)
def _last(wanted):
    wanted(LAST)


@pytest.mark.parametrize("layout", [LAST, USUAL])
def test_weights_and_images_have_the_layout_that_the_device_wants(space, small, wanted, layout):
    wanted(layout)
    learner = Learner(space, {"width": 8}, small.task(), DeviceData(small, CPU), SETTINGS, 0)
    assert learner.data.layout is layout
    assert learner.model[0].weight.is_contiguous(memory_format=layout)


@pytest.mark.parametrize("network", [Viewing, ViewingInTraining, ViewingGradients, Deep])
@pytest.mark.parametrize("augmentation", ["none", "flip_shift", "cutout", "mixup"])
def test_a_network_that_needs_the_usual_layout_has_it(small, network, augmentation):
    learner = of(network, small, SETTINGS.replaced({"augmentation": augmentation}))
    assert learner.data.layout is USUAL
    assert learner.model.features[2].weight.is_contiguous()
    assert learner.step()["val_loss"] < 3


def test_a_network_without_convolutions_has_the_usual_layout(small):
    assert of(lambda: nn.Sequential(nn.Flatten(), nn.Linear(64, 10)), small).data.layout is USUAL


@pytest.mark.parametrize("augmentation", ["none", "flip_shift", "cutout", "mixup"])
def test_images_keep_the_layout_when_they_are_augmented(space, small, augmentation):
    seen = []

    class Spy(Learner):
        def build(self):
            network = super().build()
            network.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
            return network

    settings = SETTINGS.replaced({"augmentation": augmentation})
    learner = Spy(space, {"width": 8}, small.task(), DeviceData(small, CPU), settings, 0)
    seen.clear()
    learner.step()
    assert all(inputs.is_contiguous(memory_format=LAST) for inputs in seen)


def test_trying_a_layout_leaves_no_trace(small):
    before = torch.get_rng_state()
    learner = of(Counting, small)
    assert learner.data.layout is LAST
    assert learner.model.batches == 1, "counting operations ran it once"
    assert torch.equal(torch.get_rng_state(), before)


def test_memory_that_runs_out_is_no_reason_for_another_layout(small):
    class Filled(Learner):
        costs = None

    with pytest.raises(MemoryError):
        of(Full, small, kind=Filled)


@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
@pytest.mark.parametrize("layouts", [(USUAL, LAST), (LAST, USUAL)])
def test_a_checkpoint_goes_on_in_another_layout(small, wanted, optimizer, layouts):
    """The fused optimizers would go through state and weights of different orders alike."""
    settings = SETTINGS.replaced({"optimizer": optimizer})

    def made(layout):
        wanted(layout)
        return of(Plain, small, settings)

    before, after = made(layouts[0]), made(layouts[1])
    before.step()
    after.load_state_dict(copy.deepcopy(before.state_dict()))
    before.step()
    after.step()
    for own, other in zip(before.model.parameters(), after.model.parameters(), strict=True):
        torch.testing.assert_close(own, other, rtol=1e-4, atol=1e-5)


def test_gradients_that_a_recipe_sets_are_taken_as_they_are_meant(small, wanted):
    class Own(Learner):
        def training_step(self, inputs, targets):
            weights = list(self.model.parameters())
            loss = F.cross_entropy(self.model(inputs), targets)
            for weight, gradient in zip(weights, torch.autograd.grad(loss, weights), strict=True):
                weight.grad = gradient.contiguous()
            self.optimizer.step()
            return loss.detach()

    found = []
    for layout in (USUAL, LAST):
        wanted(layout)
        learner = of(Plain, small, kind=Own)
        learner.step()
        found.append([weight.detach() for weight in learner.model.parameters()])
    for own, other in zip(*found, strict=True):
        torch.testing.assert_close(own, other, rtol=1e-4, atol=1e-5)
