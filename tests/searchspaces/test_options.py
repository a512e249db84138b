import math

import numpy as np
import pytest

from nas_ray.errors import ConfigError
from nas_ray.searchspaces import modules, options
from nas_ray.searchspaces.chain import Chain
from nas_ray.searchspaces.mlp import MLP
from nas_ray.spaces import load_space


@pytest.mark.parametrize(
    ("wrong", "rule"),
    [
        ({"max_depth": 0}, "`max_depth` must be an integer of at least 1, but got 0"),
        ({"max_depth": "6"}, "`max_depth` must be an integer"),
        ({"ops": ["convs"]}, "`ops` must not hold 'convs'; did you mean 'conv'"),
        ({"ops": ["max_pool"]}, "`ops` must hold conv or separable"),
        ({"kernels": [2]}, "`kernels` must hold odd integers from 3, but got 2"),
        ({"widths": []}, "`widths` must be a list with at least one entry"),
        ({"widths": [8, 8]}, "must not name an entry twice"),
        ({"strides": [3]}, "`strides` must hold 1 or 2, but got 3"),
        ({"strides": [1.0, 2]}, "`strides` must hold 1 or 2, but got 1.0"),
        ({"widths": [[8]]}, r"`widths` must hold positive integers, but got \[8\]"),
        ({"ops": [["conv"]]}, r"`ops` must not hold \['conv'\]"),
        ({"activations": "relu"}, "`activations` must be a list"),
        ({"norms": ["layer"]}, "`norms` must not hold 'layer'"),
        ({"dropouts": [1.0]}, "`dropouts` must hold probabilities"),
    ],
)
def test_options_of_chain_that_cannot_be_are_refused(wrong: dict[str, object], rule: str) -> None:
    with pytest.raises(ConfigError, match=rule):
        Chain(**wrong)  # type: ignore[arg-type]


def test_every_named_option_can_be_built() -> None:
    assert set(options.ACTIVATIONS) == modules.ACTIVATIONS.keys()


@pytest.mark.parametrize(
    ("wrong", "rule"),
    [
        ({"max_depth": 1, "min_depth": 2}, "`max_depth` must be an integer of at least 2"),
        ({"units": [0]}, "`units` must hold positive integers, but got 0"),
        ({"units": [True]}, "`units` must hold positive integers, but got True"),
        ({"norms": ["group"]}, "`norms` must not hold 'group'"),
    ],
)
def test_options_of_mlp_that_cannot_be_are_refused(wrong: dict[str, object], rule: str) -> None:
    with pytest.raises(ConfigError, match=rule):
        MLP(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("multibranch", {"strides": [1.0]}),
        ("recurrent", {"directions": [2.0]}),
        ("mobile", {"expansions": [math.inf]}),
        ("mobile", {"widths": [math.inf]}),
        ("mobile", {"resolutions": [math.nan]}),
        ("transformer", {"ratios": [math.inf]}),
    ],
)
def test_numbers_that_no_network_can_have_are_refused(name: str, wrong: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match=f"`{next(iter(wrong))}` must hold"):
        load_space(name, **wrong)


@pytest.mark.parametrize(("name", "option"), [("mobile", "expansions"), ("transformer", "ratios")])
def test_factors_are_all_floats(name: str, option: str) -> None:
    """In a column of a dataframe they are floats; a configuration that is read from it must be a member."""
    space = load_space(name, **{option: [2, np.float64(2.5), 3]})
    values = {value for domain in space.domains.values() for value in getattr(domain, "categories", ())}
    assert {2.5, 3.0} <= values
    config = space.sample(np.random.default_rng(0))
    keys = [key for key in config if key.endswith((".expansion", ".ratio"))]
    assert {type(config[key]) for key in keys} == {float}
