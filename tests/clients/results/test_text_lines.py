"""Lines of text that are followed through the frames of a video."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daguerre.results.analyses import Analyses
from daguerre.results.base import Errors

Line = tuple[str, float, float] | tuple[str, float, float, float]  # text, x, y, and score


def frames(*every: list[Line]) -> Analyses:
    """The analysis of a video with these lines in its frames, one a second."""
    made = []
    for i, lines in enumerate(every):
        findings = [
            {
                **{"text": text, "score": score[0] if score else 0.9},
                "box": {"x": x, "y": y, "width": 100.0, "height": 20.0},
            }
            for text, x, y, *score in lines
        ]
        results = {"text": {"findings": findings, "values": {}, "truncated": False, "remarks": []}}
        made.append({"index": i, "timestamp": float(i), "times": 1, "shot": None, "results": results})
    block = {"duration": float(len(every)), "frames": made, "shots": None, "sampling": {"policy": "every"}}
    entry: dict[str, Any] = {"width": 640, "height": 480, "results": {}, "video": block}
    return Analyses(ids=["v"], errors=Errors(), entries=[entry])


def spans(found: Analyses, **options: Any) -> list[tuple[str, float, float, int]]:
    table = found.lines(**options)
    return list(table[["text", "first", "last", "frames"]].itertuples(index=False, name=None))


def test_a_line_that_stays_is_one_line_with_its_first_and_last_time() -> None:
    assert spans(frames([], [("Breaking news", 10, 10)], [("Breaking news", 11, 10)], [])) == [
        ("Breaking news", 1.0, 2.0, 2)
    ]


def test_a_line_that_is_read_with_mistakes_has_the_text_with_the_highest_score() -> None:
    read: list[list[Line]] = [
        [("Breaklng nevs", 0, 0, 0.6)],
        [("BREAKING NEWS", 0, 0, 0.95)],
        [("Breaking new5", 0, 0, 0.7)],
    ]
    assert spans(frames(*read)) == [("BREAKING NEWS", 0.0, 2.0, 3)]


def test_another_text_or_another_place_is_another_line() -> None:
    found = frames([("Families belong", 0, 0)], [("together today", 0, 0)], [("together today", 0, 300)])
    assert [row[1:] for row in spans(found)] == [(0.0, 0.0, 1), (1.0, 1.0, 1), (2.0, 2.0, 1)]


def test_a_line_may_be_missing_in_as_many_frames_as_are_allowed() -> None:
    line: list[Line] = [("Live", 0, 0)]
    found = frames(line, [], line, [], [], line)
    assert spans(found) == [("Live", 0.0, 2.0, 2), ("Live", 5.0, 5.0, 1)]
    assert spans(found, gap=0) == [("Live", t, t, 1) for t in (0.0, 2.0, 5.0)]
    assert spans(found, gap=2) == [("Live", 0.0, 5.0, 3)]


def test_equal_lines_side_by_side_stay_apart() -> None:
    pair: list[Line] = [("Vote", 0, 0), ("Vote", 300, 0)]
    assert spans(frames(pair, pair[::-1])) == [("Vote", 0.0, 1.0, 2)] * 2


@given(
    st.lists(
        st.lists(st.tuples(st.text("ab ", min_size=1, max_size=4), st.integers(0, 3), st.integers(0, 3)), max_size=4),
        min_size=1,
        max_size=6,
    )
)
def test_every_line_that_was_read_is_in_exactly_one(lines: list[list[tuple[str, int, int]]]) -> None:
    found = frames(*([(text, 80.0 * x, 15.0 * y) for text, x, y in some] for some in lines))
    table = found.lines()
    assert table.frames.sum() == sum(map(len, lines))
    assert (table["last"] >= table["first"]).all()
    assert (table.frames <= table["last"] - table["first"] + 1).all()


def test_lines_of_a_picture_have_no_time() -> None:
    findings = [{"text": "Vote", "score": 0.9, "box": None}]
    entry = {"width": 4, "height": 3, "results": {"text": {"findings": findings, "values": {}, "truncated": False}}}
    found = Analyses(ids=["p", "bad"], errors=Errors(), entries=[entry, None])
    assert found.lines().text.tolist() == ["Vote"]
    assert found.lines()["first"].isna().all()


@pytest.mark.parametrize(
    ("options", "words"),
    [({"similarity": 2}, "similarity: got 2"), ({"overlap": -1}, "overlap: got -1"), ({"gap": 0.5}, "gap: got 0.5")],
)
def test_wrong_limits_are_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        frames([]).lines(**options)
