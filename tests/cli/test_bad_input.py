"""Bad input: one line that says the rule, the value and the way out; nothing is made, nothing is lost."""

import urllib.request
from urllib.error import URLError

import numpy as np
import pytest

SPACES = """
from ray import tune
from nas_ray.spaces import SearchSpace


class Nothing(SearchSpace):
    name = "nothing"

    def param_space(self):
        return {"width": tune.choice([1, 2])}

    def build(self, config, task):
        raise NotImplementedError

    def violations(self, config, task=None):
        return ["no width is wide enough"]


class Keyless(Nothing):
    def param_space(self):
        return {}


thing = 7
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The current folder, with a few files of a user's own."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "odd_spaces_of_mine.py").write_text(SPACES)
    (tmp_path / "broken.yaml").write_text("space: [chain\n")
    (tmp_path / "list.yaml").write_text("- space\n")
    (tmp_path / "twice.yaml").write_text("run:\n  trials: 1\n  trials: 2\n")
    (tmp_path / "text.npz").write_text("no arrays at all")
    (tmp_path / "a-file").write_text("in the way of a folder")
    return tmp_path


def refused(ask, folder, *words):
    """Ask, and return the one line of error after checking that nothing was made."""
    before = sorted(folder.rglob("*"))
    answer = ask("search", *words)
    assert answer.code in (1, 2)
    assert answer.out == ""
    assert answer.err.startswith("error: ")
    assert answer.err.count("\n") == 1
    after = [path for path in sorted(folder.rglob("*")) if "__pycache__" not in path.parts]
    assert after == before
    return answer


@pytest.mark.parametrize(
    ("words", "texts"),
    [
        (["run.trails=5"], ["`run.trails`", "'trials'"]),
        (["rum.trials=5"], ["`rum`", "'run'"]),
        (["--set", "resources.cpu_per_trial=1"], ["`resources.cpu_per_trial`", "'cpus_per_trial'"]),
        (["--space", "chian"], ["'chian'", "'chain'"]),
        (["--strategy", "evolutoin"], ["'evolutoin'", "'evolution'"]),
        (["--stopping", "ahsa"], ["'ahsa'", "'asha'"]),
        (["--data", "digts"], ["'digts'", "'digits'"]),
        (["--strategy", "evolution", "strategy.population=5"], ["'population'", "'population_size'"]),
        (
            ["--strategy", "evolution", "strategy.population_size=big"],
            ["`population_size` of strategy 'evolution' must be an integer, but got 'big'"],
        ),
        (["--strategy", "evolution", "strategy.sample_size=1.5"], ["must be an integer, but got 1.5"]),
        (["strategy.max_fidelity=x"], ["`max_fidelity`", "must be a finite number or none, but got 'x'"]),
        (["space.max_depth=true"], ["`max_depth` of search space 'chain' must be an integer, but got True"]),
        (["strategy.objectives=[{metric: a}]"], ["`strategy.objectives`", "follows from `objective`"]),
        (["--strategy", "random", "strategy.x=1"], ["'x'; it must be one of max_fidelity, points_to_ev"]),
        (
            ["--stopping", "asha", "stopping.reduction_factor=.nan"],
            ["'asha' must be a finite number, but got nan"],
        ),
        (
            ["--stopping", "asha", "stopping.reduction_factor=.inf"],
            ["'asha' must be a finite number, but got inf"],
        ),
        (["stopping.reduction_factor=1"], ["`stopping.reduction_factor`"]),
        (["--trials", "0"], ["`run.trials` must be at least 1, but got 0"]),
        (["--epochs", "0"], ["`run.epochs` must be at least 1, but got 0"]),
        (["--max-epochs", "0"], ["`estimation.max_epochs` must be at least 1, but got 0"]),
        (["--time-budget", "-3"], ["`run.time_budget` must be greater than 0.0, but got -3.0"]),
        (["--concurrency", "0"], ["`resources.concurrency` must be at least 1"]),
        (["--gpus-per-trial", "-1"], ["`resources.gpus_per_trial` must be at least 0"]),
        (["--seed", "-1"], ["`run.seed` must be at least 0"]),
        (["run.trials=many"], ["`run.trials` must be an integer, but got 'many'"]),
        (["estimation.data_share=1.5"], ["must be at most 1"]),
        (["estimation.learning_rate=.inf"], ["`estimation.learning_rate` must be a finite number"]),
        (["run.time_budget=.inf"], ["`run.time_budget` must be a finite number, but got inf"]),
        (["objective=val_acc"], ["`objective` must be a list, such as [{metric: val_acc, mode: max}]"]),
        (["estimation.learner=json:loads"], ["`learner` must be a subclass of nas_ray.Learner", "<function"]),
        (["estimation.learner=json:JSONDecoder"], ["`learner` must be a subclass", "JSONDecoder"]),
        (
            ["--space", "mlp", "estimation.resolution=100000", "--dry-run"],
            ["must fit into memory, but with inputs 1 x 100000 x 100000", "smaller `estimation.resolution`"],
        ),
        (["--name", "a/b"], ["`run.name`", "without slashes"]),
        (["--address", "ray://head:10001"], ["ray://", "scripts/submit.sh"]),
        (["run.seed=1", "again"], ["`key=value`", "'again'"]),
        (["no-such.yaml"], ["'no-such.yaml'", "No such file"]),
        (["list.yaml"], ["must be a mapping"]),
        (["twice.yaml"], ["a key must stand once in a block, but 'trials' stands again in line 3"]),
        (["strategy={name: random, name: auto}"], ["'name' stands again in line 1"]),
        (["--space", "no_such_module:Space"], ["'no_such_module:Space' cannot be imported"]),
        (["--space", "odd_spaces_of_mine:Nothings"], ["cannot be imported", "Nothings"]),
    ],
)
def test_what_cannot_be_asked_is_exit_code_2(ask, folder, words, texts):
    answer = refused(ask, folder, *words)
    assert answer.code == 2
    for text in texts:
        assert text in answer.err


def test_a_flag_of_another_type_is_a_usage_error(ask, folder):
    answer = ask("search", "--trials", "many")
    assert answer.code == 2
    assert "'--trials'" in answer.err
    assert "valid integer" in answer.err


@pytest.mark.parametrize(("name", "text"), [("Nothing", "no width is wide enough"), ("Keyless", "empty")])
def test_an_empty_space(ask, folder, name, text):
    answer = refused(ask, folder, "--space", f"odd_spaces_of_mine:{name}")
    assert answer.code == 1
    assert text in answer.err


def arrays(**changes):
    rng = np.random.default_rng(0)
    plain = {}
    for part, count in (("train", 20), ("val", 10), ("test", 10)):
        plain[f"x_{part}"] = rng.random((count, 4, 4), dtype=np.float32)
        plain[f"y_{part}"] = np.arange(count) % 2
    return {**plain, **changes}


@pytest.mark.parametrize(
    ("changes", "texts"),
    [
        ({"x_val": np.zeros((9, 4, 4), np.float32)}, ["x_val", "y_val", "9", "10"]),
        ({"x_test": np.zeros((10, 5, 5), np.float32)}, ["x_test", "5"]),
        ({"x_train": np.full((20, 4, 4), np.nan, np.float32)}, ["x_train", "NaN"]),
        ({"y_train": np.arange(20) % 2 - 1}, ["y_train", "-1"]),
        ({"y_train": np.arange(20) % 3 * 1000}, ["from 0 to 2", "0, 1000, 2000 (missing: 1, 2)", "unique"]),
        ({"y_train": np.arange(20) % 3 + 1}, ["from 0 to 2", "1, 2, 3 (missing: 0)"]),
        ({"y_train": np.arange(20) % 2 * 10**9}, ["from 0 to 1", "missing: 1"]),
    ],
)
def test_arrays_that_do_not_fit(ask, folder, changes, texts):
    np.savez(folder / "mine.npz", **arrays(**changes))
    answer = refused(ask, folder, "--data", "npz:mine.npz")
    assert answer.code == 1
    for text in texts:
        assert text.casefold() in answer.err.casefold()


def test_data_that_a_space_cannot_serve(ask, folder):
    rows = {
        f"x_{part}": np.zeros((count, 7), np.float32)
        for part, count in (("train", 20), ("val", 10), ("test", 10))
    }
    np.savez(folder / "rows.npz", **arrays(**rows))
    answer = refused(ask, folder, "--space", "chain", "--data", "npz:rows.npz")
    assert answer.code == 2
    assert "space 'chain' takes images, but got tables of shape (7,)" in answer.err
    assert "`nas-ray spaces`" in answer.err


def test_constraints_that_no_network_keeps(ask, folder):
    (folder / "rules_of_mine.py").write_text("def shallow(config, task):\n    return config['depth'] < 1\n")
    rules = ["constraints.rules=rules_of_mine:shallow", "constraints.depth=4"]
    answer = refused(ask, folder, "--space", "mlp", *rules)
    assert answer.code == 2
    assert (
        "rule `rules_of_mine:shallow` rejects 100%, `depth` at most 4 (the least is 2) rejects" in answer.err
    )
    assert "loosen `rules_of_mine:shallow`" in answer.err


def test_points_to_evaluate_that_are_no_members(ask, folder):
    points = "strategy.points_to_evaluate=[{depht: 2, layer0.units: 3, layer0.norm: tall}]"
    answer = refused(ask, folder, "--space", "mlp", "--strategy", "random", "space.max_depth=1", points)
    assert answer.code == 1
    for text in (
        "unknown: ['depht']",
        "'depth'",
        "'layer0.skip'",
        "'layer0.units' must be in",
        "'layer0.norm' must",
    ):
        assert text in answer.err


@pytest.mark.parametrize("name", ["npz:missing.npz", "npz:text.npz", "folder:missing"])
def test_data_that_are_missing_or_damaged(ask, folder, name):
    answer = refused(ask, folder, "--data", name)
    assert answer.code == 1
    assert name.partition(":")[2] in answer.err


def test_no_network_for_a_download(ask, folder, monkeypatch):
    def no_network(*arguments, **options):
        raise URLError("no network")

    monkeypatch.setattr(urllib.request, "urlopen", no_network)
    answer = ask("search", "--data", "torchvision:MNIST", f"data.root={folder / 'downloads'}")
    assert answer.code == 1
    assert answer.err.startswith("error: ")
    assert "MNIST" in answer.err
    assert not (folder / "runs").exists()


def test_a_folder_that_cannot_be_made(ask, folder):
    answer = refused(ask, folder, "--runs-dir", "a-file/runs")
    assert answer.code == 1
    assert "`run.dir`" in answer.err
    assert "is not a folder" in answer.err


@pytest.mark.parametrize("address", ["s3://bucket/runs", "gs:/bucket"])
def test_runs_at_an_address(ask, folder, address):
    answer = refused(ask, folder, "--runs-dir", address)
    assert answer.code == 1
    assert f"`run.dir` must be a folder that every node sees, but got the address '{address}'" in answer.err
    assert "mount the bucket" in answer.err


def test_yaml_that_is_none(ask, folder):
    answer = ask("search", "broken.yaml")
    assert answer.code == 2
    assert "must be YAML" in answer.err


@pytest.mark.parametrize("verb", ["resume", "status", "results"])
def test_a_run_that_does_not_exist_offers_the_nearest(ask, folder, verb):
    (folder / "runs" / "first").mkdir(parents=True)
    answer = ask(verb, "frist")
    assert (answer.code, answer.out) == (1, "")
    assert answer.err == "error: there is no run 'frist', neither here nor in 'runs'; did you mean 'first'?\n"
    assert ask(verb, "first").err.startswith("error: ")  # a folder, but no run


def test_a_key_that_a_resume_cannot_change(ask, folder):
    answer = ask("resume", "one", "run.trial=9")
    assert answer.code == 2
    assert "'run.trials'" in answer.err


def test_errors_come_with_their_traceback_on_demand(ask, folder, monkeypatch):
    from nas_ray.errors import ConfigError

    monkeypatch.setenv("NAS_RAY_DEBUG", "1")
    with pytest.raises(ConfigError):
        ask("search", "--trials", "0")


@pytest.mark.parametrize("variable", [None, "RAY_ADDRESS"])
def test_a_cluster_that_cannot_be_reached(execute, folder, variable):
    before = sorted(folder.rglob("*"))
    address = {variable: "127.0.0.1:1"} if variable else {}
    words = [] if variable else ["--address", "127.0.0.1:1"]
    answer = execute("search", "--space", "mlp", *words, folder=folder, **address)
    assert answer.code == 1
    assert answer.err.startswith("error: no Ray cluster can be reached at '127.0.0.1:1'")
    assert "ray start --head" in answer.err
    assert sorted(folder.rglob("*")) == before
