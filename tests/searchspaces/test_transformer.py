"""Encoders with attention against torchvision's."""

import pytest
import torch
from torch import Tensor, nn
from torchvision.models import VisionTransformer, vit_b_16

from nas_ray.costs import count
from nas_ray.errors import ConfigError, InvalidConfig, Unsupported
from nas_ray.searchspaces.transformer import Transformer
from nas_ray.spaces import Config, SearchSpace, load_space
from nas_ray.tasks import Task
from nas_ray.testing.space_networks import NetworkConformance
from nas_ray.testing.space_twins import TwinConformance
from nas_ray.testing.spaces import SearchSpaceConformance

IMAGENET = Task(kind="classification", input_shape=(3, 224, 224), outputs=1000)
IMAGES = Task(kind="classification", input_shape=(3, 8, 8), outputs=5)
TEXT = Task(kind="classification", input_shape=(12,), outputs=3, vocabulary=40)
SERIES = Task(kind="regression", input_shape=(2, 13), outputs=2)
SMALL = {"max_depth": 2, "widths": [24, 48], "patches": [2, 4], "heads": [2, 3, 4]}


FEW = {"max_depth": 2, "widths": [24, 40], "heads": [2, 5], "ratios": [1, 1.5]}
"""Few enough to be listed; 5 heads do not divide 24."""


class TestTransformerOnImages(SearchSpaceConformance):
    def make_space(self) -> SearchSpace:
        return load_space("transformer", **SMALL)

    def make_task(self) -> Task:
        return IMAGES


class TestTransformerOnTokens(NetworkConformance, TwinConformance):
    def make_space(self) -> SearchSpace:
        return load_space("transformer", **SMALL)

    def make_task(self) -> Task:
        return TEXT


class TestTransformerOnSeries(NetworkConformance, TwinConformance):
    def make_space(self) -> SearchSpace:
        return load_space("transformer", **FEW)

    def make_task(self) -> Task:
        return SERIES


def test_the_size_is_the_number_of_configurations() -> None:
    space = Transformer(**FEW)
    assert space.size() == len({space.config_id(config) for config in space.enumerate()})


def config_of(space: Transformer, **changes: object) -> Config:
    config = {key: domain.categories[0] for key, domain in space.domains.items() if key != "depth"}
    return {**config, "depth": space.max_depth, **changes}


def shapes(network: nn.Module) -> list[tuple[int, ...]]:
    return sorted(tuple(weight.shape) for weight in network.parameters())


@pytest.mark.parametrize("outputs", [1000, 10])
def test_vit_b_16_has_the_parameters_of_torchvisions(outputs: int) -> None:
    space = Transformer(widths=[768], heads=[12], ratios=[4], patches=[16])
    task = Task(kind="classification", input_shape=(3, 224, 224), outputs=outputs)
    with torch.device("meta"):
        theirs = vit_b_16(num_classes=outputs)
        mine = space.build(space.members()["vit_b_16"], task)
    assert shapes(mine) == shapes(theirs)
    if outputs == 1000:
        assert sum(weight.numel() for weight in mine.parameters()) == 86_567_656


@pytest.mark.parametrize(("name", "params"), [("deit_tiny", 5_717_416), ("deit_small", 22_050_664)])
def test_the_default_space_has_the_small_networks_of_touvron_et_al(name: str, params: int) -> None:
    """Training data-efficient image transformers, 2021, table 1: 5M and 22M."""
    assert count(Transformer(), Transformer().members()[name], IMAGENET).params == params


def as_ours(name: str) -> str:
    """The name that a weight of torchvision's has here."""
    pairs = {
        "conv_proj": "stem.map",
        "class_token": "cls",
        "encoder.pos_embedding": "positions",
        "encoder.layers.encoder_layer_": "layers.",
        "encoder.ln.": "norm.",
        "heads.head": "head",
        "ln_": "norm_",
        "self_attention.in_proj_": "attention.queries_keys_values.",
        "self_attention.out_proj": "attention.map",
    }
    for theirs, ours in pairs.items():
        name = name.replace(theirs, ours)
    return name


def test_a_vision_transformer_computes_what_torchvisions_does() -> None:
    """The same weights, the same images: the same outputs."""
    torch.manual_seed(0)
    theirs = VisionTransformer(
        image_size=8, patch_size=4, num_layers=2, num_heads=3, hidden_dim=24, mlp_dim=48, num_classes=5
    ).eval()
    nn.init.normal_(theirs.heads.head.weight)  # torchvision begins with zeros
    space = Transformer(max_depth=2, widths=[24], patches=[4], heads=[3], ratios=[2])
    mine = space.build(config_of(space, position="learned", pooling="cls"), IMAGES).eval()
    mine.load_state_dict({as_ours(name): value for name, value in theirs.state_dict().items()})
    images = torch.randn(3, 3, 8, 8)
    torch.testing.assert_close(mine(images), theirs(images))


