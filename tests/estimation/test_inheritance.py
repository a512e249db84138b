"""What a child starts from: its parent's weights, as far as they are there and fit."""

import json

import pytest
import torch

from nas_ray.estimation import Estimation
from nas_ray.estimation.heritage import HERITAGE, Heritage
from nas_ray.estimation.inheritance import inherit
from nas_ray.spaces import load_space

NARROW, WIDE = {"width": 4}, {"width": 8}
LAYER = {"op": "conv", "kernel": 3, "stride": 1, "width": 4, "norm": "batch", "skip": False}
HEAD = {"head.pooling": "avg", "head.dense": 0, "head.units": 32, "head.dropout": 0.0}


@pytest.fixture
def family(trainer, tmp_path):
    """Train a network as ``t00000``, and return the actor that trains its children."""

    def make(parent, inherit="shapes", **setup):
        settings = Estimation(max_epochs=2, inherit=inherit)
        actor = trainer(settings=settings, folder=str(tmp_path), **setup)
        actor.run(parent, "t00000")
        actor.heritage = Heritage(tmp_path / HERITAGE)
        return actor

    return make


def begun(actor, config, name, parents=("t00000",)):
    """Let a child train one epoch; its report."""
    actor.heritage.announce(name, parents)
    return actor.begin(config, name).train()


def test_nobody_inherits_unless_asked(trainer, tmp_path):
    actor = trainer(folder=str(tmp_path))
    report = actor.run(NARROW, "t00000")[0]
    assert not {"inherited_from", "inheritance"} & report.keys()
    assert not (tmp_path / HERITAGE).exists()


def test_a_child_of_the_same_shapes_goes_on_where_its_parent_ended(family):
    actor = family(NARROW)
    _, expected = actor.heritage.of("t00000")
    first = begun(actor, NARROW, "t00001")
    assert (first["inherited_from"], first["inheritance"]) == ("t00000", "shapes, 100% of the weights")
    config, state = actor.heritage.of("t00001")
    assert (config, state.keys()) == (NARROW, expected.keys())
    assert "inheritance" not in actor.estimator.train(), "told once"
    learner = actor.estimator._untrained()
    inherit(learner, actor.heritage, "t00001", morph=False)
    assert all(torch.equal(value, expected[name]) for name, value in learner.model.state_dict().items())


def test_a_network_without_parents_begins_anew(family):
    assert "inheritance" not in begun(family(NARROW), NARROW, "t00001", ())


def test_what_agrees_in_shape_is_taken_and_the_rest_is_new(family):
    actor = family(NARROW)
    report = begun(actor, WIDE, "t00001")
    # Of the weights of the wider network only the biases of its outputs have the parent's shape.
    assert report["inheritance"] == f"shapes, {10 / (8 * 9 + 8 + 16 + 32 * 10 + 10):.0%} of the weights"


def test_a_space_without_morphisms_falls_back_to_shapes_and_says_so(family):
    report = begun(family(NARROW, "morphism"), WIDE, "t00001")
    assert report["inheritance"] == (
        "shapes, 2% of the weights; space 'custom' has no changes that keep a function"
    )


def test_a_child_whose_parents_weights_are_gone_starts_fresh_and_says_so(family, metrics):
    actor = family(NARROW)
    plain = begun(actor, WIDE, "t00001", ())
    actor.heritage.keep(["t00002"])
    fresh = begun(actor, WIDE, "t00002", ("t00000", "t00007"))
    assert fresh.pop("inheritance") == "fresh: the weights of t00000 and t00007 are gone"
    assert fresh.pop("inherited_from") is None
    assert metrics([fresh]) == metrics([plain])


def test_damaged_weights_are_as_good_as_gone_and_the_second_parent_steps_in(family):
    actor = family(NARROW)
    (actor.heritage.folder / "t00005.pt").write_bytes(b"half a fi")
    report = begun(actor, NARROW, "t00001", ("t00005", "t00000"))
    assert report["inherited_from"] == "t00000"


def test_only_the_living_stay_on_disk(tmp_path):
    heritage = Heritage(tmp_path)
    for name in ("t00000", "t00001", "t00002"):
        heritage.leave(name, NARROW, {"weight": torch.ones(2)})
        heritage.announce(name, ["t00000"])
    heritage.announce("t00003", [])
    heritage.keep({"t00001", "t00003"})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["t00001.json", "t00001.pt"]
    assert json.loads((tmp_path / "t00001.json").read_text()) == ["t00000"]
    assert heritage.parents_of("t00003") == []


def chain(*layers):
    config = {"depth": len(layers), **HEAD}
    for index in range(2):
        settings = {**LAYER, "activation": "relu", **(layers[index] if index < len(layers) else {})}
        config |= {f"layer{index}.{key}": value for key, value in settings.items()}
    return config


@pytest.fixture
def chains(family):
    return lambda parent: family(parent, "morphism", space=load_space("chain", max_depth=2, widths=[4, 8]))


def test_a_wider_and_deeper_chain_begins_with_its_parents_function(chains):
    actor = chains(chain({}))
    expected = actor.estimator.learner.evaluate()
    actor.heritage.announce("t00001", ["t00000"])
    child = actor.begin(chain({"width": 8}, {"width": 8}), "t00001")
    child.train()
    assert actor.heritage.of("t00001")[0]["layer1.width"] == 8
    # Again, without the epoch of training after it.
    learner = child._untrained()
    told = inherit(learner, actor.heritage, "t00001", morph=True)
    assert told == {"inherited_from": "t00000", "inheritance": "morphism"}
    assert learner.evaluate() == pytest.approx(expected, abs=1e-5)


def test_a_chain_that_cannot_keep_the_function_takes_shapes_and_says_why(chains):
    report = begun(chains(chain({"width": 8}, {"width": 8})), chain({}, {"width": 8}), "t00001")
    assert report["inherited_from"] == "t00000"
    assert report["inheritance"].startswith("shapes, ")
    assert report["inheritance"].endswith("; the width of `layer0` becomes 4, from 8")


def test_a_space_that_says_it_kept_the_function_is_not_believed(family, space):
    space.morph = lambda parent, parent_config, child, *rest: child[0].weight.zero_()
    report = begun(family(NARROW, "morphism"), WIDE, "t00001")
    assert report["inheritance"].startswith("shapes, 2% of the weights; the function is kept only to ")
