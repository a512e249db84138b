"""Every strategy keeps the contract: a new strategy is one more class in this list."""

from typing import Any, ClassVar

import pytest

from nas_ray.strategies.auto import Auto
from nas_ray.strategies.bayesian import Bayesian
from nas_ray.strategies.controller import Controller
from nas_ray.strategies.evolution import Evolution
from nas_ray.strategies.grid import Grid
from nas_ray.strategies.local_search import LocalSearch
from nas_ray.strategies.mcts import MCTS
from nas_ray.strategies.neat import NEAT
from nas_ray.strategies.nsga2 import NSGA2
from nas_ray.strategies.optuna import OptunaStrategy
from nas_ray.strategies.random import RandomSearch
from nas_ray.testing.strategies import StrategyConformance

pytestmark = pytest.mark.usefixtures("local_ray")


class TestRandom(StrategyConformance):
    strategy = RandomSearch


class TestEvolution(StrategyConformance):
    strategy = Evolution


class TestEvolutionWithCrossover(StrategyConformance):
    strategy = Evolution
    options: ClassVar[dict[str, Any]] = {"population_size": 5, "sample_size": 2, "crossover_rate": 0.8}


class TestEvolutionWithoutAging(StrategyConformance):
    strategy = Evolution
    options: ClassVar[dict[str, Any]] = {"population_size": 5, "sample_size": 2, "aging": False}


class TestNSGA2(StrategyConformance):
    strategy = NSGA2
    options: ClassVar[dict[str, Any]] = {"population_size": 6}


class TestMCTS(StrategyConformance):
    strategy = MCTS


class TestMCTSOverRegions(StrategyConformance):
    strategy = MCTS
    options: ClassVar[dict[str, Any]] = {"partition": "regions"}


class TestNEAT(StrategyConformance):
    strategy = NEAT
    options: ClassVar[dict[str, Any]] = {"population_size": 6}


class TestOptuna(StrategyConformance):
    strategy = OptunaStrategy


class TestController(StrategyConformance):
    strategy = Controller


class TestControllerWithPPO(StrategyConformance):
    strategy = Controller
    options: ClassVar[dict[str, Any]] = {"algorithm": "ppo", "batch_size": 3}


class TestGrid(StrategyConformance):
    strategy = Grid


class TestLocalSearch(StrategyConformance):
    strategy = LocalSearch
    options: ClassVar[dict[str, Any]] = {"initial": 3}


class TestBayesian(StrategyConformance):
    strategy = Bayesian
    options: ClassVar[dict[str, Any]] = {"initial": 4}


class TestAuto(StrategyConformance):
    strategy = Auto


@pytest.mark.parametrize("kind", [RandomSearch, Grid])
def test_what_draws_whatever_came_before_does_not_learn(kind):
    assert not kind(metric="acc", mode="max").learns


LEARNING = (Evolution, LocalSearch, NSGA2, MCTS, NEAT, OptunaStrategy, Controller, Auto)


@pytest.mark.parametrize("kind", LEARNING)
def test_all_others_learn(kind):
    assert kind(metric="acc", mode="max").learns
