import pytest

from nas_ray.ledger import Ledger, RunRecord, busy_share, read, write_stop


def share(story, **options):
    return busy_share(RunRecord(story.records), **options)


def test_busy_slot_seconds_over_slot_seconds(story):
    story.propose(0).propose(1).start(0).start(1).report(0, 1, 0.5).end(0).end(1)
    # Of 4 s the first trial takes the first 3, the second the last 3.
    assert share(story) == pytest.approx(6 / 8)


def test_a_run_in_which_nothing_trained_was_not_busy(new_story, story):
    assert share(new_story()) == share(story) == share(story.propose(0, "infeasible")) == 0.0


def test_each_attempt_has_its_clock_and_its_slots(story):
    story.propose(0).start(0).report(0, 1, 0.5)  # 1 s of 1 s, two slots; the driver dies
    story.attempt(2, concurrency=4, after=1000.0).start(0, 2).propose(1).report(0, 2, 0.5, 2).end(0)
    assert share(story, attempt=1) == pytest.approx(1 / 2)
    assert share(story, attempt=2) == pytest.approx(3 / 12)
    assert share(story) == pytest.approx(4 / 14)


def test_a_paused_trial_holds_no_slot(story):
    story.propose(0).start(0).report(0, 1, 0.5, decision="pause").add("tick", after=7.0)
    story.start(0).report(0, 2, 0.5).end(0)  # 1 s of it, a pause of 8 s, 2 s of it
    assert share(story) == pytest.approx(3 / 22)


def test_while_the_driver_is_at_work_what_trains_is_busy_until_now(story):
    story.propose(0).start(0).report(0, 1, 0.5).propose(1).start(1)
    assert share(story) == pytest.approx(1 / 6), "without a driver, to the last sign of life"
    assert share(story, now=story.now + 2) == pytest.approx(7 / 10)


def test_the_record_that_ends_an_attempt_has_what_a_reader_finds(story, tmp_path):
    story.propose(0).start(0).propose(1).start(1).report(0, 1, 0.5).end(0)  # and the second trains
    with Ledger(tmp_path / "ledger.jsonl", clock=lambda: story.now) as ledger:
        for record in story.records:
            ledger.append(record["kind"], **{name: record[name] for name in record if name != "kind"})
        story.now += 2.5
        write_stop(ledger, 1, "user")
    records = read(ledger.path)
    stop = {"kind": "stop", "at": story.now, "attempt": 1, "reason": "user"}
    assert records[-1] == {**stop, "utilisation": busy_share(RunRecord(records))}
    assert stop["at"] == records[-2]["at"] + 2.5
    assert 0.5 < records[-1]["utilisation"] < 1


def test_any_sequence_of_records_has_a_share(random_records):
    run = RunRecord(random_records)
    for options in ({}, {"attempt": 1}, {"attempt": 2}, {"now": 2e9}):
        assert 0.0 <= busy_share(run, **options) <= 1.0
