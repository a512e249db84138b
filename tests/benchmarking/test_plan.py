"""What a benchmark is asked for."""

import pytest

from nas_ray.benchmarking import Plan
from nas_ray.benchmarking.plan import strategies_of, strategy_of
from nas_ray.config import load_config
from nas_ray.errors import ConfigError

CONFIG = load_config({"run": {"trials": 20, "seed": 7}, "stopping": {"name": "none"}})


def plan(**changes: object) -> Plan:
    asked = {"tables": ("nasbench_macro",), "strategies": ("random", "evolution"), "seeds": 2}
    return Plan(CONFIG, **{**asked, **changes})  # type: ignore[arg-type]


def test_every_table_strategy_worker_and_seed_is_run_once() -> None:
    cells = list(plan(tables=("nasbench_macro", "naap440"), workers=(1, 8)).cells())
    assert len({(each.table, each.strategy, each.workers, each.seed) for each in cells}) == len(cells) == 16
    assert {each.seed for each in cells} == {7, 8}
    assert len({each.key for each in cells}) == 16


def test_a_search_has_the_same_key_whatever_its_run_is_called() -> None:
    named = load_config(CONFIG, {"run.name": "other", "run.dir": "elsewhere"})
    longer = load_config(CONFIG, {"run.trials": 21})
    one, two, three = (
        next(Plan(config, ("naap440",), ("random",)).cells()).key for config in (CONFIG, named, longer)
    )
    assert one == two != three


def test_strategies_have_options_in_brackets() -> None:
    assert strategies_of("auto,optuna(sampler=gp), evolution( population_size=5,sample_size=2 )") == (
        "auto",
        "optuna(sampler=gp)",
        "evolution( population_size=5,sample_size=2 )",
    )
    assert strategy_of("evolution( population_size=5,sample_size=2 )") == {
        "name": "evolution",
        "population_size": 5,
        "sample_size": 2,
    }


@pytest.mark.parametrize("text", ["optuna(sampler=gp", "a(b)", "(x=1)", "optuna(sampler=gp)x"])
def test_what_is_no_strategy_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=r"optuna\(sampler=gp\)"):
        plan(strategies=strategies_of(text))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"seeds": 0}, "`seeds` must be at least 1, but got 0"),
        ({"tables": ()}, "must have tables"),
        ({"strategies": ()}, "must have strategies"),
        ({"workers": (1, 1)}, "`workers` must be named once each, but got 1, 1"),
    ],
)
def test_impossible_plans_are_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        plan(**changes)


@pytest.mark.parametrize("at", [0, -1, 21])
def test_a_budget_beyond_the_benchmark_is_refused(at: float) -> None:
    with pytest.raises(ConfigError, match="between 0 and the budget, 20 trials"):
        plan().check_budgets([at])
