"""A space in the constructor of somebody's own network."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import nn

from nas_ray import Choice, InputChoice, Optional, Repeat, SearchSpace, Width
from nas_ray.errors import ConfigError, SpaceError, Unsupported
from nas_ray.spaces import load_space
from nas_ray.spaces.module import ModuleSpace
from nas_ray.tasks import Task
from nas_ray.testing.spaces import SearchSpaceConformance

IMAGES = Task(kind="classification", input_shape=(1, 8, 8), outputs=10)
TABLE = Task(kind="regression", input_shape=(7,), outputs=2)


class Block(nn.Module):
    """Layers with a shortcut, from one or more of three places."""

    def __init__(self, width):
        super().__init__()
        kernel = Choice("kernel", [1, 3])
        self.layers = Choice(
            "op",
            {
                "conv": lambda: nn.Conv2d(width, width, kernel, padding=kernel // 2),
                "narrow": lambda: self.bottleneck(width),
                "pool": lambda: nn.AvgPool2d(3, stride=1, padding=1),
            },
        )
        self.norm = Optional("norm", lambda: nn.BatchNorm2d(width))
        self.inputs = InputChoice("inputs", 3, join="mean")

    def bottleneck(self, width):
        inner = Width("inner", [2, 4])
        return nn.Sequential(nn.Conv2d(width, inner, 1), nn.ReLU(), nn.Conv2d(inner, width, 1))

    def forward(self, x):
        y = self.norm(self.layers(x))
        return torch.relu(self.inputs(y, x, x + y))


class Scaled(nn.Module):
    def __init__(self, factor=1.0):
        super().__init__()
        self.factor = factor


class MyNet(nn.Module):
    """A small network with every kind of decision."""

    def __init__(self, task, stem=4):
        super().__init__()
        self.width = Width("width", [stem, 2 * stem])
        self.stem = nn.Conv2d(task.input_shape[0], self.width, 3, padding=1)
        self.body = Repeat("blocks", range(1, 4), lambda: Block(self.width))
        self.act = Choice("act", [nn.ReLU, nn.GELU])
        self.head = nn.Linear(self.width, task.outputs)

    def forward(self, x):
        return self.head(self.act(self.body(self.stem(x))).mean((2, 3)))


class Repeated(nn.Module):
    """The head decides as the stem does; a block sees its number."""

    def __init__(self, input_shape, outputs):
        super().__init__()
        first, again = Width("width", [4, 8]), Width("width", [4, 8])
        self.layers = nn.Sequential(
            nn.Linear(input_shape[0], first),
            Repeat("blocks", [0, 2], lambda index: nn.Linear(again, again, bias=index == 0)),
            nn.Linear(again, outputs),
        )

    def forward(self, x):
        return self.layers(x)


class Torn(nn.Module):
    def __init__(self):
        super().__init__()
        if Choice("kind", ["one", "two"]) == "one":
            self.layer = Choice("late", [nn.ReLU, nn.GELU])


class TestMyNet(SearchSpaceConformance):
    torch_free = False

    def make_space(self):
        return SearchSpace.from_module(MyNet)

    def make_task(self):
        return IMAGES


class TestRepeated(SearchSpaceConformance):
    torch_free = False

    def make_space(self):
        return SearchSpace.from_module(Repeated)

    def make_task(self):
        return TABLE


def config(**changes):
    space = SearchSpace.from_module(MyNet)
    return {**{key: domain.categories[0] for key, domain in space.domains.items()}, **changes}


def test_the_space_is_collected_from_the_constructor():
    space = SearchSpace.from_module(MyNet)
    assert space.name == "MyNet"
    assert space.domains["blocks"].categories == [1, 2, 3]
    assert space.domains["blocks2.op"].categories == ["conv", "narrow", "pool"]
    assert space.domains["blocks0.inputs"].categories == ["0", "1", "2", "0+1", "0+2", "1+2", "0+1+2"]
    assert space.domains["act"].categories == ["ReLU", "GELU"]
    block = 2 * (1 + 2 + 1) * 2 * 7  # kernel; conv, narrow with two widths, pool; norm; inputs
    assert space.size() == 2 * 2 * (block + block**2 + block**3)


def test_only_what_is_chosen_is_made():
    network = SearchSpace.from_module(MyNet).build(config(**{"blocks0.op": "pool", "act": "GELU"}), IMAGES)
    assert [type(each) for each in network.body[0].layers.modules()] == [nn.AvgPool2d]
    assert isinstance(network.body[0].norm, nn.Identity)
    assert isinstance(network.act, nn.GELU)
    assert sum(weight.numel() for weight in network.parameters()) == (9 * 4 + 4) + (4 * 10 + 10)


def test_what_is_not_chosen_does_not_matter():
    space = SearchSpace.from_module(MyNet)
    active = space.active(config(blocks=2, **{"blocks0.op": "narrow"}))
    assert "blocks0.inner" in active
    assert "blocks1.inner" not in active
    assert {"blocks1.op", "blocks1.inputs"} <= active
    assert not any(key.startswith("blocks2") for key in active)


def test_outside_of_a_search_every_part_takes_its_first_option():
    network = MyNet(IMAGES)
    assert network.width == 4
    assert len(network.body) == 1
    assert network(torch.zeros(2, 1, 8, 8)).shape == (2, 10)


def test_only_blocks_that_need_their_number_get_it():
    """A class with defaults is a block as it stands: the number is no first argument of it."""
    space = SearchSpace.from_module(lambda: Repeat("blocks", [3], Scaled), name="rows")
    assert [block.factor for block in space.build({"blocks": 3}, TABLE)] == [1.0, 1.0, 1.0]
    space = SearchSpace.from_module(lambda: Repeat("blocks", [3], lambda at: Scaled(at)), name="rows")
    assert [block.factor for block in space.build({"blocks": 3}, TABLE)] == [0, 1, 2]


def test_further_named_parameters_are_settings_too():
    def make(outputs, **more):
        return nn.Linear(more["inputs"], Width("w", [outputs, 2 * outputs]))

    space = SearchSpace.from_module(make, inputs=7)
    assert space.build({"w": 20}, TABLE).in_features == 7
    assert space.scale({"w": 20}, inputs=9).build(TABLE).in_features == 9


def test_a_network_is_no_class_of_networks():
    with pytest.raises(ConfigError, match="but got a ReLU; pass the class"):
        SearchSpace.from_module(nn.ReLU())


def test_settings_are_parameters_of_the_constructor():
    small = SearchSpace.from_module(MyNet, stem=2)
    larger = small.scale(config(width=4), stem=4)
    assert larger.build(IMAGES).width == 4
    with pytest.raises(ConfigError, match="no setting 'steam'; did you mean 'stem'"):
        SearchSpace.from_module(MyNet, steam=2)
    with pytest.raises(ConfigError, match="no setting 'steam'"):
        small.scale(config(width=4), steam=4)


def test_a_task_that_the_constructor_does_not_take_is_refused():
    class Square(nn.Module):
        def __init__(self, task):
            super().__init__()
            _, height, width = task.input_shape
            self.layer = nn.Linear(height * width, Width("w", [1, 2]))

    SearchSpace.from_module(Square).check_task(IMAGES)
    with pytest.raises(Unsupported, match=r"'Square' cannot be made for tables of shape \(7,\)"):
        SearchSpace.from_module(Square).check_task(TABLE)


def test_decisions_that_come_and_go_are_refused():
    space = SearchSpace.from_module(Torn)
    assert list(space.domains) == ["kind"]
    with pytest.raises(SpaceError, match="now asks for 'late'; branch with Choice"):
        space.build({"kind": "one"}, IMAGES)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: nn.ReLU(), "must leave something open"),
        (lambda: Choice("a", []), "at least one option"),
        (lambda: Choice("a", [lambda: nn.ReLU(), lambda: nn.GELU()]), "must have names"),
        (lambda: Choice("a", [nn.ReLU(), nn.ReLU()]), "names that differ"),
        (lambda: (Width("a", [1, 2]), Width("a", [1, 3])), "'a' must have the same options"),
        (lambda: Width("a", [0, 2]), "integers of at least 1"),
        (lambda: Width("a", ["wide"]), "integers of at least 1"),
        (lambda: InputChoice("a", 2, choose=3), "must choose from 1 to 2"),
        (lambda: InputChoice("a", 2, join="max"), "`join` must be one of sum, mean, concat, but got 'max'"),
        (lambda: Choice("a", "conv"), "must be a list or a dict, but got 'conv'"),
        (lambda: Choice("train.act", [nn.ReLU, nn.GELU]), "'train.act'; give it another name"),
        (lambda: 1 / 0, "cannot be run: ZeroDivisionError"),
    ],
)
def test_constructors_that_cannot_be(make, words):
    with pytest.raises(SpaceError, match=words):
        _ = SearchSpace.from_module(make, name="wrong").domains


@pytest.mark.parametrize(
    ("join", "expected"), [("sum", [[4.0, 6.0]]), ("mean", [[2.0, 3.0]]), ("concat", [[1.0, 2.0, 3.0, 4.0]])]
)
def test_chosen_inputs_are_joined(join, expected):
    def make():
        return InputChoice("inputs", 3, choose=2, join=join)

    space = SearchSpace.from_module(make)
    assert space.domains["inputs"].categories == ["0+1", "0+2", "1+2"]
    joined = space.build({"inputs": "0+2"}, TABLE)
    tensors = [torch.tensor([[1.0, 2.0]]), torch.tensor([[9.0, 9.0]]), torch.tensor([[3.0, 4.0]])]
    assert joined(*tensors).tolist() == joined(tensors).tolist() == expected
    assert joined.count == 2


def test_a_class_of_modules_is_a_space_by_its_name(tmp_path, monkeypatch):
    (tmp_path / "net_of_mine.py").write_text(
        "from torch import nn\n"
        "from nas_ray import Width\n\n\n"
        "class Net(nn.Linear):\n"
        "    def __init__(self, task, least=2):\n"
        "        super().__init__(task.input_shape[0], Width('width', [least, 5]))\n"
    )
    monkeypatch.chdir(tmp_path)
    space = load_space("net_of_mine:Net", least=3)
    assert isinstance(space, ModuleSpace)
    assert space.domains["width"].categories == [3, 5]


def test_nas_ray_itself_stays_light():
    script = "import sys, nas_ray, nas_ray.spaces.module; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_features_of_what_does_not_matter_are_zeros():
    space = SearchSpace.from_module(MyNet)
    one, other = config(**{"blocks2.op": "pool"}), config(**{"blocks2.op": "conv"})
    assert np.array_equal(space.features(one), space.features(other))
