"""Mobile networks against torchvision's MobileNetV3 and the figures of once-for-all."""

import pytest
import torch
import torchvision

from nas_ray.costs.counting import count
from nas_ray.errors import ConfigError, InvalidConfig, SpaceError, Unsupported
from nas_ray.searchspaces.mobile import Mobile
from nas_ray.spaces import Config, SearchSpace, load_space
from nas_ray.tasks import Task
from nas_ray.testing.spaces import SearchSpaceConformance

IMAGENET = Task(kind="classification", input_shape=(3, 224, 224), outputs=1000)
SPACE = Mobile()
LARGE = SPACE.members()["mobilenetv3_large"]
SMALL_IMAGES = {"channels": [8, 8, 16], "strides": [1, 1, 2], "head": 16}


class TestMobile(SearchSpaceConformance):
    def make_space(self) -> SearchSpace:
        return load_space("mobile", max_depth=3, expansions=[1, 2, 3], **SMALL_IMAGES)

    def make_task(self) -> Task:
        return Task(kind="classification", input_shape=(1, 8, 8), outputs=10)


@pytest.mark.parametrize("outputs", [10, 1000])
def test_mobilenetv3_large_has_torchvisions_parameters(outputs: int) -> None:
    task = Task(kind="classification", input_shape=(3, 224, 224), outputs=outputs)
    with torch.device("meta"):
        theirs = torchvision.models.mobilenet_v3_large(num_classes=outputs)
        ours = SPACE.build(LARGE, task)
    assert [weight.shape for weight in ours.parameters()] == [weight.shape for weight in theirs.parameters()]


def test_mobilenetv3_large_has_the_published_size() -> None:
    """Howard et al. 2019, table 3: 219 million multiply-adds, 5.4 million parameters; torchvision: 5.483."""
    costs = count(SPACE, LARGE, IMAGENET)
    assert costs.params == 5_483_032
    assert costs.flops / 2 == pytest.approx(219e6, rel=0.015)


def test_mobilenetv3_large_computes_what_torchvisions_does() -> None:
    theirs = torchvision.models.mobilenet_v3_large(num_classes=7).eval()
    ours = SPACE.build(LARGE, Task(kind="classification", input_shape=(3, 64, 64), outputs=7)).eval()
    weights = zip(ours.state_dict().values(), theirs.state_dict().values(), strict=True)
    images = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        for mine, other in weights:
            mine.copy_(other)
        torch.testing.assert_close(ours(images), theirs(images), rtol=1e-4, atol=1e-5)


def test_once_for_all_has_the_published_number_of_networks() -> None:
    """Cai et al. 2020, section 3.1: ((3 x 3)^2 + (3 x 3)^3 + (3 x 3)^4)^5, about 2 x 10^19."""
    space = Mobile(expansions=[3, 4, 6], squeeze="published", widths=[1.0], resolutions=[1.0])
    assert space.size() == (9**2 + 9**3 + 9**4) ** 5
    assert f"{space.size():.0e}" == "2e+19"
    assert "once_for_all_smallest" in space.members()
    assert "mobilenetv3_large" not in space.members(), "it has expansions of 2.3 and 2.5"


def test_golden_ids() -> None:
    assert SPACE.architecture_id(LARGE) == "9e43960262b51d87d82b21fc3356bb64"
    assert SPACE.config_id(LARGE) == "a7e955d988c584284c0988fb68d21f5e"


def test_known_sizes() -> None:
    blocks = 3 * 5 * 2
    assert SPACE.size() == (blocks**2 + blocks**3 + blocks**4) ** 5 * 3 * 3
    small = Mobile(min_depth=1, max_depth=2, kernels=[3], squeeze="published", widths=[1.0], **SMALL_IMAGES)
    members = [frozenset((key, config[key]) for key in small.active(config)) for config in small.enumerate()]
    assert small.size() == len(set(members)) == (5 + 5**2) ** 2 * 3


