"""Strategies that learn do better than random search, on networks that others trained: NAS-Bench-201.

200 trials, rewarded with the validation accuracy on CIFAR-10 after 12 epochs; 12 seeds; one-sided Wilcoxon
signed-rank tests, paired by seed, at the level 0.01. The seeds with which defaults were chosen are others.
"""

from pathlib import Path

import pytest
from scipy import stats

from nas_ray.benchmarking import BenchmarkResult, Plan, benchmark
from nas_ray.config import load_config
from nas_ray.simulation import simulate
from nas_ray.tables import Table, load_table

TABLE = "nasbench201-cifar10"
LEARNING = (
    "evolution",
    "evolution(aging=False)",
    "local-search",
    "nsga2",
    "neat",
    "mcts",
    "mcts(partition=regions)",
)
SLOWER = ("optuna", "controller", "controller(algorithm=ppo)")
MODELS = ("bayesian", "auto")
LEVEL = 0.01

pytestmark = pytest.mark.timeout(900)  # a minute on two idle cores


@pytest.fixture(scope="module", autouse=True)
def tables(shared_data: Path) -> object:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NAS_RAY_DATA", str(shared_data.resolve()))
        yield


def compared(folder: Path, trials: int, seeds: int, *strategies: str) -> BenchmarkResult:
    config = load_config({"run": {"trials": trials}, "stopping": {"name": "none"}})
    return benchmark(Plan(config, (TABLE,), ("random", *strategies), seeds=seeds), folder, jobs=2)


def p_better_than_random(result: BenchmarkResult, strategy: str) -> float:
    scores = result.values().pivot_table(index="seed", columns="strategy", values="score")
    p = float(stats.wilcoxon(scores[strategy], scores["random"], alternative="greater").pvalue)
    print(f"\n{strategy} {scores[strategy].mean():.4f}, random {scores['random'].mean():.4f}, p = {p:.1e}")
    return p


@pytest.fixture(scope="module")
def result(tables: object, tmp_path_factory: pytest.TempPathFactory) -> BenchmarkResult:
    return compared(tmp_path_factory.mktemp("learning"), 200, 12, *LEARNING, *SLOWER)


@pytest.mark.parametrize("strategy", [*LEARNING, *SLOWER])
def test_it_finds_better_networks_than_random_search(result: BenchmarkResult, strategy: str) -> None:
    assert p_better_than_random(result, strategy) < LEVEL


@pytest.mark.benchmark
def test_300_trials_and_50_seeds_say_the_same(tables: object, tmp_path: Path) -> None:
    result = compared(tmp_path, 300, 50, "evolution", "optuna", "controller")
    for strategy in ("evolution", "optuna", "controller"):
        assert p_better_than_random(result, strategy) < LEVEL


def test_no_network_is_trained_twice(result: BenchmarkResult) -> None:
    assert (result.values()["repeated"] == 0).all()


@pytest.mark.parametrize("strategy", MODELS)
def test_a_model_finds_the_best_of_15625_cells_in_a_hundred_trials(strategy: str) -> None:
    """The bound of the published best is 64 to 127 trainings; 30 seeds are in scripts/benchmarks."""
    best = load_table(TABLE).optimum()
    for seed in range(4):
        assert simulate(TABLE, strategy, budget="100trials", seed=seed).best == best


@pytest.mark.parametrize("strategy", ["evolution", "controller", "optuna", "mcts"])
def test_its_proposals_shift_when_rewards_are_inverted(strategy: str) -> None:
    """Mann-Whitney, one-sided, the signals of the last 60 of 150 trials, 3 seeds each."""
    known = load_table(TABLE)
    signal = known.description.signal.model_copy(update={"mode": "min"})
    inverted = Table("inverted", known.description.model_copy(update={"signal": signal}))
    late, turned = (
        [
            value
            for seed in range(3)
            for value in simulate(table, strategy, budget="150trials", seed=seed).trajectory["value"][-60:]
        ]
        for table in (known, inverted)
    )
    assert stats.mannwhitneyu(late, turned, alternative="greater").pvalue < LEVEL
