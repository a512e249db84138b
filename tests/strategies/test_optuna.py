import subprocess
import sys
from typing import Any

import optuna
import pytest
from optuna.trial import FrozenTrial, TrialState
from ray import tune

from nas_ray.errors import ConfigError, UnknownName
from nas_ray.spaces import CustomSpace
from nas_ray.strategies.optuna import OptunaStrategy
from nas_ray.strategies.optuna_domains import axis_of
from nas_ray.testing.awkward import NAMES, awkward_space
from nas_ray.testing.driving import EPOCHS, METRIC, Live, drive, start, text

SAMPLERS = ["tpe", "random", "qmc", "nsgaii", "NSGAIIISampler"]


def strategy(name: str = "mixed", **options: Any) -> OptunaStrategy:
    return OptunaStrategy(awkward_space(name), METRIC, "max", 0, max_fidelity=EPOCHS, **options)


def told(one: OptunaStrategy) -> list[FrozenTrial]:
    assert one.study is not None
    return one.study.get_trials()


def ended(result: dict[str, Any] | None, error: bool = False) -> FrozenTrial:
    one, live = strategy(), Live()
    start(one, live)
    for epoch in (1, 2):
        one.on_trial_result(live[0][0], {METRIC: epoch / 10, "training_iteration": epoch})
    one.on_trial_complete(live[0][0], result, error)
    return told(one)[0]


def test_a_finished_trial_is_complete_with_its_curve() -> None:
    trial = ended({METRIC: 0.9, "training_iteration": EPOCHS})
    assert trial.state == TrialState.COMPLETE
    assert trial.value == 0.9
    assert trial.intermediate_values == {1: 0.1, 2: 0.2, 4: 0.9}


def test_a_stopped_trial_is_pruned_at_its_own_epoch() -> None:
    trial = ended({METRIC: 0.95, "training_iteration": 3})
    assert trial.state == TrialState.PRUNED
    assert trial.last_step == 3
    assert trial.intermediate_values == {1: 0.1, 2: 0.2, 3: 0.95}


@pytest.mark.parametrize(
    ("result", "error"),
    [
        (None, True),
        (None, False),
        ({METRIC: float("nan"), "training_iteration": EPOCHS}, False),
    ],
)
def test_failed_lost_diverged_and_infeasible_trials_fail(result: dict[str, Any] | None, error: bool) -> None:
    assert ended(result, error).state == TrialState.FAIL


def test_the_study_maximises_whatever_the_mode() -> None:
    one, live = OptunaStrategy(awkward_space("mixed"), "loss", "min", 0), Live()
    start(one, live)
    one.on_trial_complete(live[0][0], {"loss": 0.25})
    assert one.study is not None
    assert one.study.direction.name == "MAXIMIZE"
    assert told(one)[0].value == -0.25


def test_a_known_network_is_told_what_is_known_or_that_it_runs() -> None:
    domains = {"op": tune.choice(["a", "b"])}
    one, live = OptunaStrategy(CustomSpace(domains), METRIC, "max", 0, max_fidelity=EPOCHS), Live()
    start(one, live)
    start(one, live)
    start(one, Live())
    known = [proposal.number for proposal in one.memory.proposals if proposal.outcome == "cached"]
    assert {told(one)[number].state for number in known} == {TrialState.FAIL}
    one.on_trial_complete(live[0][0], {METRIC: 0.9, "training_iteration": EPOCHS})
    one.on_trial_complete(live[1][0], {METRIC: 0.8, "training_iteration": 1})
    start(one, Live())
    states = {trial.state for trial in told(one)[known[-1] + 1 :]}
    assert states <= {TrialState.COMPLETE, TrialState.PRUNED}
    assert {trial.value for trial in told(one)[known[-1] + 1 :]} <= {0.9, 0.8}


def test_a_running_trial_is_running_in_the_study() -> None:
    one, live = strategy(), Live()
    start(one, live, 3)
    assert [trial.state for trial in told(one)] == [TrialState.RUNNING] * 3


def test_warm_starts_are_enqueued() -> None:
    point = awkward_space("mixed").sample(strategy().generator(5))
    one, live = strategy(points_to_evaluate=[point]), Live()
    start(one, live)
    assert told(one)[0].system_attrs["fixed_params"] == told(one)[0].params


