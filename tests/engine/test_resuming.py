"""What is refused before a run goes on: Ray need not start for it."""

import re

import pytest
import ray

import nas_ray
from nas_ray import ConfigError, RunError
from nas_ray.config import load_config
from nas_ray.engine import run_folder
from nas_ray.engine.history import Past
from nas_ray.engine.resuming import check_left


@pytest.mark.parametrize(
    ("limit", "past", "text"),
    [
        ({"run.time_budget": 15}, Past(seconds=16.0), r"time budget of 15 s is spent; .* --time-budget N"),
        ({"run.epochs": 30}, Past(epochs=30), r"the 30 epochs of the run are trained; .* --epochs N"),
        (
            {"run.trials": 1},
            Past(outcomes={"finished": 1, "stopped": 0, "failed": 0}),
            r"1 trials .* --trials N",
        ),
    ],
)
def test_a_spent_limit_is_refused_with_the_way_out(limit, past, text):
    with pytest.raises(ConfigError, match=text):
        check_left(load_config(None, limit), past)
    check_left(load_config(None, limit), Past())


def test_an_empty_ledger_is_no_run_that_began(tmp_path):
    (tmp_path / "config.yaml").write_text("space: {name: mlp}\n")
    (tmp_path / "ledger.jsonl").touch()
    ray.shutdown()
    with pytest.raises(RunError, match=r"must have begun, but .*ledger\.jsonl is empty; remove the folder"):
        nas_ray.resume(tmp_path)
    assert not ray.is_initialized()


def test_a_run_that_goes_on_with_other_versions_is_told(tmp_path):
    run_folder.write_environment(tmp_path, 1)
    run_folder.check_versions(tmp_path)
    env = tmp_path / "env.json"
    env.write_text(re.sub(r'"torch": "[^"]*"', '"torch": "1.0"', env.read_text()))
    with pytest.warns(UserWarning, match=r"began with torch 1\.0 \(now 2.*strategy\.warm_start"):
        run_folder.check_versions(tmp_path)
    env.unlink()
    run_folder.check_versions(tmp_path)
