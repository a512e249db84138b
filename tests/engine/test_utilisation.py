"""How busy the slots of a real search were, in its ledger, its result and its status."""

import pytest
from odd_spaces import Tiny

import nas_ray
from nas_ray import results
from nas_ray.ledger import LEDGER, read

pytestmark = pytest.mark.usefixtures("local_ray")


def stops(result):
    return [record for record in read(result.path / LEDGER) if record["kind"] == "stop"]


def search(tmp_path, **changes):
    settings = {"space": Tiny, "strategy": "random", "data": "digits", "trials": 8, "max_epochs": 3}
    settings |= {"concurrency": 1, "name": "run", "runs_dir": tmp_path}
    return nas_ray.search(**{**settings, **changes})


@pytest.mark.parametrize("stopping", ["asha-promote", pytest.param("none", marks=pytest.mark.benchmark)])
def test_every_attempt_ends_with_the_share_that_the_result_has(stopping, tmp_path):
    result = search(tmp_path, stopping=stopping)
    (stop,) = stops(result)
    assert 0 < stop["utilisation"] <= 1
    assert stop["utilisation"] == result.utilisation() == results.status(result.path).utilisation
    assert f"slots busy {stop['utilisation']:.0%}" in result.summary()
    again = nas_ray.resume(result.path, trials=10)
    first, second = stops(again)
    assert first == stop, "nothing that was recorded is changed"
    assert 0 < second["utilisation"] <= 1
    shares = sorted([first["utilisation"], second["utilisation"]])
    assert shares[0] <= again.utilisation() <= shares[1]


def test_trials_that_a_budget_cuts_off_count_until_then(tmp_path):
    result = search(tmp_path, stopping="none", trials=1000, concurrency=2, overrides={"run.epochs": 5})
    (stop,) = stops(result)
    assert stop["reason"] == "epochs"
    assert stop["utilisation"] == result.utilisation() == results.status(result.path).utilisation > 0
