"""Weights of parents and zero-cost proxies in a run: in its folder, in its dataframe, after a resume."""

import json
from types import SimpleNamespace

import pytest
import torch
from odd_spaces import Tiny
from ray import tune

import nas_ray
from nas_ray import ConfigError
from nas_ray.config import load_config
from nas_ray.engine.lineage import Lineage
from nas_ray.estimation.heritage import HERITAGE, Heritage
from nas_ray.strategies.evolution import Evolution


def test_only_the_population_and_the_families_of_running_trials_stay_on_disk(tmp_path):
    heritage, told = Heritage(tmp_path), []
    strategy = Evolution(metric="val_acc", mode="max", seed=0, population_size=2, sample_size=2)
    strategy.set_search_properties(None, None, {"width": tune.randint(1, 1000)})
    strategy.recorder = lambda proposal: told.append(proposal.trial_id)
    lineage = Lineage(strategy, heritage)

    def ended(name, val_acc):
        strategy.on_trial_complete(name, {"val_acc": val_acc})
        lineage.on_trial_complete(0, [], SimpleNamespace())

    for number, name in enumerate("abc"):
        strategy.suggest(name)
        heritage.leave(f"t{number:05d}", {}, {"w": torch.ones(1)})
        if name != "c":
            ended(name, 0.5)
    child = strategy.proposal_of("c")
    assert heritage.parents_of("t00002") == [f"t{child.parents[0]:05d}"]
    assert told == ["t00000", "t00001", "t00002"]
    assert {path.stem for path in tmp_path.glob("*.pt")} == {"t00000", "t00001", "t00002"}
    ended("c", 0.7)
    assert {path.stem for path in tmp_path.iterdir()} == {"t00001", "t00002"}, "the oldest of three left"
    strategy.suggest("d")
    heritage.leave("t00003", {}, {"w": torch.ones(1)})
    strategy.on_trial_complete("d", None, error=True)
    lineage.on_trial_error(0, [], SimpleNamespace())
    assert {path.stem for path in tmp_path.iterdir()} == {"t00001", "t00002"}


def test_the_families_of_the_living_outlast_a_resume(tmp_path):
    def replayed(*events):
        strategy = Evolution(metric="val_acc", mode="max", seed=0, population_size=2, sample_size=2)
        strategy.set_search_properties(None, None, {"width": tune.randint(1, 1000)})
        strategy.replay(events)
        return strategy

    heritage, before = Heritage(tmp_path), replayed()
    Lineage(before, heritage)
    for number, val_acc in enumerate([0.4, 0.9, 0.5, 0.6, None]):
        before.suggest(str(number))
        heritage.leave(f"t{number:05d}", {}, {"w": torch.ones(1)})
        if val_acc is not None:
            before.on_trial_complete(str(number), {"val_acc": val_acc})
    (parent,) = before.proposal_of("4").parents[:1]
    before.save(str(tmp_path / "history"))
    events = json.loads((tmp_path / "history").read_text())["events"]
    Lineage(replayed(*events), heritage)
    assert heritage.parents_of("t00004")[0] == f"t{parent:05d}"
    kept = {path.stem for path in tmp_path.glob("*.pt")}
    assert kept == {"t00001", "t00002", "t00003", "t00004"}, "the best, the population, and what runs"


def test_a_run_tells_what_children_inherited_and_what_proxies_kept_from_training(tmp_path, local_ray):
    settings = {"strategy.population_size": 2, "strategy.sample_size": 1, "strategy.crossover_rate": 0.0}
    settings |= {"estimation.inherit": "shapes", "estimation.proxies": ["snip"], "stopping.name": "none"}
    result = nas_ray.search(
        {"data": {"name": "digits"}, "resources": {"concurrency": 1}},
        settings | {"constraints.proxies": {"grad_norm": 0.7}},
        space=Tiny(),
        strategy="evolution",
        trials=4,
        max_epochs=1,
        runs_dir=tmp_path,
        name="run",
    )
    trials = result.trials
    trained, refused = (trials[trials["outcome"] == outcome] for outcome in ("finished", "infeasible"))
    assert len(trained) == 4
    measured = trials[trials["outcome"] != "cached"]
    assert measured[["snip", "grad_norm"]].notna().all(axis=None)
    assert refused["error"].str.contains("proxy `grad_norm` must be among the best 70%").all()
    children = trained[trained["parent_ids"].map(len) > 0]
    assert (children["inherited_from"] == children["parent_ids"].str[0]).all()
    assert children["inheritance"].str.startswith("shapes, ").all()
    youngest = set(trained["trial_id"].iloc[-2:])
    assert youngest <= {path.stem for path in (result.path / HERITAGE).glob("*.pt")}


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        (
            "constraints.proxies",
            {"snip": 0},
            "`constraints.proxies.snip` must be greater than 0.0",
        ),
        ("constraints.proxies", {"snip": 2}, "`constraints.proxies.snip` must be at most 1"),
        ("constraints.proxies", {"snap": 0.5}, "`constraints.proxies.snap.* must be 'synflow', 'naswot'"),
        ("estimation.proxies", "jacov", "must be 'synflow', 'naswot'"),
        ("estimation.inherit", "all", "`estimation.inherit` must be 'none', 'shapes' or 'morphism'"),
    ],
)
def test_settings_that_cannot_be_are_told_before_the_start(key, value, words):
    with pytest.raises(ConfigError, match=words):
        load_config(None, {key: value})
