import json

import pytest

from nas_ray.errors import LedgerError
from nas_ray.ledger import LEDGER, VERSION, Ledger, history, read


@pytest.fixture
def path(tmp_path):
    return tmp_path / LEDGER


def events(story):
    return [
        (event["event"], event["trial_id"], event["epoch"])
        if event["event"] == "report"
        else (event["event"], event["number"], event["outcome"])
        for event in history(story.records)
    ]


def test_what_was_written_is_read(path, story):
    with Ledger(path) as ledger:
        for record in story.trial(0, [0.5, 0.6]).records:
            ledger.append(record["kind"], **{key: value for key, value in record.items() if key != "kind"})
    assert read(path) == story.records


def test_a_missing_file_is_named_with_a_question(path):
    with pytest.raises(
        LedgerError, match=r"ledger\.jsonl cannot be read: No such file.*is this the folder of a run"
    ):
        read(path)


@pytest.mark.parametrize("damage", ["{broken", "", "[1, 2]", '{"no": "kind"}', "\x00"])
def test_a_damaged_line_in_the_middle_is_named_with_the_way_out(path, story, damage):
    lines = [json.dumps(record) for record in story.trial(0, [0.5]).records]
    lines[2] = damage
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(LedgerError, match=r"ledger\.jsonl is damaged in line 3: .*delete that line"):
        read(path)


@pytest.mark.parametrize("version", [VERSION + 1, "2", None])
def test_a_version_that_is_not_ours_is_refused(path, version):
    path.write_text(json.dumps({"kind": "run", "at": 0.0, "version": version}) + "\n")
    with pytest.raises(LedgerError, match=r"must be of version 1 or older.*upgrade"):
        read(path)


def test_an_empty_ledger_is_no_error(path):
    path.touch()
    assert read(path) == []
    assert history([]) == []


def test_history_is_proposals_reports_and_ends_in_ledger_order(story):
    story.propose(0).propose(1).start(0).start(1).report(1, 1, 0.5).end(1, "stopped", "asha")
    story.propose(2, "cached", "known").report(0, 4, 0.6).end(0, "finished", score=0.6, curve=[[4, 0.6]])
    assert events(story) == [
        ("propose", 0, "running"),
        ("propose", 1, "running"),
        ("report", "t00001", 1),
        ("end", 1, "stopped"),
        ("propose", 2, "cached"),
        ("report", "t00000", 4),
        ("end", 0, "finished"),
    ]
    assert history(story.records)[-1]["curve"] == [[4, 0.6]]
    assert not {"kind", "at"} & history(story.records)[0].keys()


def test_the_last_end_of_a_trial_counts(story):
    story.propose(0).start(0).end(0, "interrupted", "lost").propose(1).start(0, 2).end(0, "finished")
    assert events(story) == [("propose", 0, "running"), ("propose", 1, "running"), ("end", 0, "finished")]


def test_a_trial_that_began_again_has_no_end(story):
    story.propose(0).start(0).end(0, "interrupted", "lost").start(0, 2)
    assert events(story) == [("propose", 0, "running")]


def test_known_and_infeasible_proposals_are_not_told_twice(story):
    story.propose(0, "infeasible", "constraint").end(0, "infeasible", "constraint")
    assert events(story) == [("propose", 0, "infeasible")]


def test_a_strategy_can_relive_it(story):
    from ray import tune

    from nas_ray.spaces import SearchSpace
    from nas_ray.strategies import load_strategy

    space = SearchSpace.from_function({"depth": tune.randint(1, 9), "op": tune.choice(["conv"])}, build=None)
    config = {"depth": 2, "op": "conv"}
    story.propose(0, config=config).start(0).end(0, score=0.5, fidelity=4.0).propose(
        1, config={**config, "depth": 3}
    )
    strategy = load_strategy("random", space=space, metric="val_acc", mode="max", seed=1)
    strategy.replay(history(story.records))
    assert strategy.memory.best.score == 0.5
    assert [proposal.number for proposal in strategy.resume()] == [1]