@pytest.mark.parametrize("pooling", ["cls", "mean"])
@pytest.mark.parametrize("position", ["learned", "sinusoidal", "none"])
def test_padding_changes_nothing_wherever_it_stands(pooling: str, position: str) -> None:
    space = Transformer(**SMALL)
    torch.manual_seed(0)
    network = space.build(config_of(space, pooling=pooling, position=position), TEXT).eval()
    text = torch.tensor([[5, 7, 2, 9]])
    rows = [torch.cat([torch.zeros(1, left, dtype=torch.long), text], 1) for left in (0, 3, 8)]
    padded = torch.cat([nn.functional.pad(row, (0, 12 - row.shape[1])) for row in rows])
    outputs = network(padded)
    torch.testing.assert_close(outputs[0], outputs[1])
    torch.testing.assert_close(outputs[0], outputs[2])
    if position == "none":  # then even the order of the tokens is nothing
        other = network(torch.tensor([[9, 2, 7, 5] + [0] * 8]))
        torch.testing.assert_close(outputs[0], other[0])


def test_positions_tell_the_order() -> None:
    space = Transformer(**SMALL)
    torch.manual_seed(0)
    there, back = torch.arange(1, 13)[None], torch.arange(12, 0, -1)[None]
    for position, same in (("learned", False), ("sinusoidal", False), ("none", True)):
        network = space.build(config_of(space, position=position, pooling="mean"), TEXT).eval()
        close = torch.allclose(network(there), network(back), atol=1e-5)
        assert close == same, position


def test_sinusoids_are_those_of_vaswani_et_al() -> None:
    from nas_ray.searchspaces.transformer_modules import sinusoids

    table = sinusoids(6, 5)[0]
    assert table.shape == (6, 5)
    assert table[0].tolist() == [0, 1, 0, 1, 0]
    assert float(table[3, 2]) == pytest.approx(float(torch.tensor(3 * 10_000 ** (-2 / 5)).sin()))


def test_a_row_of_nothing_but_padding_gives_finite_outputs() -> None:
    space = Transformer(**SMALL)
    outputs: Tensor = space.build(config_of(space), TEXT)(torch.zeros(2, 12, dtype=torch.long))
    assert outputs.isfinite().all()


RULES = {
    "heads": (
        {"width": 16, "layer1.heads": 3},
        IMAGES,
        "width divisible by heads: `layer1.heads` 3 does not divide `width` 16",
    ),
    "patch": ({"patch": 3}, IMAGES, "patches divide the image: `patch` 3 does not divide 8x8 pixels"),
    "tokens": ({"patch": 3}, TEXT, "tokens are no patches: `patch` must be 1 for them, but is 3"),
    "length": (
        {"patch": 1},
        IMAGENET,
        "attention over at most `max_steps` 1024 patches or tokens: `patch` 1 makes 50176 of inputs of "
        "224x224",
    ),
}


@pytest.mark.parametrize(("changes", "task", "rule"), RULES.values(), ids=RULES.keys())
def test_rules_are_told_in_words(changes: dict[str, object], task: Task, rule: str) -> None:
    space = Transformer(max_depth=2, widths=[12, 16], patches=[1, 3], heads=[2, 3])
    assert space.violations(config_of(space, **changes), task) == [rule]
    with pytest.raises(InvalidConfig, match="`"):
        space.build(config_of(space, **changes), task)


def test_patches_divide_the_image_at_the_runs_resolution() -> None:
    space = Transformer(max_depth=1, widths=[24], patches=[4], heads=[2])
    assert space.violations(config_of(space), IMAGES) == []
    assert "6x6" in space.violations(config_of(space), IMAGES.at(resolution=6))[0]


def test_series_of_any_length_are_cut_into_patches() -> None:
    space = Transformer(max_depth=1, widths=[24], patches=[4], heads=[2], positions=["learned"])
    network = space.build(config_of(space, pooling="mean"), SERIES)
    assert network.positions.shape == (1, 4, 24), "13 steps and three zeros"
    assert network(torch.zeros(2, 2, 13)).shape == (2, 2)


def test_networks_grow_by_the_settings_and_the_task_alone() -> None:
    space = Transformer(**SMALL)
    config = config_of(space, **{"layer0.heads": 2, "layer1.heads": 3, "width": 24})
    larger = space.scale(config, repeats=3)
    network = larger.build(Task(kind="classification", input_shape=(1, 16, 16), outputs=7, width=2.0))
    assert [layer.attention.heads for layer in network.layers] == [2, 2, 2, 3, 3, 3]
    assert network.head.weight.shape == (7, 48)
    assert network(torch.zeros(2, 1, 16, 16)).shape == (2, 7)
    assert ", 3 times" in larger.describe()


def test_the_dial_of_width_keeps_heads_whole() -> None:
    space = Transformer(max_depth=2, widths=[48], heads=[3, 4])
    config = config_of(space, **{"layer0.heads": 3, "layer1.heads": 4})
    widths = {
        dial: space.build(config, TEXT.at(width=dial)).head.in_features for dial in (0.3, 0.5, 1.0, 1.6)
    }
    assert widths == {0.3: 12, 0.5: 24, 1.0: 48, 1.6: 72}


def test_tables_are_refused() -> None:
    with pytest.raises(Unsupported, match="images or sequences or tokens, but got tables"):
        Transformer().check_task(Task(kind="classification", input_shape=(8,), outputs=2))


@pytest.mark.parametrize(
    "options", [{"ratios": [0]}, {"positions": ["rotary"]}, {"heads": []}, {"max_steps": 0}]
)
def test_bad_options_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(ConfigError):
        Transformer(**options)  # type: ignore[arg-type]
