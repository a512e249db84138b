"""``learning-curve``: what it learns of a run's curves, and what it does with it."""

import itertools
import math
import time

import numpy as np
import pytest
from scipy.stats import spearmanr

from nas_ray.errors import ConfigError
from nas_ray.stopping.curve_model import CurveModel
from nas_ray.stopping.curve_plan import Draws, plan
from nas_ray.stopping.learning_curve import LearningCurve

COSTS = (1, 2, 6, 18)
"""Rungs at 1, 3, 9 and 27 epochs."""


def curves(seed: int, trials: int, slopes: tuple[float, ...], noise: float = 0.2) -> np.ndarray:
    """Scores at four rungs, each ``slope`` times the one before and noise."""
    rng = np.random.default_rng(seed)
    scores = np.empty((trials, 4))
    scores[:, 0] = rng.normal(size=trials)
    for rung, slope in enumerate(slopes, start=1):
        scores[:, rung] = slope * scores[:, rung - 1] + noise * rng.normal(size=trials)
    return 0.8 + 0.05 * scores


def model(scores: np.ndarray, reached: np.ndarray | None = None) -> CurveModel:
    return CurveModel(scores, np.full(len(scores), 4) if reached is None else reached)


@pytest.mark.parametrize("sign", [1, -1])
def test_the_model_learns_whether_early_scores_tell_or_mislead(sign):
    known, new = curves(0, 100, (sign, 1, 1)), curves(1, 200, (sign, 1, 1))
    expected = model(known).expected(new, 0)
    assert np.corrcoef(expected, new[:, -1])[0, 1] > 0.9
    assert np.sign(np.corrcoef(new[:, 0], new[:, -1])[0, 1]) == sign


def test_trials_that_were_stopped_teach_too_and_do_not_bias():
    """Only the best third goes on from each rung; the expectation is that of the whole population."""
    scores = curves(2, 600, (0.9, 0.9, 0.9), noise=0.4)
    reached, alive = np.ones(600, dtype=int), np.arange(600)
    for rung in range(3):
        alive = alive[scores[alive, rung] >= np.quantile(scores[alive, rung], 2 / 3)]
        reached[alive] = rung + 2
    seen = np.where(np.arange(4) < reached[:, None], scores, np.nan)
    partial, whole = model(seen, reached), model(scores)
    new = curves(3, 100, (0.9, 0.9, 0.9), noise=0.4)
    error = partial.expected(new, 1) - whole.expected(new, 1)
    assert np.abs(error).mean() < 0.5 * new[:, -1].std()
    assert np.corrcoef(partial.expected(new, 1), new[:, -1])[0, 1] > 0.7


def bent_curves(seed: int, trials: int) -> np.ndarray:
    """Scores at four rungs, of which those in the middle end best."""
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=(trials, 4))
    scores[:, 1] = scores[:, 0] + 0.6 * scores[:, 1]
    scores[:, 2] = scores[:, 1] + 0.6 * scores[:, 2]
    scores[:, 3] = 0.3 * (scores[:, 2] + scores[:, 3]) - 0.5 * scores[:, 2] ** 2
    return 0.8 + 0.05 * scores


@pytest.mark.parametrize(
    "family",
    [lambda seed, trials: curves(seed, trials, (0.8, 0.9, 1.0)), bent_curves],
    ids=["straight", "bent"],
)
def test_intervals_hold_what_they_promise(family):
    """Of 90 % intervals, 80 to 98 % hold the final score: 400 curves, binomial, far beyond chance.

    Where 300 curves are known the means are right too: within 0.15 deviations of the final scores.
    """
    known, well_known, new = model(family(4, 60)), model(family(4, 300)), family(5, 400)
    for rung in range(3):
        means = known.expected(new, rung)
        reach = 1.645 * known.foresee(new, rung)[1]
        share = (np.abs(new[:, -1] - means) <= reach).mean()
        assert 0.80 < share < 0.98
        error = new[:, -1] - well_known.expected(new, rung)
        assert abs(error.mean()) < 0.15 * new[:, -1].std()


def test_the_plan_cuts_where_early_scores_tell_and_waits_where_they_do_not():
    draws = Draws.make(4, 0)
    telling = plan(model(curves(6, 80, (1, 1, 1))), COSTS, 540, 3, draws)
    silent = plan(model(curves(7, 80, (1, 1, 0), noise=1.0)), COSTS, 540, 3, draws)
    assert telling[0] == pytest.approx(1 / 3)
    assert silent[2] == 1, "a third of the training is spent there, and tells nothing"
    assert telling[-1] == silent[-1] == 1


