"""Weights of parents and zero-cost proxies in a run: in its folder, in its dataframe, after a resume."""

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


def test_a_run_tells_what_children_inherited_and_what_proxies_kept_from_training(tmp_path, local_ray):
    settings = {"strategy.population_size": 2, "strategy.sample_size": 1, "strategy.crossover_rate": 0.0}
    settings |= {"estimation.inherit": "shapes", "estimation.proxies": ["snip"], "stopping.name": "none"}
    result = nas_ray.search(
        {"data": {"name": "digits"}, "resources": {"concurrency": 1}},
        settings | {"constraints.proxies": {"grad_norm": 0.7}},
        space=Tiny(),
        strategy="evolution",
        trials=3,
        max_epochs=1,
        runs_dir=tmp_path,
        name="run",
    )
    folder = result.path / HERITAGE
    (first,) = {path.stem for path in folder.glob("*.pt")} - {result.trials["trial_id"].iloc[-1]}
    for path in folder.glob("*.pt"):
        path.unlink()
    trials = nas_ray.resume(result.path, trials=4, space=Tiny()).trials
    trained, refused = (trials[trials["outcome"] == outcome] for outcome in ("finished", "infeasible"))
    assert len(trained) == 4
    measured = trials[trials["outcome"] != "cached"]
    assert measured[["snip", "grad_norm"]].notna().all(axis=None)
    assert refused["error"].str.contains("proxy `grad_norm` must be among the best 70%").all()
    children = trained[trained["parent_ids"].map(len) > 0]
    assert first in set(trials["trial_id"])
    assert children["inheritance"].notna().all()
    inherited = children["inherited_from"].dropna()
    assert all(parent in parents for parent, parents in zip(inherited, children["parent_ids"], strict=False))
    assert children["inheritance"].iloc[-1].startswith("fresh: the weights of t")


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
