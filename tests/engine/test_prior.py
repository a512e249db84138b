"""Networks are measured in the workers before the first training, and the best of them are trained first."""

import pytest
import ray

import nas_ray
from nas_ray.config import load_config
from nas_ray.engine.history import Past
from nas_ray.engine.prior import begin_with_best, measure
from nas_ray.errors import ConfigError
from nas_ray.ledger import LEDGER, read
from nas_ray.parts import make_parts
from nas_ray.strategies.prior import ONE_IN

SETTINGS = {
    "data.name": "digits",
    "estimation.max_epochs": 1,
    "estimation.prior": ["naswot", "params"],
    "estimation.prior_networks": 20,
    "constraints.params": 60000,
    "stopping.name": "none",
    "resources.concurrency": 1,
    "run.trials": 3,
}


def test_a_search_begins_with_what_looks_best_and_says_what_was_measured(tmp_path, local_ray):
    result = nas_ray.search(None, SETTINGS, strategy="random", runs_dir=tmp_path, name="run")
    measured = result.prior
    assert len(measured) == 20
    assert (measured["params"] <= 60000).all(), "what breaks a constraint is not trained, and not measured"
    assert measured[["naswot", "flops"]].notna().all(axis=None)
    ranks = measured[["naswot", "params"]].rank().mean(axis=1)
    keys = [name for name in measured.columns if name.startswith("config.")]
    best = measured.assign(rank=ranks).sort_values("rank", ascending=False, kind="stable").head(20 // ONE_IN)
    trials = result.trials.sort_values("proposal").head(2)
    assert trials[keys].values.tolist() == best[keys].values.tolist()
    assert trials["note"].str.contains('"source": ?"prior"').all()
    assert trials["params"].tolist() == best["params"].tolist()
    more = nas_ray.resume(result.path, trials=4)
    kinds = [record["kind"] for record in read(result.path / LEDGER)]
    assert kinds.count("prior") == 1, "a resume goes by what was measured"
    assert len(more.trials[more.trials["outcome"] == "finished"]) == 4


def test_what_was_measured_in_an_earlier_attempt_is_not_measured_again():
    config = load_config(None, SETTINGS)
    parts = make_parts(config)
    space = parts.space
    networks = [space.sample(parts.strategy.generator(at), parts.task) for at in range(20)]
    told = [{"config": each, "values": {"naswot": 1.0, "params": at}} for at, each in enumerate(networks)]
    records = [{"kind": "prior", "at": 0.0, "networks": told}]
    past = Past.of(records, parts.task.objectives[0])
    begin_with_best(config, parts, None, None, past)  # neither a plan nor a ledger is needed
    assert parts.strategy.points_to_evaluate == [space.check(networks[19]), space.check(networks[18])]


def test_of_a_network_that_cannot_be_built_nothing_is_known(local_ray):
    config = load_config(None, SETTINGS)
    parts = make_parts(config)
    good = parts.space.sample(parts.strategy.generator(0), parts.task)

    class Broken(type(parts.space)):
        def build(self, config, task):
            if config != good:
                raise RuntimeError("no such layer")
            return super().build(config, task)

    networks = [{**good, "nonsense": 1}, good]
    asked = ray.remote(measure).remote(
        networks,
        space=Broken(),
        task=parts.task,
        data=parts.data,
        settings=config.estimation,
        seed=0,
        learner=None,
        threads=1,
    )
    values = ray.get(asked)
    assert values[0] == {}
    assert values[1].keys() == {"params", "flops", "naswot"}


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("estimation.prior", "latency", "must be 'params', 'flops'"),
        ("estimation.prior_networks", 1, "`estimation.prior_networks` must be at least 2, but got 1"),
    ],
)
def test_settings_that_cannot_be_are_told_before_the_start(key, value, words):
    with pytest.raises(ConfigError, match=words):
        load_config(None, {key: value})
