"""Constraints of a run: judged before a trial begins, by limits and by rules of one's own."""

import time

import pytest
from odd_spaces import Tiny

import nas_ray
from nas_ray import ConfigError
from nas_ray.ledger import read

pytestmark = pytest.mark.usefixtures("local_ray")


def even(config, task):
    return config["hidden"] % 2 == 0


def search(tmp_path, **changes):
    settings = {"space": Tiny(), "strategy": "random", "trials": 4, "max_epochs": 1, "name": "run"}
    settings |= {"data": "digits", "runs_dir": tmp_path, "concurrency": 1, "stopping": "none"}
    return nas_ray.search(**{**settings, **changes})


def test_what_breaks_a_constraint_is_a_row_without_a_trial(tmp_path):
    words = {0: "", 1: "no noise of kind b"}
    loud = lambda config, task: words[config["noise"] == "b"]  # noqa: E731 - a rule that has no name
    result = search(tmp_path, constraints={"params": 50_000, "depth": 2, "rules": [even, loud]})
    trained = result.trials[result.trials["outcome"] == "finished"]
    refused = result.trials[result.trials["outcome"] == "infeasible"]
    assert len(trained) == 4
    assert (trained["config.hidden"] * 75 + 10 <= 50_000).all()
    assert (trained["config.hidden"] % 2 == 0).all()
    assert (trained["config.noise"] == "a").all()
    assert set(refused["reason"]) == {"constraint"}
    assert refused["ray_trial_id"].isna().all(), "no trial of Tune"
    assert (refused["params"] == refused["config.hidden"] * 75 + 10).all()
    assert (
        refused["error"]
        .str.contains("rule `even` must hold|no noise of kind b|`params` must be at most")
        .all()
    )
    assert read(result.path / "ledger.jsonl")[0]["trials"] == 4
    with pytest.raises(ConfigError, match=r"was given an object for its constraints.*constraints=\.\.\."):
        nas_ray.resume(result.path, trials=5, space=Tiny())
    again = nas_ray.resume(result.path, trials=5, space=Tiny(), constraints=[even, loud])
    assert (again.trials["outcome"] == "finished").sum() == 5
    assert (again.trials[again.trials["outcome"] == "finished"]["config.noise"] == "a").all()


def test_impossible_constraints_are_refused_before_anything_is_made(tmp_path):
    began = time.monotonic()
    with pytest.raises(
        ConfigError, match=r"`params` at most 3 \(the least is \d+\) rejects 100%.*loosen `params`"
    ):
        search(tmp_path, constraints={"params": 3}, concurrency=1)
    assert time.monotonic() - began < 60
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("constraints", "words"),
    [
        (7, "`constraints` must be a function of"),
        ([7], "a rule of `constraints` must be a function"),
        ({"parms": 7}, "unknown key `constraints.parms`; did you mean 'params'"),
        ("json:nothing", "'json:nothing' cannot be imported"),
        ("json:__version__", "a rule of `constraints` must be a function"),
    ],
)
def test_constraints_that_cannot_be(tmp_path, constraints, words):
    with pytest.raises(ConfigError, match=words):
        search(tmp_path, constraints=constraints)
