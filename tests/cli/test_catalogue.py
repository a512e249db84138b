"""What is installed, as the command line shows it."""

from nas_ray import catalogue
from nas_ray.strategies.evolution import Evolution


def test_spaces_are_listed_with_a_line_each(ask):
    answer = ask("spaces")
    assert answer.code == 0
    names = [line.split()[0] for line in answer.out.splitlines()]
    assert {"chain", "mlp"} <= set(names)
    assert all(len(line.split()) > 3 for line in answer.out.splitlines())


def test_a_space_is_shown_with_options_size_keys_and_a_sample(ask):
    answer = ask("spaces", "mlp")
    assert answer.code == 0
    for text in ("space.max_depth=4", "space.dropouts=[0.0, 0.1", "configurations", "depth: 1, 2, 3, 4"):
        assert text in answer.out
    assert "layer*.units (4 keys): 16, 32, 64, 128, 256" in answer.out
    assert "-> dense to the outputs" in answer.out


def test_a_space_is_shown_with_its_source_rules_and_members(ask):
    answer = ask("spaces", "chain")
    assert "source:\n  https://arxiv.org/abs/1808.05377\n" in answer.out
    assert "of random draws break one, such as\n  - no pooling first: `layer0.op` must be" in answer.out
    assert "inputs:\n  images\n" in answer.out
    answer = ask("spaces", "nasbench201")
    assert "members:\n  resnet\n" in answer.out
    assert "rules:\n  every configuration is valid" in answer.out


def test_a_network_of_ones_own_is_shown_by_its_module(ask, tmp_path, monkeypatch):
    (tmp_path / "shown_net.py").write_text(
        "from torch import nn\nfrom nas_ray import Width\n\n\n"
        "class Net(nn.Sequential):\n"
        '    """A line of mine."""\n\n'
        "    def __init__(self, task, least=2):\n"
        "        super().__init__(nn.Flatten(), nn.LazyLinear(Width('width', [least, 8])))\n"
    )
    monkeypatch.chdir(tmp_path)
    answer = ask("spaces", "shown_net:Net")
    assert answer.out.startswith("A line of mine.\n")
    assert "options:\n  space.least=2\n" in answer.out
    assert "width: 2, 8" in answer.out


def test_a_strategy_is_shown_with_its_own_options_and_those_of_all(ask):
    answer = ask("strategies", "evolution")
    assert answer.code == 0
    for text in ("strategy.population_size=16", "strategy.crossover_rate=0.25", "strategy.repeats=false"):
        assert text in answer.out
    assert "strategy.space" not in answer.out
    assert ":attr:" not in answer.out


def test_strategies_are_listed(ask):
    names = {line.split()[0] for line in ask("strategies").out.splitlines()}
    assert {"random", "evolution", "optuna", "controller"} <= names


def test_stopping_rules_are_listed_and_shown(ask):
    names = {line.split()[0] for line in ask("stopping").out.splitlines()}
    assert {"asha", "asha-promote", "hyperband", "learning-curve", "median", "none"} <= names
    answer = ask("stopping", "asha")
    assert "options:\n  stopping.grace_period=1\n  stopping.reduction_factor=3\n" in answer.out
    assert "source:\n  https://arxiv.org/abs/1810.05934\n" in answer.out
    assert ask("stopping", "nas_ray.strategies.evolution:Evolution").err.startswith(
        "error: stopping rule 'nas_ray.strategies.evolution:Evolution' must be a StoppingRule class, but is"
    )


def test_an_unknown_name_offers_the_nearest(ask):
    answer = ask("strategies", "evolutoin")
    assert (answer.code, answer.out) == (2, "")
    assert answer.err == "error: no strategy is called 'evolutoin'; did you mean 'evolution'?\n"


def test_options_follow_the_bases_and_leave_out_what_a_run_gives():
    options = catalogue.options(Evolution)
    assert options["sample_size"] == 8
    assert "points_to_evaluate" in options
    assert not {"space", "metric", "mode", "objectives", "seed", "task"} & options.keys()


def test_sizes_are_readable():
    assert catalogue.size_text(12_000) == "12,000"
    assert catalogue.size_text(32 * 10**20) == "3.20e+21"
    assert catalogue.size_text(float("inf")) == "infinitely many"
