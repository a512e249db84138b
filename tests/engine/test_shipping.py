"""Code of one's own reaches a process that has none of its files, as one on another node."""

import importlib
import subprocess
import sys

import pytest
from ray import cloudpickle

from nas_ray.engine.shipping import ship

FILES = {
    "shipped_factors": "THREE = 3\n",
    "shipped_blocks": "import shipped_factors\n\ndef units(size):\n    return size * shipped_factors.THREE\n",
    "shipped_package/__init__": "",
    "shipped_package/losses": "from shipped_factors import THREE\ndef loss():\n    return {'loss': THREE}\n",
    "shipped_space": """
from functools import partial

import numpy as np
from ray import tune

import shipped_blocks
from nas_ray import SearchSpace
from shipped_package.losses import loss


class Mine(SearchSpace):
    def param_space(self):
        return {"size": tune.choice([1, 2])}

    def build(self, config, task):
        return np.full(config["size"], shipped_blocks.units(config["size"]))


def epoch(learner):
    return loss()


def add(one, config, task):
    return one + loss()["loss"]


function = SearchSpace.from_function({"size": tune.choice([1])}, partial(add, 1))
""",
    "shipped_ring": "import shipped_ring_too\n\ndef f():\n    return shipped_ring_too.g()\n",
    "shipped_ring_too": "import shipped_ring\n\ndef g():\n    return shipped_ring\n",
}


@pytest.fixture
def mine(tmp_path, monkeypatch):
    """A folder of modules of one's own, on the path of this process alone."""
    for name, text in FILES.items():
        path = tmp_path / f"{name}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield importlib.import_module
    for name in [name for name in sys.modules if name.startswith("shipped_")]:
        if name in cloudpickle.list_registry_pickle_by_value():
            cloudpickle.unregister_pickle_by_value(sys.modules[name])
        del sys.modules[name]


def elsewhere(thing, expression, tmp_path):
    """Evaluate ``expression`` of a thing in a process that cannot import the modules."""
    pickled = tmp_path / "pickled"
    pickled.write_bytes(cloudpickle.dumps(thing))
    script = f"import pickle; thing = pickle.load(open({str(pickled)!r}, 'rb')); print({expression})"
    done = subprocess.run([sys.executable, "-c", script], cwd="/", capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.strip()


def test_modules_that_a_space_and_a_learner_import_travel_with_them(mine, tmp_path):
    from nas_ray.estimation.learner import Learner

    module = mine("shipped_space")
    things = (module.Mine(), module.function, Learner.from_function(module.epoch))
    ship(*things)
    expression = "thing[0].build({'size': 2}, None), thing[1].build({}, None), thing[2].train_epoch(None)"
    assert elsewhere(things, expression, tmp_path) == "[6 6] 4 {'loss': 3}"


def test_installed_packages_do_not_travel(mine):
    before = set(cloudpickle.list_registry_pickle_by_value())
    ship(mine("shipped_space").Mine())
    added = {name for name in cloudpickle.list_registry_pickle_by_value() if name not in before}
    assert added == {"shipped_space", "shipped_blocks", "shipped_factors"}


def test_what_an_installer_put_into_a_folder_of_its_own_does_not_travel(mine, tmp_path):
    """As ``pip install --target`` does: the folder holds what was installed by name and version."""
    (tmp_path / "shipped-1.0.dist-info").mkdir()
    before = set(cloudpickle.list_registry_pickle_by_value())
    ship(mine("shipped_space").Mine())
    assert set(cloudpickle.list_registry_pickle_by_value()) == before


def test_modules_that_cannot_be_pickled_are_left_to_be_imported(mine):
    module = mine("shipped_ring")
    with pytest.warns(
        UserWarning, match=r"shipped_ring, shipped_ring_too cannot be pickled .* on every node"
    ):
        ship(module.f)
    assert cloudpickle.loads(cloudpickle.dumps(module.f)) is module.f
