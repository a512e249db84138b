import pytest
import torch
from torch import nn

from nas_ray.errors import InvalidConfig
from nas_ray.searchspaces.mlp import MLP
from nas_ray.spaces import Config
from nas_ray.tasks import Task

TABLE = Task(kind="regression", input_shape=(5,), outputs=2)
SPACE = MLP(max_depth=3)
LAYER = {"units": 16, "activation": "relu", "norm": "none", "dropout": 0.0, "skip": False}


def mlp(*layers: dict[str, object]) -> Config:
    """Return a configuration of these layers; what is not said is as in LAYER."""
    rows = [{**LAYER, **layer} for layer in layers] + [LAYER] * (3 - len(layers))
    config: Config = {"depth": len(layers)}
    for index, row in enumerate(rows):
        config |= {f"layer{index}.{key}": value for key, value in row.items()}
    return SPACE.check(config)


def test_golden_ids() -> None:
    assert (
        SPACE.architecture_id(mlp({"norm": "layer", "dropout": 0.1}, {"skip": True}))
        == "527ca47b75349a0e1043a42dc8e6bec9"
    )


def test_known_sizes() -> None:
    assert MLP(max_depth=2).size() == 480 + 480**2  # 5 widths, 4 activations, 3 norms, 4 rates, skip or not
    assert MLP(min_depth=2, max_depth=2, units=[8], activations=["relu"], norms=["none"]).size() == 8**2


def test_layers_beyond_the_depth_do_not_matter() -> None:
    config = mlp({"units": 32})
    assert SPACE.config_id(config) == SPACE.config_id(config | {"layer2.units": 256, "layer1.skip": True})


def test_published_networks_are_members() -> None:
    """LeNet-300-100 has 266,610 parameters (Han et al. 2015: 267K); the policy is that of HalfCheetah."""
    space = MLP(max_depth=3, units=[64, 100, 300])
    members = space.members()
    digits = Task(kind="classification", input_shape=(1, 28, 28), outputs=10)
    robot = Task(kind="regression", input_shape=(17,), outputs=6)
    assert parameters(space, members["lenet_300_100"], digits) == 266_610
    assert parameters(space, members["ppo_policy"], robot) == 17 * 64 + 64 + 64 * 64 + 64 + 64 * 6 + 6
    assert SPACE.members().keys() == {"ppo_policy"}


def parameters(space: MLP, config: Config, task: Task) -> int:
    return sum(weight.numel() for weight in space.build(config, task).parameters())


def test_a_network_is_scaled_to_more_units_and_other_data() -> None:
    larger = SPACE.scale(SPACE.members()["ppo_policy"], units=[*SPACE.units, 512])
    task = Task(kind="regression", input_shape=(30,), outputs=3, width=4)
    assert parameters(larger.space, larger.config, task) == 30 * 256 + 256 + 256 * 256 + 256 + 256 * 3 + 3
    with pytest.raises(InvalidConfig, match="units"):
        SPACE.scale(mlp({"units": 16}), units=[64])


@pytest.mark.parametrize(
    ("layer", "kind"),
    [
        ({"activation": "relu"}, nn.ReLU),
        ({"activation": "gelu"}, nn.GELU),
        ({"activation": "silu"}, nn.SiLU),
        ({"activation": "tanh"}, nn.Tanh),
        ({"norm": "batch"}, nn.BatchNorm1d),
        ({"norm": "layer"}, nn.LayerNorm),
        ({"dropout": 0.2}, nn.Dropout),
    ],
)
def test_options_occur_in_the_network(layer: dict[str, object], kind: type[nn.Module]) -> None:
    assert any(isinstance(module, kind) for module in SPACE.build(mlp({}, layer), TABLE).modules())
    assert SPACE.config_id(mlp({}, layer | {"skip": True})) != SPACE.config_id(mlp({}, layer))


def test_skips_add_the_input_or_its_projection() -> None:
    network = SPACE.build(mlp({"skip": True}, {"skip": True}), TABLE)
    first, second = network[1][0], network[2][0]
    assert first.shortcut.weight.shape == (16, 5)
    rows = torch.randn(4, 16)
    assert torch.allclose(second(rows), torch.relu(second.body(rows) + rows))


@pytest.mark.parametrize("shape", [(5,), (1, 8, 8), (3, 4, 6), (7, 2)])
def test_inputs_of_any_shape_are_flattened(shape: tuple[int, ...]) -> None:
    task = Task(kind="classification", input_shape=shape, outputs=4)
    assert SPACE.build(mlp({"units": 32}, {}), task)(torch.zeros(3, *shape)).shape == (3, 4)


def test_the_drawing() -> None:
    config = mlp({"units": 64, "norm": "batch", "dropout": 0.1}, {"skip": True})
    assert SPACE.describe(config).splitlines() == [
        "input",
        "-> dense 64, batch norm, relu, dropout 0.1",
        "-> dense 16, relu, skip",
        "-> dense to the outputs",
    ]
    assert SPACE.graphs(config)["network"] == [
        ("input", "layer 0", "dense 64, batch norm, relu, dropout 0.1"),
        ("layer 0", "layer 1", "dense 16, relu"),
        ("layer 1", "output", "dense"),
        ("layer 0", "layer 1", "skip"),
    ]