def test_without_a_budget_no_trial_is_cut_where_early_scores_tell_nothing():
    """A budget of epochs may buy more trials by a cut; a number of trials only loses by it."""
    draws = Draws.make(4, 0)
    silent = plan(model(curves(7, 80, (1, 1, 0), noise=1.0)), COSTS, None, 3, draws)
    telling = plan(model(curves(6, 80, (1, 1, 1))), COSTS, None, 3, draws)
    assert np.prod(silent) > 1 / 4
    assert np.prod(telling) == pytest.approx(1 / 27)


@pytest.mark.parametrize("rungs", [2, 3, 4])
def test_where_early_scores_tell_all_cuts_cost_nothing_also_without_a_budget(rungs):
    scores = curves(6, 80, (1, 1, 1), noise=0.01)[:, :rungs]
    told = CurveModel(scores, np.full(80, rungs))
    assert plan(told, COSTS[:rungs], None, 3, Draws.make(rungs, 0)) == [1 / 3] * (rungs - 1) + [1]


def played(keep: list[float], told: CurveModel, scores: np.ndarray, spendable: float) -> float:
    """Best final score that a plan finds on real curves, mean of 100 searches; costs as in ``LATE_COSTS``."""
    rng, found = np.random.default_rng(1), []
    shares = np.cumprod([1.0, *keep[:-1]])
    trials = int(spendable / (shares @ LATE_COSTS))
    for _ in range(100):
        alive = rng.choice(len(scores), size=trials, replace=False)
        for rung, share in enumerate(keep[:-1]):
            best = np.argsort(-told.expected(scores[alive], rung))
            alive = alive[best[: max(1, int(share * len(alive) + 1e-9))]]
        found.append(scores[alive, -1].max())
    return float(np.mean(found))


LATE_COSTS = np.array([1.0, 2, 6, 18, 54, 19])


def late_starters() -> np.ndarray:
    """Curves that still rise at the end, the slower the better."""
    rng, epochs = np.random.default_rng(0), np.arange(1, 101)
    quality = rng.normal(size=500)
    half = np.clip(np.exp(2.5 + 0.4 * quality + 0.4 * rng.normal(size=500)), 2, 60)[:, None]
    rise = (70 + 4 * quality[:, None]) * epochs / (epochs + half) * (100 + half) / 100
    return 10 + rise + 0.3 * rng.normal(size=rise.shape)


def depths() -> np.ndarray:
    """Curves of networks of 2 to 18 blocks: deeper is slower and better, and too deep does not arrive."""
    rng, epochs = np.random.default_rng(0), np.arange(1, 101)
    depth = rng.integers(2, 19, size=500)
    final = 70 + 1.5 * depth - 0.03 * depth**2 + rng.normal(size=500)
    pace = np.exp(1.5 + 0.14 * depth + 0.15 * rng.normal(size=500))[:, None]
    return final[:, None] * (1 - 0.85 * np.exp(-epochs / pace)) + 0.6 * rng.normal(size=(500, 100))


@pytest.mark.parametrize(("family", "share"), [(late_starters, 0.1), (depths, 0.8)])
def test_where_slow_starters_win_the_plan_waits_for_them(family, share):
    """All curves are known; the plan is played on them, and has at most this share of the regret of no cut.

    A model of straight lines takes what starts fast: 0.9 and 2.3 times that regret.
    """
    scores = np.maximum.accumulate(family(), axis=1)[:, [0, 2, 8, 26, 80, 99]]
    told = CurveModel(scores, np.full(500, 6))
    keep = plan(told, list(LATE_COSTS), 1700, 3, Draws.make(6, 0))
    regret, without = (scores[:, -1].max() - played(each, told, scores, 1700) for each in (keep, [1.0] * 6))
    assert regret < share * without


def test_a_ladder_of_many_rungs_is_planned_in_time():
    """As where epochs are seconds: the lowest rungs are cut together, or not at all."""
    rng = np.random.default_rng(0)
    scores = np.cumsum(rng.normal(size=(50, 12)), axis=1)
    told, costs = CurveModel(scores, np.full(50, 12)), [1.0, *(2.0**rung for rung in range(11))]
    start = time.process_time()
    keep = plan(told, costs, 20 * sum(costs), 2, Draws.make(12, 0))
    assert time.process_time() - start < 0.5
    assert len(keep) == 12
    assert len(set(keep[:6])) == 1


