import math

import numpy as np
import pytest
from ray import tune

from nas_ray.errors import SpaceError
from nas_ray.spaces import domains

AWKWARD = {
    "names": tune.choice(["a", "b", None]),
    "mixed": tune.choice([1, 1.0, True, "1"]),
    "ordinal": tune.choice([8, 16, 64]),
    "single": tune.choice(["only"]),
    "integer": tune.randint(-2, 5),
    "one integer": tune.randint(3, 4),
    "log integer": tune.lograndint(1, 1000),
    "step integer": tune.qrandint(3, 12, 4),
    "step one": tune.qrandint(0, 4, 1),
    "log step": tune.qlograndint(8, 64, 8),
    "float": tune.uniform(-1.0, 1.0),
    "log float": tune.loguniform(1e-5, 1e-1),
    "step float": tune.quniform(0.0, 0.3, 0.1),
    "log step float": tune.qloguniform(0.1, 10.0, 0.1),
    "one float": tune.uniform(0.5, 0.5),
    "normal": tune.randn(0.0, 2.0),
}


@pytest.fixture(params=AWKWARD)
def domain(request: pytest.FixtureRequest) -> domains.Domain:
    return AWKWARD[request.param]


def test_draws_are_plain_members_within_the_encoding(domain: domains.Domain) -> None:
    rng = np.random.default_rng(0)
    for _ in range(200):
        value = domains.draw(domain, rng)
        assert type(value) in domains.PLAIN
        assert domains.contains(domain, value)
        code = domains.encode(domain, value)
        assert len(code) == domains.width(domain)
        assert all(0 <= number <= 1 for number in code)


def test_another_value_is_another_member(domain: domains.Domain) -> None:
    rng = np.random.default_rng(0)
    current = domains.draw(domain, rng)
    if domains.count(domain) > 1:
        other = domains.draw_other(domain, current, rng)
        assert domains.contains(domain, other)
        assert (type(other), other) != (type(current), current)


def test_neighbours_are_members(domain: domains.Domain) -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        current = domains.draw(domain, rng)
        for value in domains.near(domain, current):
            assert domains.contains(domain, value)


def test_a_finite_domain_lists_what_it_draws(domain: domains.Domain) -> None:
    listed = domains.values(domain)
    if listed is None:
        assert domains.count(domain) == math.inf
        return
    assert len(listed) == domains.count(domain)
    rng = np.random.default_rng(0)
    drawn = {repr(domains.draw(domain, rng)) for _ in range(500)}
    assert drawn <= {repr(value) for value in listed}


@pytest.mark.parametrize(
    ("domain", "expected"),
    [
        (tune.randint(2, 5), [2, 3, 4]),
        (tune.qrandint(3, 12, 4), [4, 8, 12]),
        (tune.qrandint(0, 4, 1), [0, 1, 2, 3]),
        (tune.quniform(0.0, 0.3, 0.1), [0.0, 0.1, 0.2, 0.3]),
        (tune.uniform(0.5, 0.5), [0.5]),
        (tune.choice(["b", "a"]), ["b", "a"]),
        (tune.loguniform(0.1, 1.0), None),
    ],
)
def test_known_values(domain: domains.Domain, expected: list[object] | None) -> None:
    assert domains.values(domain) == expected


@pytest.mark.parametrize(
    ("domain", "value", "code"),
    [
        (tune.choice([8, 16, 64]), 16, [0.5]),
        (tune.choice([64, 8]), 8, [0.0, 1.0]),
        (tune.choice([False, True]), True, [0.0, 1.0]),
        (tune.choice([1, True]), True, [0.0, 1.0]),
        (tune.randint(0, 5), 4, [1.0]),
        (tune.randint(3, 4), 3, [0.0]),
        (tune.qrandint(3, 12, 4), 8, [0.5]),
        (tune.loguniform(1e-4, 1e-2), 1e-3, [0.5]),
        (tune.randn(0, 1), 0.0, [0.5]),
    ],
)
def test_known_codes(domain: domains.Domain, value: object, code: list[float]) -> None:
    assert domains.encode(domain, value) == pytest.approx(code)


@pytest.mark.parametrize(
    ("domain", "stranger"),
    [
        (tune.choice([1, 2]), True),
        (tune.choice([1, 2]), 1.0),
        (tune.randint(0, 5), 5),
        (tune.randint(0, 5), np.int64(2)),
        (tune.qrandint(0, 8, 4), 6),
        (tune.uniform(0, 1), 1),
        (tune.uniform(0, 1), math.nan),
    ],
)
def test_strangers_are_no_members(domain: domains.Domain, stranger: object) -> None:
    assert not domains.contains(domain, stranger)


def test_rays_own_rounding_is_tolerated() -> None:
    assert domains.contains(tune.quniform(0.0, 0.3, 0.1), 3 * 0.1)
    assert not domains.contains(tune.quniform(0.0, 0.3, 0.1), 0.31)


def test_integers_step_to_adjacent_values() -> None:
    assert domains.near(tune.randint(0, 5), 0) == [1]
    assert domains.near(tune.randint(0, 5), 3) == [2, 4]
    assert domains.near(tune.qrandint(0, 12, 4), 4) == [0, 8]


def test_floats_on_a_coarse_grid_step_to_adjacent_values() -> None:
    grid = tune.quniform(0.0, 1.0, 0.25)
    assert domains.near(grid, 0.5) == [0.25, 0.75]
    assert domains.near(grid, 1.0) == [0.75]
    fine = domains.near(tune.quniform(0.0, 1.0, 0.01), 0.5)
    assert 0.49 in fine
    assert max(fine) > 0.55, "and further where steps are small"


def test_domains_are_told_with_both_ends() -> None:
    assert domains.told(tune.randint(1, 7)) == "1 to 6"
    assert domains.told(tune.choice([8, "a"])) == "[8, 'a']"
    assert domains.told(tune.quniform(0.0, 1.0, 0.25)) == "0.0 to 1.0 in steps of 0.25"


def test_many_choices_are_checked_at_once() -> None:
    assert domains.check_param_space({"subset": tune.choice([str(at) for at in range(100_000)])})


@pytest.mark.parametrize(
    ("value", "rule"),
    [
        ({"b": tune.choice([1])}, "must be flat"),
        (tune.grid_search([1, 2]), "is a grid"),
        (tune.sample_from(lambda _: 1), "must be a choice"),
        (tune.choice([]), "its list is empty"),
        (tune.choice([[1, 2]]), "plain JSON values"),
        (tune.choice([math.nan]), "plain JSON values"),
        (tune.choice([np.float64(0.1)]), "plain JSON values"),  # a float, but not once it was JSON
        (tune.choice([np.str_("a")]), "plain JSON values"),
        (tune.choice([1, 2, 1]), "stands there twice"),
        (tune.randint(5, 5), "at least one value"),
        (tune.uniform(1.0, 0.0), "at least one value"),
        (tune.qrandint(5, 7, 4), "at least one value"),
    ],
)
def test_domains_that_cannot_be_are_refused(value: object, rule: str) -> None:
    with pytest.raises(SpaceError, match=rule) as error:
        domains.check_param_space({"width": value})
    assert "'width'" in str(error.value)


def test_slashes_are_refused_since_ray_flattens_on_them() -> None:
    with pytest.raises(SpaceError, match="never slashes, but got 'a/b'"):
        domains.check_param_space({"a/b": tune.choice([1])})


def test_constants_are_left_out() -> None:
    assert list(domains.check_param_space({"a": 3, "b": tune.choice([1])})) == ["b"]
