"""Warm starts: what was learned elsewhere is known from the first proposal on, and costs nothing."""

from pathlib import Path

import pytest
from ray import tune

from nas_ray.errors import ConfigError, RunError
from nas_ray.results import SearchResult
from nas_ray.simulation import simulate
from nas_ray.spaces import CustomSpace
from nas_ray.strategies import Strategy, load_strategy
from nas_ray.strategies.warm_start import Evaluated
from nas_ray.testing.driving import EPOCHS, METRIC, Live, drive

TABLE = "nasbench201-cifar10"
SPACE = CustomSpace({"width": tune.randint(1, 100)}, name="widths")
KNOWN = [Evaluated({"width": width}, ((EPOCHS, {METRIC: width / 100}),)) for width in (10, 90, 50)]
NAMES = (
    "random",
    "grid",
    "evolution",
    "nsga2",
    "local-search",
    "mcts",
    "optuna",
    "controller",
    "bayesian",
    "auto",
)


def made(name: str, warm_start=KNOWN) -> Strategy:
    return load_strategy(
        name, space=SPACE, metric=METRIC, mode="max", seed=0, max_fidelity=EPOCHS, warm_start=warm_start
    )


@pytest.mark.parametrize("name", NAMES)
def test_what_is_known_is_learned_and_never_proposed(name: str) -> None:
    strategy = made(name)
    strategy.max_trials = 12
    proposed = drive(strategy, 100, live=Live())
    assert len(proposed) == 12
    assert not {config["width"] for config in proposed} & {10, 50, 90}
    assert [each.reason for each in strategy.memory.proposals[:3]] == ["evaluated"] * 3
    assert {each.score for each in strategy.memory.observations[:3]} == {0.1, 0.9, 0.5}


def test_a_history_with_a_warm_start_is_replayed() -> None:
    one, two = made("evolution"), made("evolution")
    drive(one, 8)
    two.replay(one._events)
    assert one.suggest("x") == two.suggest("x")
    assert len(one.memory) == len(two.memory)


def test_an_evolution_begins_where_the_last_one_ended() -> None:
    known = [Evaluated({"width": 99 - at}, ((EPOCHS, {METRIC: 1 - at / 100}),)) for at in range(16)]
    strategy = made("evolution", known)
    assert strategy.suggest("a") is not None
    assert strategy.proposal_of("a").parents  # the population is full


@pytest.fixture
def earlier(shared_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NAS_RAY_DATA", str(shared_data.resolve()))
    simulate(TABLE, "random", "asha", budget="40trials", seed=3, folder=tmp_path / "earlier")
    return tmp_path / "earlier"


def test_an_earlier_run_is_taken_up_and_none_of_its_networks_trained_again(
    earlier: Path, tmp_path: Path
) -> None:
    run = simulate(
        TABLE,
        "auto",
        budget="20trials",
        strategy_options={"warm_start": str(earlier)},
        folder=tmp_path / "next",
    )
    past, now = SearchResult.load(earlier), SearchResult.load(tmp_path / "next")
    trained = now.trials[now.trials["outcome"] == "finished"]
    assert len(trained) == 20
    assert not set(trained["config_id"]) & set(past.trials["config_id"])
    known = now.trials[now.trials["reason"] == "evaluated"]
    scored = past.trials["outcome"].isin(["finished", "stopped"])
    assert set(known["config_id"]) == set(past.trials.loc[scored, "config_id"])
    # Nothing is sampled blindly: the model has 40 networks to begin with.
    assert run.best > 0.82


def test_what_cannot_be_a_warm_start_is_refused_before_anything_runs(earlier: Path, tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"must be the folder of a run.*ledger\.jsonl"):
        made("random", str(tmp_path / "nowhere"))
    with pytest.raises(ConfigError, match="of the space 'widths' with score, but of the 40 in"):
        made("random", str(earlier))
    with pytest.raises(ConfigError, match="of the 1 in the list there is none"):
        made("random", [Evaluated({"width": 5}, ((1, {"val_loss": 0.5}),))])