@pytest.mark.parametrize("level", [0.1, 1 / 3, 2.302585])
@pytest.mark.parametrize("jitter", [0, 1e-17, 1e-12, 1e-9, 1e-8, 1e-7, 1e-3])
def test_scores_that_differ_by_rounding_alone_are_put_up_with(level, jitter):
    """As of networks that do not learn: one goes on far ahead of the others."""
    for seed in range(10):
        rng = np.random.default_rng(seed)
        rule = LearningCurve("acc", "max", max_epochs=81)
        for number in range(8):
            rule.judge(f"t{number}", 1, level * (1 + jitter * rng.normal()))
        for epoch in range(2, 82):
            rule.judge("t0", epoch, level * (1 + jitter * rng.normal()) + epoch / 100)
        assert rule.model is not None
        assert np.isfinite(rule.model.expected(rule._scores[:8], 0)).all()


def test_its_state_holds_what_it_was_told_of_the_run(tmp_path):
    rule = LearningCurve("acc", "max")
    rule.max_fidelity, rule.budget = 27, 540.0
    for name in "abcd":
        rule._answer(name, 1, ord(name) / 100)
    rule.save(str(tmp_path / "state.json"))
    restored = LearningCurve("acc", "max")
    restored.restore(str(tmp_path / "state.json"))
    assert (restored.max_fidelity, restored.budget) == (27, 540)
    assert restored.waiting == rule.waiting


def rising_curves(seed: int) -> np.ndarray:
    """Scores of 60 trials at four rungs that go on as they rose, from starts of their own."""
    rng = np.random.default_rng(seed)
    rise = rng.normal(size=60)
    scores = 0.8 + 0.05 * (rng.normal(size=(60, 1)) + rise[:, None] * np.arange(4))
    return scores + 0.002 * rng.normal(size=scores.shape)


def seen_by_one(scores: np.ndarray) -> CurveModel:
    """All trials came to the third rung, one to the last."""
    reached = np.full(len(scores), 3)
    reached[0] = 4
    return model(np.where(np.arange(4) < reached[:, None], scores, np.nan), reached)


def test_the_model_tells_curves_that_go_on_as_they_rose_from_those_that_level_off():
    """The lower rungs, where all trials came, tell of the last too, where one has been; means of 20 seeds."""
    rising = np.mean([seen_by_one(rising_curves(seed)).rising for seed in range(20)], axis=0)
    level = np.mean([seen_by_one(curves(seed, 60, (1, 1, 1), 0.3)).rising for seed in range(20)], axis=0)
    assert min(rising[1:]) > 0.5
    assert max(level[1:]) < 0.25


@pytest.mark.parametrize("seed", range(10))
def test_where_curves_go_on_as_they_rose_what_starts_slowly_is_seen_to_win(seed):
    scores = rising_curves(seed)
    expected = seen_by_one(scores).expected(scores, 1)
    assert np.corrcoef(expected, scores[:, 3])[0, 1] > np.corrcoef(scores[:, 1], scores[:, 3])[0, 1]
    assert np.corrcoef(expected, scores[:, 3])[0, 1] > 0.9


def slow_starters(seed: int, trials: int = 60) -> np.ndarray:
    """Curves of exponential pace, (trials, 100): the slower, the higher in the end."""
    rng = np.random.default_rng(seed)
    quality = rng.normal(size=(trials, 1))
    pace = np.exp(2.2 + 0.8 * quality + 0.3 * rng.normal(size=(trials, 1)))
    rising = (80 + 4 * quality) * (1 - np.exp(-np.arange(1, 101) / pace))
    return rising + 0.3 * rng.normal(size=rising.shape)


