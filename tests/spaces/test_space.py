import itertools
import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
from ray import tune
from ray.tune.search.sample import Domain

from nas_ray.errors import ConfigError, InvalidConfig, SpaceError, UnknownName
from nas_ray.spaces import Config, SearchSpace, load_space
from nas_ray.tasks import Task
from nas_ray.testing.spaces import SearchSpaceConformance

if TYPE_CHECKING:
    from torch import nn

TABLE = Task(kind="classification", input_shape=(6,), outputs=3)


def two_layers(config: Config, task: Task) -> "nn.Module":
    from torch import nn

    hidden = task.scaled(config["hidden"] * config.get("factor", 1))
    return nn.Sequential(nn.Linear(task.input_shape[0], hidden), nn.ReLU(), nn.Linear(hidden, task.outputs))


def no_wide_and_fast(config: Config, task: Task | None) -> list[str]:
    return (
        ["wide and fast do not go together"] if config["hidden"] == 64 and config["train.lr"] > 0.05 else []
    )


def custom() -> SearchSpace:
    params = {"hidden": tune.choice([16, 32, 64]), "train.lr": tune.choice([0.01, 0.1]), "factor": 2}
    return SearchSpace.from_function(params, two_layers, name="two-layers", violations=no_wide_and_fast)


class TestFromFunction(SearchSpaceConformance):
    def make_space(self) -> SearchSpace:
        return custom()

    def make_task(self) -> Task:
        return TABLE


class Optional(SearchSpace):
    """A second layer or none: `second` matters only with `deep`; the learning rate is continuous."""

    name = "optional"

    def param_space(self) -> dict[str, Domain]:
        return {
            "first": tune.qrandint(8, 32, 8),
            "deep": tune.choice([False, True]),
            "second": tune.lograndint(4, 64),
            "train.lr": tune.loguniform(1e-4, 1e-1),
        }

    def active(self, config: Config) -> frozenset[str]:
        return frozenset(key for key in config if config["deep"] or key != "second")

    def build(self, config: Config, task: Task) -> "nn.Module":
        from torch import nn

        widths = [task.input_shape[0], task.scaled(config["first"])]
        widths += [task.scaled(config["second"])] if config["deep"] else []
        layers = [layer for a, b in itertools.pairwise(widths) for layer in (nn.Linear(a, b), nn.ReLU())]
        return nn.Sequential(*layers, nn.Linear(widths[-1], task.outputs))


class TestConditional(SearchSpaceConformance):
    def make_space(self) -> SearchSpace:
        return Optional()

    def make_task(self) -> Task:
        return TABLE


def test_constants_reach_the_building_function() -> None:
    network = custom().build({"hidden": 16, "train.lr": 0.1}, TABLE)
    assert network[0].out_features == 32


def test_constants_are_the_settings_of_a_custom_space() -> None:
    larger = custom().scale({"hidden": 16, "train.lr": 0.1}, factor=5)
    assert larger.build(TABLE)[0].out_features == 80
    with pytest.raises(ConfigError, match=r"no setting 'faktor'; did you mean 'factor'"):
        custom().scale({"hidden": 16, "train.lr": 0.1}, faktor=5)
    with pytest.raises(ConfigError, match=r"no setting 'hidden'"):
        custom().scale({"hidden": 16, "train.lr": 0.1}, hidden=32)


def test_training_settings_are_no_part_of_the_architecture() -> None:
    slow, fast = {"hidden": 16, "train.lr": 0.01}, {"hidden": 16, "train.lr": 0.1}
    space = custom()
    assert space.architecture_id(slow) == space.architecture_id(fast)
    assert space.config_id(slow) != space.config_id(fast)


def test_spaces_of_other_names_share_no_ids() -> None:
    params = {"hidden": tune.choice([16, 32])}
    one, other = (SearchSpace.from_function(params, two_layers, name=name) for name in ("one", "other"))
    assert one.config_id({"hidden": 16}) != other.config_id({"hidden": 16})


def test_golden_ids() -> None:
    config = {"hidden": 16, "train.lr": 0.1}
    assert custom().architecture_id(config) == "0b46ee06c6832fac97df619b81830f31"
    assert custom().config_id(config) == "10bdacb312bc7030b4fece70ebba9df9"


