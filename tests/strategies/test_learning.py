"""Strategies that learn do better than random search, on networks that others trained: NAS-Bench-201.

50 seeds of 300 trainings each, rewarded with the validation accuracy on CIFAR-10 after 12 epochs; one-sided
Mann-Whitney U tests at the level 0.01. The seeds with which the defaults were chosen are others (from 1000).
"""

import multiprocessing
import statistics
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import pytest
from scipy import stats

sys.path.insert(0, str(Path(__file__).parent))  # where worker processes find the next module, too
import nasbench201_search
from nasbench201_search import Outcome

SEEDS = range(50)
INVERTED_SEEDS = range(10)
LEVEL = 0.01
RANDOM = "nas_ray.strategies.random:RandomSearch"
LEARNING = {
    "evolution": "nas_ray.strategies.evolution:Evolution",
    "optuna": "nas_ray.strategies.optuna:OptunaStrategy",
    "controller": "nas_ray.strategies.controller:Controller",
}

pytestmark = pytest.mark.timeout(900)  # a minute or two on two idle cores


@pytest.fixture(scope="module")
def table(shared_data: Path) -> Path:
    path = shared_data / "nasbench201.parquet"
    if not path.exists():
        pytest.skip(f"no table at {path}; set NAS_RAY_DATA")
    return path


@pytest.fixture(scope="module")
def pool() -> Iterator[ProcessPoolExecutor]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")  # two processes on two cores
        with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as processes:
            yield processes


def searches(
    pool: ProcessPoolExecutor, table: Path, strategy: str, seeds: range, sign: int = 1
) -> list[Outcome]:
    return list(pool.map(partial(nasbench201_search.search, table, strategy, sign=sign), seeds))


@pytest.fixture(scope="module")
def of_random(pool: ProcessPoolExecutor, table: Path) -> list[Outcome]:
    return searches(pool, table, RANDOM, SEEDS)


@pytest.fixture(scope="module", params=LEARNING)
def learned(
    request: pytest.FixtureRequest, pool: ProcessPoolExecutor, table: Path
) -> tuple[str, list[Outcome]]:
    return LEARNING[request.param], searches(pool, table, LEARNING[request.param], SEEDS)


def means(outcomes: list[Outcome]) -> str:
    best, selected, late = (
        statistics.mean(100 * getattr(one, name) for one in outcomes) for name in ("best", "selected", "late")
    )
    return f"best {best:.2f} %, its test accuracy {selected:.2f} %, last hundred {late:.2f} %"


def test_it_finds_better_networks_than_random_search(
    learned: tuple[str, list[Outcome]], of_random: list[Outcome]
) -> None:
    strategy, outcomes = learned
    p = stats.mannwhitneyu(
        [one.best for one in outcomes], [one.best for one in of_random], alternative="greater"
    ).pvalue
    print(f"\n{strategy}: {means(outcomes)}\n{RANDOM}: {means(of_random)}\np = {p:.1e}")
    assert p < LEVEL


def test_its_proposals_shift_when_rewards_are_inverted(
    learned: tuple[str, list[Outcome]], pool: ProcessPoolExecutor, table: Path
) -> None:
    strategy, outcomes = learned
    inverted = searches(pool, table, strategy, INVERTED_SEEDS, sign=-1)
    late = [outcomes[seed].late for seed in INVERTED_SEEDS]
    p = stats.mannwhitneyu(late, [one.late for one in inverted], alternative="greater").pvalue
    print(f"\n{strategy}, rewards inverted: {means(inverted)}\np = {p:.1e}")
    assert p < LEVEL