def halved(
    seed: int, scale: float = 1.0, shift: float = 0.0, constant: int | None = None
) -> tuple[CurveModel, np.ndarray]:
    """What is learned of slow starters: a third went on by score, six to 27 epochs, and two to the end."""
    ends = np.array([1, 3, 9, 27, 81, 100])
    scores = scale * np.maximum.accumulate(slow_starters(seed), 1)[:, ends - 1] + shift
    if constant is not None:
        scores[:, constant] = scores[0, constant]
    reached = np.full(len(scores), 1)
    for rung in range(1, 4):
        there = np.flatnonzero(reached == rung)
        best = there[np.argsort(-scores[there, rung - 1])]
        reached[best[: max(3, len(there) // 3)]] = rung + 1
    reached[:2], reached[2:8] = 6, 4
    seen = np.where(np.arange(6) < reached[:, None], scores, np.nan)
    return CurveModel(seen, reached, ends), scores


@pytest.mark.parametrize("rung", [1, 2])
def test_what_draws_together_is_seen_to_have_differed_by_its_pace(rung):
    """Two slow starters arrived: mean rank correlations of 20 seeds.

    Early scores rank backwards. In standard deviations of each rung rises say less of it: 0.48 and 0.46.
    """
    found, false = [], []
    for seed in range(20):
        learned, scores = halved(seed)
        found.append(spearmanr(learned.expected(scores, rung), scores[:, -1]).statistic)
        false.append(spearmanr(scores[:, rung], scores[:, -1]).statistic)
    assert np.mean(false) < -0.6
    assert np.mean(found) > 0.6


@pytest.mark.parametrize("constant", [None, 0, 1, 3])
@pytest.mark.parametrize(("scale", "shift"), [(0.01, 0.0), (1.0, -500.0), (1e4, 3.0)])
def test_the_unit_of_the_scores_does_not_matter(scale, shift, constant):
    """Nor where all have the same score at a rung."""
    learned, scores = halved(0, constant=constant)
    other, others = halved(0, scale, shift, constant)
    for rung in range(6):
        expected = scale * learned.expected(scores, rung) + shift
        np.testing.assert_allclose(other.expected(others, rung), expected, rtol=1e-6)


@pytest.mark.parametrize("rungs", range(4, 9))
def test_before_later_rungs_are_seen_first_scores_are_hardly_held_against_a_trial(rungs):
    """A standard deviation of the first score is worth at most 0.08 of one in the end, up or down."""
    scores = np.full((40, rungs), np.nan)
    scores[:, 0] = np.random.default_rng(0).normal(size=40)
    learned = CurveModel(scores, np.ones(40, dtype=np.intp), [3.0**rung for rung in range(rungs)])
    low, high = learned.expected(np.pad([[-1.0], [1.0]], ((0, 0), (0, rungs - 1))), 0)
    assert abs(high - low) / 2 < 0.08


@pytest.mark.parametrize("bent", [-1, 0, 1])
def test_what_is_expected_of_a_new_trial_is_the_mean_of_all(bent):
    """Where those in the middle win or lose, it is not what is expected of the middle: within a tenth."""
    rng = np.random.default_rng(0)
    first = rng.normal(size=200)
    scores = np.column_stack([first, first + bent * (first**2 - 1) + 0.3 * rng.normal(size=200)])
    told = CurveModel(scores, np.full(200, 2))
    assert abs(told.fresh - told.expected(scores, 0).mean()) < 0.1 * scores[:, 1].std()


@pytest.mark.parametrize(
    "ends", [(0, 1, 2, 3), (1, 2, 300.4, np.nextafter(300.4, 400)), (99, 99.5, 100, 1e6)]
)
def test_rungs_at_no_epochs_or_close_to_each_other_are_put_up_with(ends):
    scores, reached = curves(12, 30, (1, 1, 1)), np.full(30, 3)
    told = CurveModel(scores, reached, ends)
    assert all(np.isfinite(told.expected(scores, rung)).all() for rung in range(4))
    assert all(np.isfinite(told.foresee(scores, rung)[1]).all() for rung in range(4))


@pytest.mark.parametrize("rungs", range(3, 7))
def test_where_early_scores_are_taken_to_tell_nothing_all_are_expected_to_end_alike(rungs):
    """Nobody has got beyond the second rung."""
    scores = np.full((20, rungs), np.nan)
    scores[:, :2] = np.random.default_rng(0).normal(size=(20, 2))
    told = CurveModel(scores, np.full(20, 2), slope=0.0)
    assert np.ptp(told.expected(scores, 0)) < 1e-9
    assert np.ptp(told.expected(scores, 1)) < 1e-9


@pytest.mark.parametrize("ends", [(1, 3, 9, 27), (1, 3, 9, 10)])
def test_a_short_way_to_the_end_is_expected_to_change_little(ends):
    """Before any trial has ended: half is lost over thrice the epochs, over a tenth more hardly any."""
    scores = curves(11, 40, (1, 1, 1))
    seen = np.where(np.arange(4) < 3, scores, np.nan)
    told = CurveModel(seen, np.full(40, 3), ends)
    slope = np.polyfit(told.curves[:, 2], told.expected(scores, 2), 1)[0] / told.spread[-1]
    assert slope > 0.85 if ends[-1] == 10 else slope < 0.75


def test_the_first_trials_train_to_their_end_until_two_have():
    """One after the other two do; of many at once three, as nothing is known when the third begins."""
    one_by_one = LearningCurve("acc", "max", max_epochs=27)
    for name, level in (("a", 0.5), ("b", 0.6)):
        scores = {epoch: level * (1 - 0.5**epoch) for epoch in range(1, 28)}
        assert {one_by_one.judge(name, epoch, score) for epoch, score in scores.items()} == {"continue"}
        one_by_one.ended(name)
    assert one_by_one.judge("c", 1, 0.1) == "pause"
    together = LearningCurve("acc", "max", max_epochs=27)
    decisions = {name: together.judge(name, 1, 0.5 - number / 10) for number, name in enumerate("abcd")}
    assert decisions == {"a": "continue", "b": "continue", "c": "continue", "d": "pause"}


@pytest.mark.parametrize(("epochs", "known"), [(2, False), (6, False), (5, True)])
def test_only_a_rung_beyond_the_middle_tells_of_the_end(epochs, known):
    """Rungs at 1 and 3 epochs; three trials come to the last one of them."""
    rule = LearningCurve("acc", "max", max_epochs=epochs)
    for number, epoch in itertools.product(range(3), range(1, min(epochs, 4))):
        if epoch < epochs:
            rule.judge(f"t{number}", epoch, 0.5 + number / 10 + epoch / 100)
    assert rule._knows == known


def reports(
    rule: LearningCurve, seed: int, trials: int, final, slow: float
) -> tuple[dict[str, int], dict[str, int]]:
    """Train one trial after the other, as the rule decides; return epochs of the best tenth, and of all."""
    rng, epochs, paused, begun = np.random.default_rng(seed), {}, {}, 0
    quality: dict[str, float] = {}

    def curve(name: str, epoch: int) -> float:
        pace = math.exp(1.5 + slow * quality[name])
        return final(quality[name]) * (1 - math.exp(-epoch / pace))

    while begun < trials:
        name = rule.due()
        if name is None:
            name, begun = f"t{begun}", begun + 1
            quality[name] = rng.normal()
        rule.resumed(name)
        decision = "continue"
        while decision == "continue" and epochs.get(name, 0) < 27:
            epochs[name] = epochs.get(name, 0) + 1
            decision = rule.judge(name, epochs[name], curve(name, epochs[name]) + 0.002 * rng.normal())
        if epochs[name] == 27:
            rule.ended(name)
        paused[name] = decision
    good = sorted(quality, key=lambda name: -curve(name, 27))[: trials // 10]
    return {name: epochs[name] for name in good}, epochs


@pytest.mark.parametrize("slow", [0.0, 0.5])
def test_good_trials_are_trained_whether_they_start_fast_or_slow(slow):
    """With slow starters the early ranks are reversed; the best train to their end, and epochs are saved.

    Of the true best tenth of 60 trials half are trained to their end, mean of 10 searches (some begin last);
    were 27 epochs given to trials by chance, it would be the share of the epochs, at most 0.45.
    """
    trained, spent = [], []
    for seed in range(10):
        rule = LearningCurve("acc", "max", max_epochs=27)
        good, all_epochs = reports(rule, seed, 60, lambda quality: 0.8 + 0.03 * quality, slow)
        trained.append(np.mean([count == 27 for count in good.values()]))
        spent.append(sum(all_epochs.values()) / (27 * len(all_epochs)))
    assert np.mean(trained) >= 0.5
    assert max(spent) < 0.75
    assert np.mean(spent) < 0.45


def replayed(rule: LearningCurve, values: np.ndarray) -> np.ndarray:
    """Train one trial after the other on curves, (trials, epochs), as the rule decides; return epochs."""
    epochs, coming = np.zeros(len(values), dtype=int), iter(range(len(values)))
    spent = rule.budget or np.inf
    while epochs.sum() < spent and (running := rule.due() or next((str(each) for each in coming), None)):
        rule.resumed(running)
        number = int(running)
        while epochs.sum() < spent:
            epochs[number] += 1
            goes_on = rule.judge(running, epochs[number], values[number, epochs[number] - 1]) == "continue"
            if not goes_on or epochs[number] == values.shape[1]:
                break
        if epochs[number] == values.shape[1]:
            rule.ended(running)
    return epochs


def noise_until_the_last_tenth(seed: int, trials: int = 60) -> np.ndarray:
    rng = np.random.default_rng(seed)
    noise = rng.normal(size=(trials, 100))
    return np.where(np.arange(1, 101) < 90, 30 + noise, 60 + 4 * rng.normal(size=(trials, 1)) + 0.3 * noise)


@pytest.mark.parametrize(("trials", "budget"), [(None, None), (60, None), (60, 6000.0)])
def test_where_nothing_tells_and_trials_are_limited_they_train_to_their_end(trials, budget):
    """Means of 20 searches: of all epochs, and of the best trial; a budget that is enough for all is none."""
    spent, best = [], []
    for seed in range(20):
        rule = LearningCurve("acc", "max", max_epochs=100)
        rule.trials, rule.budget = trials, budget
        values = noise_until_the_last_tenth(seed)
        epochs = replayed(rule, values)
        spent.append(epochs.sum() / 6000)
        best.append(epochs[np.argmax(values.max(1))] == 100)
    assert np.mean(spent) > 0.85
    assert np.mean(best) > 0.75


@pytest.mark.parametrize("family", [noise_until_the_last_tenth, slow_starters])
@pytest.mark.parametrize("full", [5, 25])
def test_a_budget_is_spent_where_no_more_trials_may_begin(family, full):
    """Of 25 trainings, as of 5, which are too few to learn anything."""
    rule = LearningCurve("acc", "max", max_epochs=100)
    rule.trials, rule.budget = 40, 100.0 * full
    assert replayed(rule, family(0, 40)).sum() == 100 * full


def test_networks_that_never_reported_take_no_place_of_trials_that_may_begin():
    """As those that turn out to be infeasible: the others begin and are trained as without them."""
    found = []
    for lost in (0, 100):
        rule = LearningCurve("acc", "max", max_epochs=100)
        rule.trials, rule.budget = 40, 2500.0
        rule.replay((), [f"infeasible{number}" for number in range(lost)])
        found.append(replayed(rule, slow_starters(0, 40)))
    np.testing.assert_array_equal(*found)


@pytest.mark.parametrize("learning", [0.0, 0.1])
def test_networks_that_do_not_learn_are_not_trained_to_their_end(learning):
    """All of them have the accuracy of chance, to the last digit; so have nine in ten, where a few learn."""
    learns = np.random.default_rng(0).random(40) < learning
    rule, epochs = LearningCurve("acc", "max", max_epochs=27), dict.fromkeys(range(40), 0)
    for begun in range(40):
        running: str | None = str(begun)
        while running is not None:
            number = int(running)
            while True:
                epochs[number] += 1
                score = 0.8 * (1 - 0.7 ** epochs[number]) if learns[number] else 0.1
                goes_on = rule.judge(running, epochs[number], score) == "continue"
                if not goes_on or epochs[number] == 27:
                    break
            if epochs[number] == 27:
                rule.ended(running)
            running = rule.due()
            rule.resumed(running or "")
    assert sum(epochs.values()) < 0.4 * 27 * 40


def test_it_says_what_it_believed():
    rule = LearningCurve("loss", "min", max_epochs=27)
    assert rule.judge("a", 1, -1.0) == rule.judge("b", 1, -1.1) == "continue"
    assert rule.belief("a") == rule.belief("b") == {}, "nobody knows how far scores rise"
    for name, level in (("a", 1.0), ("b", 1.1)):
        for epoch in range(2, 28):
            rule.judge(name, epoch, -level / epoch)
        rule.ended(name)
    for number in range(12):
        for epoch in (1, 2, 3):
            rule.judge(f"t{number}", epoch, -(1 + number / 10) / epoch)
    belief = rule.belief("t11")
    assert set(belief) == {"predicted", "predicted_low", "predicted_high"}
    assert belief["predicted_low"] < belief["predicted"] < belief["predicted_high"]
    assert belief["predicted"] > 0, "in the metric's own direction"
    rule.judge("t11", 4, -0.5)
    assert rule.belief("t11") == {}, "no decision was due"


def test_decisions_are_quick_where_many_curves_are_known():
    """At 500 curves a decision takes less than 20 ms of the processor's time, the median of 50."""
    rule = LearningCurve("acc", "max", max_epochs=100)
    rng = np.random.default_rng(0)
    for number in range(500):
        for epoch in range(1, 101 if number % 20 == 0 else 10):
            rule.judge(f"t{number}", epoch, float(rng.random()))
    spent = []
    for number in range(50):
        start = time.process_time()
        rule.judge(f"new{number}", 1, float(rng.random()))
        spent.append(time.process_time() - start)
    assert sorted(spent)[25] < 0.02


def test_the_length_of_a_training_must_be_known():
    with pytest.raises(ConfigError, match="how many epochs a full training has"):
        LearningCurve("acc", "max").judge("a", 1, 0.5)
    with pytest.raises(ConfigError, match=r"`stopping\.max_epochs` must be at least"):
        LearningCurve("acc", "max", grace_period=5, max_epochs=3)


@pytest.mark.parametrize(
    ("guided", "workers", "budget", "spent"),
    [(False, 1, 2700, 0), (True, 1, 2700, 288), (True, 2, 2700, 238), (True, 8, 2700, 0), (True, 1, None, 0)],
)
@pytest.mark.parametrize("trials", [None, 40])
def test_scouts_are_taken_later_where_a_strategy_learns_as_far_as_workers_leave_time(
    guided, workers, budget, spent, trials
):
    """After an eighth of the budget less 50 epochs a worker, or of the trials; three train to their end."""
    rule = LearningCurve("acc", "max", max_epochs=100)
    rule.budget, rule.guided, rule.workers, rule.trials = budget, guided, workers, trials
    spent = min(spent, 5) if trials else spent
    # Each is worse than the one before, so that nothing else lets it go on.
    answers = [rule.judge(str(number), 1, 1 - number / 1000) for number in range(400)]
    goes_on = [number for number, answer in enumerate(answers) if answer == "continue"]
    assert goes_on == [spent, spent + 1, spent + 2]


def test_what_it_was_told_of_workers_and_strategy_is_in_its_state(tmp_path):
    rule = LearningCurve("acc", "max", max_epochs=27)
    rule.workers, rule.guided = 4, True
    rule.save(str(tmp_path / "state.json"))
    restored = LearningCurve("acc", "max")
    restored.restore(str(tmp_path / "state.json"))
    assert (restored.workers, restored.guided) == (4, True)


def with_a_failure(finals: list[float], failing: float) -> CurveModel:
    """Twenty trials at the first rung, some at the last, and one more that failed at the first."""
    scores = np.full((21, 4), np.nan)
    scores[:20, 0] = 0.8 + 0.02 * np.random.default_rng(0).normal(size=20)
    scores[: len(finals), 1:] = np.array(finals)[:, None]
    scores[20] = [0.1, failing, failing, failing]
    return model(scores, np.isfinite(scores).sum(1))


@pytest.mark.parametrize("finals", [[0.9, 0.92], [0.9, 0.91, 0.94]])
def test_a_failure_that_an_earlier_rung_shows_counts_as_one_where_few_have_come(finals):
    """Good ones are not all the same beside it, however low it is, and it is no good one."""
    told, lower = with_a_failure(finals, 0.1), with_a_failure(finals, 0.0)
    assert np.std(finals) < told.spread[-1] < 4 * np.std(finals)
    assert told.spread[-1] == lower.spread[-1]
    assert told.floor[-1] < min(finals) - np.ptp(finals)


@pytest.mark.parametrize("finals", [[0.9], [0.9, 0.9], [0.9, 0.9, 0.9]])
def test_nobody_knows_who_failed_where_the_others_do_not_differ(finals):
    told = with_a_failure(finals, 0.1)
    assert told.floor[-1] == -np.inf
    assert told.spread[-1] == pytest.approx(np.std([*finals, 0.1]))


def test_who_has_recovered_has_not_failed():
    told = with_a_failure([0.9, 0.92], 0.91)
    assert told.floor[-1] == -np.inf
    assert told.spread[-1] == pytest.approx(np.std([0.9, 0.92, 0.91]))
