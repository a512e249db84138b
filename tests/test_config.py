"""What limits a run that was told some limits, or none."""

import pytest

from nas_ray import SearchConfig, load_config


@pytest.mark.parametrize(
    ("told", "trials"),
    [
        ({}, 24),
        ({"run.seed": 1}, 24),
        ({"run.epochs": 500}, None),
        ({"run.time_budget": 60}, None),
        ({"run.trials": 7, "run.epochs": 500}, 7),
        ({"run.trials": None}, None),
    ],
)
def test_trials_are_limited_by_default_where_nothing_else_is(told, trials):
    config = load_config(None, told)
    assert config.run.trials == trials
    assert load_config(config).run == config.run


def test_a_default_is_no_choice_that_a_later_limit_would_have_to_undo():
    assert load_config(SearchConfig(), {"run.epochs": 500}).run.trials is None
    assert load_config(load_config(None, {"run.trials": 24}), {"run.epochs": 500}).run.trials == 24


def test_what_a_run_stored_stays_as_it_was(tmp_path):
    stored = tmp_path / "config.yaml"
    stored.write_text(load_config(None, {"run.time_budget": 60}).to_yaml())
    assert load_config(stored, {"run.time_budget": None}).run.trials is None
    stored.write_text(SearchConfig().to_yaml())
    assert load_config(stored, {"run.time_budget": 60}).run.trials == 24
