"""What is known of networks before any training, and how a search begins with it."""

import json

import numpy as np
import pytest
from ray import tune

from nas_ray.errors import InvalidConfig
from nas_ray.spaces import CustomSpace
from nas_ray.strategies import Candidate
from nas_ray.strategies.prior import ONE_IN, Measured, drawn, first_of
from nas_ray.strategies.random import RandomSearch


def networks(*values):
    return [Measured({"width": at}, value) for at, value in enumerate(values)]


def widths(candidates):
    return [each.config["width"] for each in candidates]


def test_the_best_tenth_comes_first_and_says_why():
    order = np.random.default_rng(0).permutation(40)
    found = first_of(networks(*({"flops": int(value)} for value in order)), ["flops"])
    assert [each.note["flops"] for each in found] == [39, 38, 37, 36]
    assert {each.note["source"] for each in found} == {"prior"}
    assert len(order) // ONE_IN == len(found)


def test_several_numbers_count_by_their_ranks():
    measured = networks(
        {"flops": 1e9, "naswot": 0.0}, {"flops": 2.0, "naswot": 0.1}, {"flops": 1.0, "naswot": 0.2}
    )
    assert widths(first_of(measured, ["flops"])) == [0]
    assert widths(first_of(measured, ["naswot"])) == [2]
    tied = first_of([*measured, *networks({"flops": 3.0, "naswot": 0.15})], ["flops", "naswot"])
    assert tied[0].note["flops"] == 3.0, "good in both is better than best in one"


def test_a_network_of_which_nothing_is_known_does_not_come_first():
    assert first_of(networks({}, {}), ["flops"]) == []
    assert widths(first_of(networks({}, {"flops": 1.0}), ["flops"])) == [1]
    lacking = networks({"flops": 5.0}, {"flops": 1.0, "zico": 1.0}, {"flops": 2.0, "zico": 2.0})
    assert widths(first_of(lacking, ["zico"])) == [2]


def test_random_networks_are_different_and_allowed():
    space = CustomSpace({"width": tune.randint(0, 30)})
    found = drawn(space, 12, 0, None, lambda config: config["width"] % 2 == 0)
    assert len({each["width"] for each in found}) == 12
    assert all(each["width"] % 2 == 0 for each in found)
    assert found == drawn(space, 12, 0, None, lambda config: config["width"] % 2 == 0)
    assert found != drawn(space, 12, 1, None, lambda config: config["width"] % 2 == 0)
    assert len(drawn(space, 100, 0, None, lambda config: config["width"] < 3)) == 3, "there are no more"


def made(**options):
    return RandomSearch(CustomSpace({"width": tune.randint(0, 1000)}), "score", "max", seed=0, **options)


def test_points_of_ones_own_come_before_them_and_a_history_is_relived(tmp_path):
    first = [Candidate({"width": at}, note={"source": "prior", "flops": 9.0}) for at in (11, 12)]

    def begun():
        strategy = made(points_to_evaluate=[{"width": 3}])
        strategy.propose_first(first)
        return strategy

    strategy = begun()
    assert [strategy.suggest(str(at))["width"] for at in range(2)] == [3, 11]
    strategy.save(str(tmp_path / "state"))
    events = json.loads((tmp_path / "state").read_text())["events"]
    assert [event["note"]["source"] for event in events] == ["points_to_evaluate", "prior"]
    assert events[1]["note"]["flops"] == 9.0
    again = begun()
    again.replay(events)
    assert again.points_to_evaluate == [{"width": 12}], "what was proposed is not proposed again"
    assert again.suggest("2") == strategy.suggest("2") == {"width": 12}
    assert again.suggest("3") == strategy.suggest("3")


def test_one_outside_the_space_is_refused():
    with pytest.raises(InvalidConfig, match="width"):
        made().propose_first([Candidate({"width": 5000})])