def test_sizes() -> None:
    assert custom().size() == 5
    assert Optional().size() == math.inf
    million = SearchSpace.from_function({"a": tune.randint(0, 1000), "b": tune.randint(0, 1000)}, two_layers)
    assert million.size() == 1_000_000


def test_inactive_keys_are_zeros_among_the_features() -> None:
    config = {"first": 32, "deep": False, "second": 63, "train.lr": 0.1}
    assert Optional().features(config).tolist() == [1.0, 1.0, 0.0, 0.0, 1.0]
    assert Optional().features({**config, "deep": True}).tolist() == pytest.approx([1.0, 0.0, 1.0, 1.0, 1.0])


def test_an_empty_space_says_which_rule_empties_it() -> None:
    space = SearchSpace.from_function(
        {"a": tune.choice([1])},
        two_layers,
        name="hopeless",
        violations=lambda config, task: ["a is never right"],
    )
    with pytest.raises(SpaceError, match=r"'hopeless' offers no network: 10,000 draws .* a is never right"):
        space.sample(np.random.default_rng(0))
    with pytest.raises(SpaceError, match=r"offers no network for tables of shape \(.*change its options"):
        space.sample(np.random.default_rng(0), TABLE)


def test_a_space_without_keys_is_refused() -> None:
    with pytest.raises(SpaceError, match="at least one key"):
        _ = SearchSpace.from_function({"constant": 1}, two_layers).domains


@pytest.mark.parametrize(
    "params", [{"a/b": tune.choice([1])}, {1: tune.choice([1])}, {"a": {"b": tune.choice([1])}}]
)
def test_nested_and_slashed_keys_are_refused_when_the_space_is_made(params: dict[str, object]) -> None:
    with pytest.raises(SpaceError, match=r"slashes|flat"):
        SearchSpace.from_function(params, two_layers)


def test_a_space_of_one_network_survives_every_operator() -> None:
    space = SearchSpace.from_function({"hidden": tune.choice([16])}, two_layers)
    rng, config = np.random.default_rng(0), {"hidden": 16}
    assert space.mutate(config, rng) == config
    assert space.crossover(config, config, rng) == config
    assert list(space.neighbours(config)) == []
    assert list(space.enumerate()) == [config]


def test_one_value_floats_do_not_hold_up_a_mutation() -> None:
    space = SearchSpace.from_function(
        {"p": tune.uniform(0.5, 0.5), "hidden": tune.choice([1, 2])}, two_layers
    )
    assert space.mutate({"p": 0.5, "hidden": 1}, np.random.default_rng(0)) == {"p": 0.5, "hidden": 2}


def test_a_continuous_space_cannot_be_listed() -> None:
    with pytest.raises(SpaceError, match="continuous"):
        next(Optional().enumerate())


def test_wrong_configurations_are_told_key_by_key() -> None:
    with pytest.raises(InvalidConfig, match=r"missing: \['train.lr'\], unknown: \['lr'\]"):
        custom().check({"hidden": 16, "lr": 0.1})
    with pytest.raises(InvalidConfig, match=r"'hidden' must be in .* got 17; 'train.lr' must be in .* got 5"):
        custom().check({"hidden": 17, "train.lr": 5})
    everything = r"missing: \['train.lr'\], unknown: \['lr'\]; 'hidden' must be in .* got 17"
    with pytest.raises(InvalidConfig, match=everything):
        custom().check({"hidden": 17, "lr": 0.1})
    for nothing in (None, [16, 0.1], "16"):
        with pytest.raises(InvalidConfig, match="must be a dict, but got"):
            custom().check(nothing)  # type: ignore[arg-type]


def test_a_space_without_a_building_function_only_proposes() -> None:
    from nas_ray.spaces import CustomSpace

    space = CustomSpace({"a": tune.choice([1, 2])})
    with pytest.raises(SpaceError, match="no `build`"):
        space.build(space.sample(np.random.default_rng(0)), TABLE)


def test_unknown_names_and_options_are_refused() -> None:
    with pytest.raises(UnknownName, match="did you mean 'chain'"):
        load_space("chian")
    with pytest.raises(ConfigError, match="colour"):
        load_space("chain", colour="red")
