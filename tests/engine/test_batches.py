"""Short epochs are handed over together: none is trained in vain, none is told late or out of order."""

from __future__ import annotations

import math
import time

import pytest
from ray import tune
from ray.tune.schedulers import TrialScheduler

from nas_ray.engine.batches import BATCH_S, BATCH_SIZE, in_batches, quiet_epochs
from nas_ray.engine.limits import Limits
from nas_ray.stopping import StoppingRule
from nas_ray.stopping.asha import ASHA
from nas_ray.stopping.none import NoStopping
from nas_ray.tasks import Objective


class Scripted(tune.Trainable):
    """Reports what its configuration says, one epoch after the other; an exception in a script is raised."""

    def setup(self, config):
        self.script, self.seconds = iter(config["script"]), config.get("seconds", 0.0)
        self.read = []

    def reset_config(self, new_config):
        self.setup(new_config)
        return True

    def step(self):
        self.read.append(self.read_up)
        time.sleep(self.seconds)
        value = next(self.script)
        if isinstance(value, Exception):
            raise value
        return {"acc": value, "epoch": self.iteration + 1, "done": value == 1.0}


def worker(script, quiet=range(1, 1000), seconds=0.0):
    trainable = in_batches(Scripted, frozenset(quiet), Objective("acc", "max"))
    return trainable({"script": script, "seconds": seconds})


def epochs(results):
    return [result["epoch"] for result in results]


def test_a_batch_ends_where_the_rule_decides_and_where_the_trial_ends():
    at_work = worker([0.1] * 5 + [1.0], quiet=(1, 2, 4, 5))
    assert [epochs(at_work.train_buffered(0)) for _ in range(2)] == [[1, 2, 3], [4, 5, 6]]
    assert at_work.read == [True, False, False, True, False, False]
    assert at_work.read_up, "what is between two calls is read"


@pytest.mark.parametrize("value", [math.nan, math.inf, None])
def test_a_batch_ends_where_the_objective_is_not_finite(value):
    assert epochs(worker([0.1, value, 0.2]).train_buffered(0)) == [1, 2]


def test_long_epochs_come_one_by_one():
    assert epochs(worker([0.1, 0.2], seconds=BATCH_S).train_buffered(0)) == [1]


def test_a_batch_has_a_size():
    assert len(worker([0.1] * 100).train_buffered(0)) == BATCH_SIZE


def test_an_exception_comes_after_the_reports_before_it():
    at_work = worker([0.1, 0.2, ZeroDivisionError("in the third")])
    assert epochs(at_work.train_buffered(0)) == [1, 2]
    with pytest.raises(ZeroDivisionError, match="in the third"):
        at_work.train_buffered(0)
    at_work = worker([0.1, ZeroDivisionError("of a trial that is over")])
    at_work.train_buffered(0)
    at_work.reset_config({"script": [0.5, 1.0]})
    assert [each["acc"] for each in at_work.train_buffered(0)] == [0.5, 1.0]


def test_where_a_rule_or_a_limit_of_epochs_may_act_every_epoch_is_told():
    endless = Limits(None, None)
    assert quiet_epochs(_full(NoStopping("acc", "max"), 5), endless) == {1, 2, 3, 4}
    assert quiet_epochs(_full(ASHA("acc", "max"), 10), endless) == {2, 4, 5, 6, 7, 8}
    assert quiet_epochs(NoStopping("acc", "max"), endless) == frozenset(), "nobody says how long a trial is"
    assert quiet_epochs(_full(NoStopping("acc", "max"), 5), Limits(100, None)) == frozenset()


@pytest.mark.parametrize("method", ["decide", "judge", "on_trial_result"])
def test_a_rule_of_ones_own_may_act_at_any_epoch(method):
    own = type("Own", (ASHA,), {method: lambda *_, **__: TrialScheduler.STOP})
    assert quiet_epochs(_full(own("acc", "max"), 10), Limits(None, None)) == frozenset()
    heir = type("Heir", (ASHA,), {"name": "heir"})
    assert quiet_epochs(_full(heir("acc", "max"), 10), Limits(None, None)) == {2, 4, 5, 6, 7, 8}


def _full(rule: StoppingRule, epochs: int) -> StoppingRule:
    rule.max_fidelity = epochs
    return rule
