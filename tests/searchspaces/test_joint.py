"""Networks and trainings searched together."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from nas_ray.errors import ConfigError, SpaceError, Unsupported
from nas_ray.searchspaces.joint import Joint
from nas_ray.searchspaces.nasbench201 import NASBench201
from nas_ray.spaces import Config, SearchSpace, load_space
from nas_ray.tasks import Task
from nas_ray.testing.spaces import SearchSpaceConformance

IMAGES = Task(kind="classification", input_shape=(3, 8, 8), outputs=4)
TABLE = Task(kind="regression", input_shape=(7,), outputs=1)
CELLS = {"channels": 4, "cells": 1}
TRAIN: Config = {
    "train.optimizer": "sgd",
    "train.learning_rate": 0.1,
    "train.weight_decay": 1e-4,
    "train.batch_size": 32,
    "train.augmentation": "cutout",
}


class TestJointCells(SearchSpaceConformance):
    def make_space(self) -> SearchSpace:
        return load_space("joint", of="nasbench201", options=CELLS)

    def make_task(self) -> Task:
        return IMAGES


class TestJointTables(SearchSpaceConformance):
    def make_space(self) -> SearchSpace:
        options = {"max_depth": 2, "units": [8, 16]}
        return load_space(
            "joint",
            of="mlp",
            options=options,
            learning_rates=[],
            weight_decays=[],
            augmentations=["none", "mixup"],
        )

    def make_task(self) -> Task:
        return TABLE


def resnet(**changes: object) -> Config:
    return {**NASBench201().members()["resnet"], **TRAIN, "activation": "relu", **changes}


def test_the_training_is_no_part_of_the_architecture() -> None:
    space = Joint(of="nasbench201")
    one, other = resnet(), resnet(**{"train.learning_rate": 0.01})
    assert space.architecture_id(one) == space.architecture_id(other)
    assert space.config_id(one) != space.config_id(other)
    assert space.architecture_id(one) != space.architecture_id(resnet(activation="gelu"))


def test_the_same_network_has_the_same_architecture_id_in_both_spaces() -> None:
    alone = Joint(of="nasbench201", activations=[])
    config = {key: value for key, value in resnet().items() if key != "activation"}
    assert alone.architecture_id(config) == NASBench201().architecture_id(config)


def test_spaces_that_are_the_same_but_for_the_other_space_share_no_ids() -> None:
    one, other = Joint(of="nasbench201"), Joint(of=_like_nasbench201())
    assert one.config_id(resnet()) != other.config_id(resnet())


def _like_nasbench201() -> SearchSpace:
    space = NASBench201()
    return SearchSpace.from_function(space.param_space(), space.build, name="another")


def test_size_is_the_product() -> None:
    assert Joint(of="nasbench201").size() == math.inf
    counted = Joint(of="nasbench201", learning_rates=[], weight_decays=[])
    assert counted.size() == 5**6 * 2 * 3 * 4 * 3
    assert counted.offers == {"graph"}
    assert counted.absent() == dict.fromkeys(NASBench201().domains, "none")


def test_activations_are_searched_where_the_other_space_does_not() -> None:
    assert "activation" not in Joint(of="chain").domains
    assert Joint(of="nasbench201").domains["activation"].categories == ["relu", "gelu", "silu"]
    with pytest.raises(ConfigError, match="`activations` must not hold 'swoosh'"):
        Joint(of="nasbench201", activations=["swoosh"])


@pytest.mark.parametrize(("name", "kind"), [("relu", nn.ReLU), ("gelu", nn.GELU), ("silu", nn.SiLU)])
@pytest.mark.parametrize("of", ["nasbench201", "darts", "mobile"])
def test_every_activation_layer_is_exchanged_and_no_weight(of: str, name: str, kind: type) -> None:
    options = {
        "darts": {"channels": 4, "cells": 3},
        "nasbench201": CELLS,
        "mobile": {},
    }
    space = Joint(of=of, options=options[of])
    config = {**space.sample(np.random.default_rng(0)), "activation": name}
    task = Task(kind="classification", input_shape=(3, 64, 64), outputs=4)
    with torch.device("meta"):
        network = space.build(config, task)
        alone = space.space.build(config, task)
    layers = [
        each for each in network.modules() if isinstance(each, (nn.ReLU, nn.GELU, nn.SiLU, nn.Hardswish))
    ]
    assert layers
    assert {type(each) for each in layers} == {kind}
    shapes = [[tuple(w.shape) for w in each.parameters()] for each in (network, alone)]
    assert shapes[0] == shapes[1]


def test_scaling_changes_the_options_of_either_space() -> None:
    space = Joint(of="nasbench201", options=CELLS)
    larger = space.scale(resnet(), channels=16, cells=5)
    with torch.device("meta"):
        cifar10 = Task(kind="classification", input_shape=(3, 32, 32), outputs=10)
        assert sum(weight.numel() for weight in larger.build(cifar10).parameters()) == 559_386
    assert larger.space.config_id(larger.config) == space.config_id(resnet())
    assert isinstance(space.scale(resnet(), batch_sizes=[32]).space, Joint)
    with pytest.raises(ConfigError, match="no setting 'chanels'; did you mean 'channels'"):
        space.scale(resnet(), chanels=16)


def test_members_come_with_the_usual_training() -> None:
    member = Joint(of="nasbench201", batch_sizes=[64]).members()["resnet"]
    assert member["train.optimizer"] == "adamw"
    assert member["train.learning_rate"] == 0.003
    assert member["train.batch_size"] == 64
    assert member["activation"] == "relu"


def test_augmentations_suit_the_inputs() -> None:
    space = Joint(of="mlp")
    assert (
        "is for images, but inputs are tables"
        in space.violations({**space.sample(np.random.default_rng(0)), "train.augmentation": "shift"}, TABLE)[
            0
        ]
    )
    drawn = {space.sample(np.random.default_rng(seed), TABLE)["train.augmentation"] for seed in range(20)}
    assert drawn == {"none", "mixup"}
    with pytest.raises(SpaceError, match="'cutout' is for images"):
        Joint(of="mlp", augmentations=["cutout"]).sample(np.random.default_rng(0), TABLE)
    with pytest.raises(Unsupported, match="'nasbench201' takes images"):
        Joint(of="nasbench201").check_task(TABLE)


@pytest.mark.parametrize(
    ("wrong", "rule"),
    [
        ({"of": "chian"}, "did you mean 'chain'"),
        ({"of": 7}, "must be the name of a space"),
        ({"of": NASBench201(), "options": {"cells": 1}}, "a space without options"),
        ({"options": {"max_dept": 1}}, "no option 'max_dept'; did you mean 'max_depth'"),
        ({"optimizers": ["sgdd"]}, r"`train.optimizer` must be .*'sgd'.* got 'sgdd'"),
        ({"optimizers": "sgd"}, "`optimizers` of space .* must be given as a list"),
        ({"batch_sizes": ["16"]}, "`batch_sizes` must hold positive integers, but got '16'"),
        ({"batch_sizes": [16, 16]}, "`batch_sizes` must not name an entry twice"),
        ({"learning_rates": ["0.1", "1"]}, "`learning_rates` of space 'joint' must be two positive numbers"),
        ({"batch_sizes": [0]}, "`train.batch_size` must be greater than or equal to 1"),
        ({"learning_rates": [0.1]}, "`learning_rates` of space 'joint' must be two positive numbers"),
        ({"learning_rates": [0.1, 0.01]}, "ascending"),
        ({"weight_decays": [0.0, 0.1]}, "two positive numbers"),
        ({"augmentations": ["blur"]}, r"`train.augmentation` must be 'none', 'shift'"),
        ({"of": Joint(), "activations": []}, "must not add keys that 'joint' has"),
        (
            {
                name: []
                for name in ("optimizers", "learning_rates", "weight_decays", "batch_sizes", "augmentations")
            },
            "something to search beside",
        ),
    ],
)
def test_options_that_cannot_be_are_refused(wrong: dict[str, object], rule: str) -> None:
    with pytest.raises(ConfigError, match=rule):
        load_space("joint", **wrong)
