"""Several objectives: added up by weight, or a Pareto front."""

import numpy as np
import pytest
from ray import tune

from nas_ray.errors import ConfigError, UnknownName
from nas_ray.pareto import fronts
from nas_ray.results import SearchResult
from nas_ray.simulation import Simulation, simulate
from nas_ray.spaces import CustomSpace
from nas_ray.strategies import load_strategy
from nas_ray.strategies.nsga2 import NSGA2
from nas_ray.strategies.random import RandomSearch
from nas_ray.tables import load_table
from nas_ray.tasks import Objective

TABLE = "nasbench201-cifar10"
GOAL = (Objective("val_acc", "max"), Objective("params", "min"))
WEIGHTED = (Objective("val_acc", "max", 1.0), Objective("params", "min", 1e-6))
SPACE = CustomSpace({"width": tune.randint(1, 100)}, name="widths")


@pytest.fixture(autouse=True)
def tables(shared_data, monkeypatch):
    monkeypatch.setenv("NAS_RAY_DATA", str(shared_data.resolve()))


def trained(run: Simulation) -> np.ndarray:
    """Return (val_acc, -params) of every network that was trained."""
    facts = run.cluster.entries
    return np.asarray(
        [(value, -facts[number].facts["params"]) for number, value in run.cluster.values.items()]
    )


def hypervolume(scores: np.ndarray) -> float:
    """Return the area that networks dominate, accuracy above 0.1 against the logarithm of the parameters."""
    sizes = load_table(TABLE).facts["params"]
    low, high = np.log(sizes.min()), np.log(sizes.max())
    best, area, before = 0.0, 0.0, 0.0
    for accuracy, size in sorted(scores, key=lambda each: -each[1]):
        at = (np.log(-size) - low) / (high - low)
        area += best * (at - before)
        best, before = max(best, accuracy - 0.1), at
    return area + best * (1 - before)


def test_nsga2_covers_more_of_the_front_than_random_search() -> None:
    """Hypervolume after 200 trials, 10 seeds; that of the whole table is the bound."""
    found = {
        name: [
            hypervolume(trained(simulate(TABLE, name, budget="200trials", seed=seed, objectives=objectives)))
            for seed in range(10)
        ]
        for name, objectives in (("nsga2", GOAL), ("random", ()))
    }
    table = load_table(TABLE)
    bound = hypervolume(np.column_stack([table.values, -table.facts["params"]]))
    assert all(share <= bound for share in found["nsga2"])
    assert np.mean(found["nsga2"]) > np.mean(found["random"]) + np.std(found["random"]) / 10**0.5
    assert np.mean(found["nsga2"]) > 0.98 * bound


def test_a_population_is_led_by_its_front() -> None:
    strategy = NSGA2(SPACE, seed=0, objectives=GOAL, population_size=5)
    rng = np.random.default_rng(0)
    for number in range(40):
        width = strategy.suggest(str(number))["width"]
        report = {"val_acc": 1 - 1 / width + rng.normal(scale=0.1), "params": width, "epoch": 1}
        strategy.on_trial_complete(str(number), report)
    scores = np.asarray([each.scores for each in strategy.memory.observations if each.scores])
    best = scores[fronts(scores) == 0]
    kept = np.asarray([each.scores for each in strategy.population])
    assert len(kept) == 5
    assert all((best == score).all(axis=1).any() for score in kept[: min(5, len(best))])


def test_a_weighted_sum_is_what_other_strategies_maximise() -> None:
    run = simulate(TABLE, "evolution", budget="200trials", seed=1, objectives=WEIGHTED)
    best = run.cluster.strategy.memory.best
    assert best is not None
    scores = trained(run)
    assert best.score == pytest.approx((scores[:, 0] + 1e-6 * scores[:, 1]).max())
    assert best.scores[0] == run.best
    heavy = simulate(TABLE, "evolution", budget="200trials", seed=1)
    assert trained(heavy)[:, 1].mean() < scores[:, 1].mean()


def test_weights_are_asked_for_where_they_are_needed() -> None:
    with pytest.raises(
        ConfigError, match=r"`weight`, since strategy 'random' adds them up, but val_acc, params"
    ):
        RandomSearch(SPACE, seed=0, objectives=GOAL)
    with pytest.raises(ConfigError, match="take the strategy nsga2"):
        simulate(TABLE, "auto", objectives=GOAL)
    with pytest.raises(ConfigError, match=r"`objective\.weight` must be at least 0, but got -1"):
        Objective("params", "min", -1)


def test_a_missing_objective_is_a_failure() -> None:
    strategy = NSGA2(SPACE, seed=0, objectives=GOAL)
    strategy.suggest("a")
    strategy.on_trial_complete("a", {"val_acc": 0.5, "epoch": 1})
    assert [(each.outcome, each.scores) for each in strategy.memory.observations] == [("failed", ())]


def test_objectives_survive_saving(tmp_path) -> None:
    one, two = (load_strategy("nsga2", space=SPACE, seed=0, objectives=GOAL) for _ in range(2))
    for number in range(5):
        width = one.suggest(str(number))["width"]
        one.on_trial_complete(str(number), {"val_acc": width / 100, "params": width, "epoch": 1})
    one.save(str(tmp_path / "state.json"))
    two.restore(str(tmp_path / "state.json"))
    assert [each.scores for each in one.population] == [each.scores for each in two.population]
    assert one.suggest("x") == two.suggest("x")


def test_a_run_with_several_objectives_has_a_front(tmp_path) -> None:
    simulate(TABLE, "nsga2", budget="80trials", seed=0, objectives=GOAL, folder=tmp_path / "run")
    result = SearchResult.load(tmp_path / "run")
    front = result.pareto_front()
    scores = np.column_stack([result.trials["val_acc"], -result.trials["params"].astype(float)])
    finished = scores[(result.trials["outcome"] == "finished").to_numpy()]
    assert len(front) == len(np.unique(finished[fronts(finished) == 0], axis=0))
    assert front["val_acc"].is_monotonic_decreasing
    assert "Pareto front" in result.summary()


def test_simulated_objectives_are_the_signal_and_facts() -> None:
    with pytest.raises(ConfigError, match=r"must be its signal, val_acc \(max\), but got params \(min\)"):
        simulate(TABLE, "nsga2", objectives=(Objective("params", "min"), Objective("val_acc")))
    with pytest.raises(UnknownName, match=r"latency_ms_fgpa.*did you mean 'latency_ms_fpga'"):
        simulate(TABLE, "nsga2", objectives=(Objective("val_acc"), Objective("latency_ms_fgpa", "min")))