def test_an_infeasible_network_is_the_worst_there_is() -> None:
    """TPE looks where l(x) / g(x) is large: what is pruned before a report is among g(x)."""
    trial = ended({"outcome": "infeasible"})
    assert trial.state == TrialState.PRUNED
    assert trial.intermediate_values == {}


def test_it_learns_to_keep_rules() -> None:
    """Half of all configurations break the rule; of the last 40 proposals few do."""
    params = {f"x{at}": tune.randint(0, 10) for at in range(4)}
    space = CustomSpace(params, violations=lambda config, task: ["too large"] if config["x0"] > 4 else [])
    one = OptunaStrategy(space, METRIC, "max", 0, max_fidelity=EPOCHS)
    drive(one, 80)
    broken = [proposal.outcome == "infeasible" for proposal in one.memory.proposals]
    assert sum(broken[-40:]) < 8


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_every_sampler_is_driven_and_replayed(sampler: str) -> None:
    one, live = strategy(sampler=sampler), Live()
    drive(one, 70, workers=3, live=live)
    copy = strategy(sampler=sampler)
    copy.replay(one._events)
    assert text(drive(copy, 10, workers=100)) == text(drive(one, 10, workers=100))


def test_cma_es_is_driven_and_replayed() -> None:
    pytest.importorskip("cmaes")
    one = strategy("floats", sampler="cma-es")
    drive(one, 40, workers=3)
    copy = strategy("floats", sampler="cma-es")
    copy.replay(one._events)
    assert text(drive(copy, 5, workers=100)) == text(drive(one, 5, workers=100))


def test_a_missing_package_is_named() -> None:
    try:
        import cmaes  # noqa: F401
    except ImportError:
        with pytest.raises(ConfigError, match="cmaes"):
            drive(strategy("floats", sampler="CmaEs"), 30)


def test_a_gaussian_process_is_driven() -> None:
    one = strategy(sampler="gp", sampler_options={"n_startup_trials": 4})
    assert len(drive(one, 8)) == 8


def test_an_unknown_sampler_gets_the_nearest_name() -> None:
    with pytest.raises(UnknownName, match="did you mean 'nsgaii'"):
        strategy(sampler="nsga2i")


@pytest.mark.parametrize("sampler", ["grid", "bruteforce", "partialfixed", "base"])
def test_samplers_that_end_a_study_are_not_offered(sampler: str) -> None:
    with pytest.raises(UnknownName):
        strategy(sampler=sampler)


def test_unknown_sampler_options_are_refused_before_the_start() -> None:
    with pytest.raises(ConfigError, match="n_startup"):
        strategy(sampler_options={"n_startup": 4})


@pytest.mark.parametrize("name", NAMES)
def test_values_go_to_optuna_and_back(name: str) -> None:
    space = awkward_space(name)
    for number in range(30):
        config = space.sample(strategy().generator(number))
        for key, domain in space.domains.items():
            axis = axis_of(domain)
            back = axis.from_optuna(axis.to_optuna(config[key]))
            assert type(back) is type(config[key])
            assert back == pytest.approx(config[key]) or key == "noise"


def test_domains_become_distributions() -> None:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    assert axis_of(tune.choice(["a", "b"])).distribution == CategoricalDistribution([0, 1])
    assert axis_of(tune.choice([8, 16, 32])).distribution == IntDistribution(0, 2)
    assert axis_of(tune.randint(1, 5)).distribution == IntDistribution(1, 4)
    assert axis_of(tune.lograndint(1, 9)).distribution == IntDistribution(1, 8, log=True)
    assert axis_of(tune.qrandint(8, 64, 8)).distribution == IntDistribution(1, 8)
    assert axis_of(tune.qloguniform(0.1, 0.3, 0.1)).distribution == IntDistribution(1, 3, log=True)
    assert axis_of(tune.loguniform(1e-4, 1.0)).distribution == FloatDistribution(1e-4, 1.0, log=True)
    assert axis_of(tune.randn(1.0, 2.0)).distribution == FloatDistribution(-7.0, 9.0)


def test_optuna_is_imported_by_a_search_alone_and_its_voice_is_left_as_it_was(capfd: Any) -> None:
    before = optuna.logging.get_verbosity()
    drive(strategy(), 12)
    assert optuna.logging.get_verbosity() == before
    assert "study" not in capfd.readouterr().err
    code = "import sys, nas_ray.strategies, nas_ray.strategies.optuna; print('optuna' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
