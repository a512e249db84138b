"""Wider and deeper chains begin as their parent."""

import numpy as np
import pytest
import torch

from nas_ray.errors import Unsupported
from nas_ray.spaces import load_space
from nas_ray.tasks import Task

TASK = Task(kind="classification", input_shape=(1, 8, 8), outputs=10)
CHAIN = load_space("chain", widths=[4, 8, 16, 24, 32, 48])
CONV = {
    "op": "conv",
    "kernel": 3,
    "stride": 1,
    "width": 16,
    "activation": "relu",
    "norm": "batch",
    "skip": False,
}
HEAD = {"head.pooling": "avg", "head.dense": 1, "head.units": 32, "head.dropout": 0.1}


def chain(*layers, **changed):
    """A configuration of these layers, each a convolution with some settings of its own."""
    config = {"depth": len(layers), **HEAD}
    for index in range(6):
        settings = {**CONV, **(layers[index] if index < len(layers) else {})}
        config |= {f"layer{index}.{key}": value for key, value in settings.items()}
    return CHAIN.check({**config, **{key.replace("_", ".", 1): value for key, value in changed.items()}})


def trained(config, seed=0):
    """A network whose norms and biases are not what they begin with."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = CHAIN.build(config, TASK)
        network(torch.randn(32, *TASK.input_shape))
        for weight in network.parameters():
            weight.data.add_(0.1 * torch.randn_like(weight))
    return network.eval()


def morphed(parent_config, config, seed=0):
    """The outputs of both on a batch, and the child."""
    parent, child = trained(parent_config, seed), trained(config, seed + 1)
    inputs = torch.randn(16, *TASK.input_shape, generator=torch.Generator().manual_seed(seed))
    with torch.no_grad():
        CHAIN.morph(parent, parent_config, child, config, inputs, np.random.default_rng(seed))
        return parent(inputs), child(inputs), child


KEPT = {
    "wider": (chain({}, {}), chain({"width": 48}, {})),
    "wider before a separable layer": (
        chain({}, {"op": "separable"}),
        chain({"width": 24}, {"op": "separable"}),
    ),
    "wider without a norm": (chain({"norm": "none"}, {}), chain({"norm": "none", "width": 24}, {})),
    "wider in whole groups": (chain({"norm": "group"}, {}), chain({"norm": "group", "width": 48}, {})),
    "wider before a pooling": (chain({}, {"op": "max_pool"}), chain({"width": 32}, {"op": "max_pool"})),
    "wider before a shortcut": (chain({}, {"skip": True}), chain({"width": 32}, {"skip": True})),
    "wider with a shortcut": (chain({}, {"skip": True}), chain({}, {"skip": True, "width": 32})),
    "both sides of a shortcut": (
        chain({}, {"skip": True, "width": 24}),
        chain({"width": 24}, {"skip": True, "width": 48}),
    ),
    "wider before a flat head": (
        chain({}, head_pooling="flatten"),
        chain({"width": 24}, head_pooling="flatten"),
    ),
    "wider with another activation": (
        chain({"activation": "gelu"}),
        chain({"activation": "gelu", "width": 24}),
    ),
    "deeper": (chain({}), chain({}, {}, {"width": 24})),
    "deeper by a separable layer": (chain({}), chain({}, {"op": "separable", "kernel": 5})),
    "deeper by a layer without a norm": (chain({}), chain({}, {"norm": "none"})),
    "deeper by a layer with a shortcut": (chain({}), chain({}, {"norm": "group", "skip": True})),
    "deeper and wider by a layer with a shortcut": (chain({}), chain({}, {"skip": True, "width": 32})),
    "a larger kernel": (
        chain({}, {"op": "separable"}),
        chain({"kernel": 5}, {"op": "separable", "kernel": 5}),
    ),
    "a new shortcut through a convolution": (chain({}), chain({"skip": True})),
    "wider in the head": (chain({}), chain({}, head_units=128)),
    "deeper in the head": (chain({}), chain({}, head_dense=2)),
    "another dropout": (chain({}), chain({}, head_dropout=0.3)),
}


@pytest.mark.parametrize("case", KEPT)
def test_the_function_is_kept(case):
    before, after, _ = morphed(*KEPT[case])
    assert before.std() > 1e-3, "a constant would be kept by anything"
    assert (before - after).abs().max() <= 1e-5 * max(1.0, float(before.abs().max()))


REFUSED = {
    "narrower": (
        chain({}),
        chain({"width": 8}),
        "width of `layer0` becomes 8, from 16",
    ),
    "depth": (chain({}, {}), chain({}), "`depth` 2 becomes 1"),
    "kernel": (chain({"kernel": 5}), chain({}), "`layer0.kernel` 5 becomes 3"),
    "norm": (chain({}), chain({"norm": "group"}), "`layer0.norm` batch becomes group"),
    "activation": (chain({}), chain({"activation": "silu"}), "`layer0.activation` relu becomes silu"),
    "stride": (chain({}), chain({"stride": 2}), "`layer0.stride` 1 becomes 2"),
    "pooling": (chain({}), chain({}, {"op": "avg_pool"}), "`layer1` becomes avg_pool"),
    "head": (chain({}), chain({}, head_pooling="max"), "`head.pooling` avg becomes max"),
    "fewer": (chain({}), chain({}, head_dense=0), "`head.dense` 1 becomes 0"),
    "groups": (
        chain({"norm": "group", "width": 32}),
        chain({"norm": "group", "width": 48}),
        "group norm of `layer0` would join",
    ),
    "deeper after gelu": (
        chain({"activation": "gelu"}),
        chain({"activation": "gelu"}, {}),
        "no relu after a relu",
    ),
    "deeper by gelu": (chain({}), chain({}, {"activation": "gelu"}), "no relu after a relu"),
    "deeper with stride": (chain({}), chain({}, {"stride": 2}), "new and has stride 2"),
    "deeper with groups": (chain({}), chain({}, {"norm": "group"}), "group norm and no shortcut"),
    "shortcut gone": (chain({"skip": True}), chain({}), "`layer0.skip` is gone"),
    "a new identity": (chain({}, {}), chain({}, {"skip": True}), "had no shortcut and hands on"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_kept_is_refused_in_words(case):
    parent, child, words = REFUSED[case]
    with pytest.raises(Unsupported, match=words):
        morphed(parent, child)


def test_of_random_mutations_each_is_kept_exactly_or_refused():
    rng, kept = np.random.default_rng(5), 0
    for seed in range(60):
        parent = CHAIN.sample(rng, TASK)
        try:
            before, after, _ = morphed(parent, CHAIN.mutate(parent, rng, TASK), seed)
        except Unsupported:
            continue
        kept += 1
        assert (before - after).abs().max() <= 1e-5 * max(1.0, float(before.abs().max()))
    assert kept >= 5


def test_copies_do_not_stay_equal_in_training():
    _, outputs, child = morphed(chain({}, {}), chain({"width": 48}, {}))
    assert outputs.shape == (16, 10)
    weight = child[0].body[0].weight
    assert len(torch.unique(weight.detach().flatten(1), dim=0)) == 16, "copies begin equal"
    inputs = torch.randn(16, *TASK.input_shape, generator=torch.Generator().manual_seed(1))
    child.train()(inputs).square().sum().backward()
    with torch.no_grad():
        weight.sub_(0.01 * weight.grad)
    assert len(torch.unique(weight.detach().flatten(1), dim=0)) == 48
