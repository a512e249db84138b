from typing import Any

import pytest
from ray import tune

from nas_ray.errors import ConfigError
from nas_ray.spaces import CustomSpace
from nas_ray.strategies.evolution import Evolution
from nas_ray.testing.driving import Live, start


def space() -> CustomSpace:
    return CustomSpace({f"key{number}": tune.randint(0, 10) for number in range(4)})


def run(strategy: Evolution, results: list[tuple[float, int]]) -> None:
    """Train one network after the other with the given (score, epochs)."""
    for score, epochs in results:
        live = Live()
        start(strategy, live)
        strategy.on_trial_complete(live[0][0], {"acc": score, "training_iteration": epochs})


def evolution(**options: Any) -> Evolution:
    given = {"population_size": 4, "sample_size": 4, "crossover_rate": 0.0, "max_fidelity": 9, **options}
    return Evolution(space(), "acc", "max", 0, **given)


def members(strategy: Evolution) -> list[int]:
    return [member.number for member in strategy.population]


def next_parents(strategy: Evolution, proposals: int = 1) -> set[tuple[int, ...]]:
    return {strategy.propose(strategy.generator(1000 + number)).parents for number in range(proposals)}


def test_the_oldest_leaves_however_good_it_is() -> None:
    strategy = evolution()
    run(strategy, [(0.99, 9), (0.1, 9), (0.2, 9), (0.3, 9)])
    assert members(strategy) == [0, 1, 2, 3]
    assert next_parents(strategy) == {(0,)}
    run(strategy, [(0.15, 9)])
    assert members(strategy) == [1, 2, 3, 4]
    assert next_parents(strategy) == {(3,)}


def test_age_goes_by_the_end_and_not_by_the_start() -> None:
    strategy, live = evolution(population_size=2, sample_size=2), Live()
    start(strategy, live, 3)
    for index in (2, 0, 1):
        strategy.on_trial_complete(live[index][0], {"acc": 0.5, "training_iteration": 9})
    assert members(strategy) == [0, 1]


def test_it_samples_without_waiting_while_the_population_fills() -> None:
    strategy, live = evolution(), Live()
    assert len(start(strategy, live, 12)) == 12
    assert {proposal.parents for proposal in strategy.memory.proposals} == {()}


def test_a_stopped_trial_takes_part_below_all_that_got_further() -> None:
    strategy = evolution()
    run(strategy, [(0.2, 9), (0.95, 3), (0.97, 1), (0.1, 9)])
    assert members(strategy) == [0, 1, 2, 3]
    assert next_parents(strategy) == {(0,)}


def test_what_has_no_score_is_no_member() -> None:
    strategy = evolution()
    run(strategy, [(0.2, 9), (float("nan"), 9), (float("inf"), 9)])
    live = Live()
    start(strategy, live)
    strategy.on_trial_complete(live[0][0], None, error=True)
    assert members(strategy) == [0]


def test_a_known_network_enters_once() -> None:
    strategy = Evolution(
        CustomSpace({"op": tune.choice(["a", "b", "c"])}), "acc", "max", 0, population_size=5, sample_size=2
    )
    for number in range(3):
        live = Live()
        start(strategy, live)
        strategy.on_trial_complete(live[0][0], {"acc": number / 10})
    start(strategy, Live())
    assert len(strategy.memory) > 3
    assert len(strategy.population) == 3


def test_pressure_grows_with_the_tournament() -> None:
    results = [(score / 10, 9) for score in (1, 2, 3, 4)]
    small, large = evolution(sample_size=1), evolution(sample_size=3)
    run(small, results)
    run(large, results)
    assert next_parents(small, 100) == {(0,), (1,), (2,), (3,)}
    assert next_parents(large, 100) == {(2,), (3,)}  # three of four always hold one of the best two


def test_a_child_differs_from_its_parent_in_one_key() -> None:
    strategy = evolution()
    run(strategy, [(0.1, 9), (0.2, 9), (0.3, 9), (0.9, 9)])
    child = strategy.propose(strategy.generator(77))
    parent = strategy.memory.proposals[child.parents[0]].config
    assert sum(child.config[key] != parent[key] for key in parent) == 1


def test_crossover_has_two_parents_and_takes_from_both() -> None:
    strategy = evolution(sample_size=1, crossover_rate=1.0)
    run(strategy, [(0.1, 9), (0.2, 9), (0.3, 9), (0.9, 9)])
    children = [strategy.propose(strategy.generator(number)) for number in range(60)]
    mixed = [child for child in children if len(child.parents) == 2]
    assert len(mixed) > 30
    for child in mixed:
        first, second = (strategy.memory.proposals[number].config for number in child.parents)
        foreign = [key for key, value in child.config.items() if value not in (first[key], second[key])]
        assert len(foreign) <= 1  # the mutation


def test_parents_are_on_record() -> None:
    strategy, live = evolution(), Live()
    run(strategy, [(0.1, 9), (0.2, 9), (0.3, 9), (0.9, 9)])
    start(strategy, live)
    proposal = strategy.proposal_of(live[0][0])
    assert proposal is not None
    assert proposal.parents == (3,)
    assert proposal.to_json()["parents"] == [3]


@pytest.mark.parametrize(
    "options",
    [
        {"population_size": 0},
        {"sample_size": 0},
        {"population_size": 4, "sample_size": 5},
        {"crossover_rate": -0.1},
        {"crossover_rate": 1.5},
    ],
)
def test_impossible_options_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=next(reversed(options))):
        evolution(**options)
