"""Journals of answers: whole lines only, shared by processes, and gone when a run is deleted."""

import asyncio
import os
import time

from service.settings import Settings
from service.stores.label_answers import MOST_OPEN, AnswerJournal, LabelRuns


def test_a_line_that_was_cut_off_is_no_answer_and_spoils_none(tmp_path):
    path = tmp_path / "a.jsonl"
    AnswerJournal(path).add("x", {"text": "1"})
    with path.open("ab") as file:
        file.write(b'{"key": "y", "te')
    journal = AnswerJournal(path)
    assert journal.answers("y") == ()
    journal.add("y", {"text": "2"})
    journal.add("y", {"text": "3"})
    for each in (journal, AnswerJournal(path)):
        assert [record["text"] for record in each.answers("x")] == ["1"]
        assert [record["text"] for record in each.answers("y")] == ["2", "3"]


def test_processes_see_what_others_add_and_delete(tmp_path):
    ours, theirs = (LabelRuns(Settings(home=tmp_path)) for _ in range(2))
    ours.open("run-1234", "me").add("x", {"text": "1"})
    assert len(theirs.open("run-1234", "me").answers("x")) == 1
    assert theirs.open("run-1234", "another").answers("x") == ()
    assert theirs.delete("run-1234", "me")
    assert not theirs.delete("run-1234", "me")
    assert ours.open("run-1234", "me").answers("x") == ()
    assert not list(tmp_path.rglob("*.jsonl"))


def test_a_request_in_flight_keeps_nothing_of_a_run_that_was_deleted(tmp_path):
    """Also where another process has deleted it, and where a later request has begun it again."""
    for deleting in (0, 1):
        both = [LabelRuns(Settings(home=tmp_path)) for _ in range(2)]
        in_flight = both[0].open("run-1234", None)
        in_flight.begin()
        assert both[deleting].delete("run-1234", None)
        later = both[0].open("run-1234", None)
        later.begin()
        later.add("x", {"text": "new"})
        in_flight.add("x", {"text": "old"})
        assert [each["text"] for each in in_flight.answers("x")] == ["old"]
        for runs in both:
            assert [each["text"] for each in runs.open("run-1234", None).answers("x")] == ["new"]
        later.add("y", {"text": "new"})
        assert len(both[1].open("run-1234", None).answers("y")) == 1
        assert both[1 - deleting].delete("run-1234", None)
        in_flight.add("y", {"text": "old"})
        assert not list(tmp_path.rglob("*.jsonl"))


def test_runs_expire_and_few_are_in_memory(tmp_path):
    runs = LabelRuns(Settings(home=tmp_path, job_days=1))
    for i in range(2 * MOST_OPEN):
        runs.open(f"run-{i:06d}", None).add("x", {"text": "1"})
    assert len(runs._open) <= MOST_OPEN + 1
    old, *_ = sorted(tmp_path.rglob("*.jsonl"))
    os.utime(old, (time.time() - 100_000,) * 2)
    runs.sweep()
    assert not old.exists()
    assert len(list(tmp_path.rglob("*.jsonl"))) == 2 * MOST_OPEN - 1


def test_what_several_ask_for_at_once_is_asked_once():
    asked = []

    async def run() -> list[int]:
        journal = AnswerJournal(None)

        async def make() -> int:
            asked.append(1)
            await asyncio.sleep(0)
            return 7

        return await asyncio.gather(*(journal.shared("x", make) for _ in range(5)))

    assert asyncio.run(run()) == [7] * 5
    assert asked == [1]