def test_every_dial_changes_the_network() -> None:
    smallest = SPACE.members()["once_for_all_smallest"]
    changes: list[Config] = [
        {"stage3.depth": 4},
        {"stage1.block0.kernel": 7},
        {"stage1.block0.expansion": 6},
        {"stage1.block0.squeeze": True},
        {"width": 0.5},
    ]
    before = count(SPACE, smallest, IMAGENET).params
    sizes = [count(SPACE, smallest | change, IMAGENET).params for change in changes]
    assert all(size > before for size in sizes[:-1])
    assert sizes[-1] < before / 2
    ids = {SPACE.config_id(smallest | change) for change in [{}, *changes, {"resolution": 0.5}]}
    assert len(ids) == 7


def test_settings_that_round_to_the_same_channels_are_the_same_network() -> None:
    """16 channels times 2.3 and times 2.5 are both 40."""
    one, other = ({**LARGE, "stage1.block0.expansion": expansion} for expansion in (2.3, 2.5))
    assert SPACE.config_id(one) == SPACE.config_id(other) != SPACE.config_id(LARGE)


def test_images_are_resized_in_the_network() -> None:
    small = {**LARGE, "resolution": 0.5}
    full, half = (count(SPACE, config, IMAGENET) for config in (LARGE, small))
    assert half.params == full.params
    assert half.flops == count(SPACE, LARGE, IMAGENET.at(resolution=112)).flops
    network = SPACE.build(small, IMAGENET)
    assert network[0](torch.zeros(2, 3, 224, 224)).shape == (2, 3, 112, 112)


def test_small_images_need_smaller_strides() -> None:
    digits = Task(kind="classification", input_shape=(1, 8, 8), outputs=10)
    assert SPACE.violations(LARGE, digits) == [
        "feature map never below 1x1: stage 3 has stride 2 and meets a map of 1x1 (images of 8x8)"
    ]
    with pytest.raises(InvalidConfig, match="stage 3"):
        SPACE.build(LARGE, digits)
    gentle = SPACE.scale(LARGE, strides=[1, 1, 2, 2, 1, 2])
    assert gentle.build(digits)(torch.zeros(2, 1, 8, 8)).shape == (2, 10)


def test_tables_are_refused() -> None:
    table = Task(kind="regression", input_shape=(7,), outputs=1)
    with pytest.raises(Unsupported, match="takes images"):
        SPACE.check_task(table)


def test_a_network_is_scaled_to_other_data() -> None:
    proxy = Mobile(channels=[8, 8, 8, 16, 16, 24], strides=[1, 1, 2, 2, 1, 2], head=64)
    larger = proxy.scale(LARGE, channels=[16, 24, 40, 80, 112, 160], strides=[2, 2, 2, 2, 1, 2], head=1280)
    with torch.device("meta"):
        network = larger.build(IMAGENET)
    assert sum(weight.numel() for weight in network.parameters()) == 5_483_032


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"channels": [16]}, "one for each"),
        ({"strides": [2, 3, 2, 2, 1, 2]}, "strides, 1 or 2"),
        ({"kernels": [2]}, "odd integers from 3"),
        ({"expansions": [0.5]}, "numbers from 1"),
        ({"squeeze": "always"}, "'always'"),
        ({"resolutions": []}, "at least one entry"),
    ],
)
def test_options_are_checked(options: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        load_space("mobile", **options)


def test_a_space_without_a_valid_network_says_why() -> None:
    import numpy as np

    with pytest.raises(SpaceError, match="below 1x1"):
        SPACE.sample(np.random.default_rng(0), IMAGENET.at(resolution=4))


def test_the_drawing() -> None:
    assert SPACE.describe(LARGE).splitlines()[:4] == [
        "width 1.0, resolution 1.0",
        "conv 3x3, 16 channels, stride 2",
        "-> stage 1, 24 channels, stride 2: MBConv 3x3, 64 inside; MBConv 3x3, 72 inside",
        "-> stage 2, 40 channels, stride 2: MBConv 5x5, 72 inside, squeeze; "
        "MBConv 5x5, 120 inside, squeeze; MBConv 5x5, 120 inside, squeeze",
    ]
    edges = SPACE.graphs(LARGE)["network"]
    assert len(edges) == 1 + 15 + 1
    assert edges[2] == ("first block", "stage 1, block 0", "MBConv 3x3, 64 inside")
