"""Names of a run's parts in its record, and parts that cannot be."""

import subprocess
import sys

import pytest

import nas_ray
from nas_ray import Learner, SearchSpace
from nas_ray.config import load_config
from nas_ray.engine import run_folder
from nas_ray.errors import ConfigError
from nas_ray.parts import make_parts, name_of
from nas_ray.searchspaces.mlp import MLP
from nas_ray.strategies.evolution import Evolution


def epoch(learner):
    return learner.train_epoch()


def local_class():
    class Local(Learner):
        pass

    return Local


@pytest.mark.parametrize(
    ("thing", "name"),
    [
        ("chain", "chain"),
        (MLP, "nas_ray.searchspaces.mlp:MLP"),
        (MLP(), "<nas_ray.searchspaces.mlp:MLP>"),
        (Learner.from_function(epoch), "<nas_ray.estimation.learner:CustomLearner>"),
        (local_class(), f"<{__name__}:local_class.<locals>.Local>"),
        (lambda: None, f"<{__name__}:<lambda>>"),
    ],
)
def test_only_what_a_later_process_can_import_is_recorded_by_name(thing, name):
    assert name_of(thing) == name


def test_what_a_script_defines_has_no_name():
    script = "from nas_ray.parts import name_of\nclass InMain: pass\nprint(name_of(InMain))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "<__main__:InMain>\n"


def test_a_learner_that_has_no_name_is_to_be_handed_over_again():
    config = load_config(None, {"estimation.learner": name_of(Learner.from_function(epoch))})
    with pytest.raises(ConfigError, match=r"hand it over again: nas_ray\.resume\(run, learner=\.\.\.\)"):
        make_parts(config)
    learner = Learner.from_function(epoch)
    assert make_parts(config, {"learner": learner}).learner is learner


@pytest.mark.parametrize("learner", [3, 0, epoch, SearchSpace])
def test_a_learner_that_is_none_is_refused_before_the_start(learner, tmp_path):
    with pytest.raises(ConfigError, match=r"`learner` must be a subclass of nas_ray.Learner, but is .*from_"):
        nas_ray.search(learner=learner, runs_dir=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_options_of_a_class_are_checked_as_those_of_a_name():
    config = load_config(None, ["strategy.sample_size=1.5"])
    with pytest.raises(ConfigError, match=r"`sample_size` of strategy 'Evolution' must be an integer"):
        make_parts(config, {"strategy": Evolution})


@pytest.mark.parametrize(
    ("space", "strategy", "begin"),
    [
        ("chain", "auto", "chain-auto-"),
        ("<custom:CustomSpace>", "<m:f.<locals>.Mine-2>", "customspace-mine-2-"),
    ],
)
def test_the_folder_of_a_run_has_a_plain_name(space, strategy, begin, tmp_path):
    names = {"space.name": space, "strategy.name": strategy, "run.dir": str(tmp_path)}
    name = run_folder.create(load_config(None, names)).name
    assert name.startswith(begin)
    assert not set(name) & set("<>:.")
