"""Numbers of labels over the time of a video, against counts by pandas and by hand."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daguerre.results.analyses import Analyses
from daguerre.results.base import Errors
from daguerre.results.frames import seconds_on_screen


def finding(label: str, score: float = 0.5) -> dict[str, Any]:
    return {"label": label, "score": score, "box": {"x": 1.0, "y": 2.0, "width": 3.0, "height": 4.0}}


def result(*findings: dict[str, Any], **values: float) -> dict[str, Any]:
    return {"findings": list(findings), "values": values, "truncated": False, "remarks": []}


def video(
    times: list[float],
    labels: list[list[str]],
    *,
    duration: float,
    shots: list[tuple[float, float]] | None = None,
    policy: str = "every",
) -> dict[str, Any]:
    """The entry of a video with these labels in its frames."""
    edges = shots or []

    def shot_of(time: float) -> int | None:
        return next((i for i, (start, end) in enumerate(edges) if start <= time < end), None)

    frames = [
        {
            **{"index": i, "timestamp": time, "times": 1, "shot": shot_of(time), "dropped": 0},
            "results": {"objects": result(*map(finding, own), objects=float(len(own)))},
        }
        for i, (time, own) in enumerate(zip(times, labels, strict=True))
    ]
    block = {
        **{"duration": duration, "frames": frames, "sampling": {"policy": policy}, "report": {"remarks": []}},
        "shots": None
        if shots is None
        else [{"index": i, "start": start, "end": end} for i, (start, end) in enumerate(edges)],
    }
    return {"width": 40, "height": 30, "results": {"objects": result(objects=1.0)}, "video": block}


def analyses(**entries: dict[str, Any] | None) -> Analyses:
    return Analyses(ids=list(entries), errors=Errors(), entries=list(entries.values()), receipts={"objects": {}})


NEWS = video(
    [0.0, 1.0, 2.0, 3.0],
    [[], ["person"], ["person", "person", "car"], ["car"]],
    duration=4.5,
    shots=[(0.0, 1.5), (1.5, 4.5)],
)


def test_findings_have_the_time_and_the_number_of_their_frame() -> None:
    table = analyses(news=NEWS).to_pandas()
    assert table.id.tolist() == ["news@1.000", *["news@2.000"] * 3, "news@3.000"]
    assert table.finding.tolist() == [0, 0, 1, 2, 0]
    assert table[["video", "time", "frame"]].drop_duplicates().to_numpy().tolist() == [
        ["news", 1.0, 1],
        ["news", 2.0, 2],
        ["news", 3.0, 3],
    ]


def test_frames_have_their_numbers() -> None:
    table = analyses(news=NEWS).frames
    assert table.objects.tolist() == [0, 1, 3, 1]
    assert table.index.tolist() == [f"news@{i}.000" for i in range(4)]


def test_counts_over_time_are_those_of_the_table_of_findings() -> None:
    both = analyses(news=NEWS, other=video([0.0], [["dog"]], duration=1.0))
    table = both.counts(over="time")
    crossed = pd.crosstab(both.to_pandas().id, both.to_pandas().label).reindex(table.index, fill_value=0)
    assert (table[["car", "dog", "person"]].astype(int) == crossed[["car", "dog", "person"]]).all().all()


def test_a_second_has_the_mean_of_its_frames_and_is_missing_without_any() -> None:
    clip = video([0.0, 0.5, 2.0], [["a"], ["a", "a"], []], duration=3.5)
    table = analyses(clip=clip).counts(over="second")
    assert table.second.tolist() == [0, 1, 2, 3]
    assert table.frames.tolist() == [2, 0, 1, 0]
    np.testing.assert_array_equal(table.a, [1.5, np.nan, 0.0, np.nan])


def test_a_label_in_a_video_and_in_its_shots() -> None:
    found = analyses(news=NEWS)
    table = found.counts(over="video").set_index("label")
    assert table.loc["person", ["frames", "most", "first", "last"]].tolist() == [2, 2, 1.0, 2.0]
    assert table.loc["person", "seconds"] == 0.5 + 1.5  # from 1 s to the end of its shot, and from there to 3 s
    shots = found.counts(over="shot").set_index(["shot", "label"])
    assert shots.loc[(0, "person"), ["sampled", "frames", "most"]].tolist() == [2, 1, 1]
    assert shots.loc[(1, "car"), "seconds"] == 3.0
    assert (
        shots.groupby("label").seconds.sum().to_dict()
        == found.counts(over="video").set_index("label").seconds.to_dict()
    )


def test_an_item_that_is_a_video_has_the_greatest_number_at_once() -> None:
    still = {"width": 4, "height": 3, "results": {"objects": result(finding("car"))}}
    table = analyses(news=NEWS, still=still, bad=None).counts()
    assert table.loc["news"].tolist() == [1, 2]
    assert table.loc["still"].tolist() == [1, 0]
    assert table.loc["bad"].isna().all()


@given(
    times=st.lists(st.floats(0, 100), min_size=1, max_size=20, unique=True),
    more=st.floats(0, 10),
    policy=st.sampled_from(["every", "evenly", "keyframes"]),
)
def test_frames_stand_for_all_of_the_time_after_the_first(times: list[float], more: float, policy: str) -> None:
    times = sorted(times)
    clip = video(times, [[]] * len(times), duration=times[-1] + more, policy=policy)["video"]
    lengths = seconds_on_screen(clip)
    assert (lengths >= 0).all()
    start = 0.0 if policy == "evenly" else times[0]
    assert lengths.sum() == pytest.approx(times[-1] + more - start)


def test_evenly_sampled_frames_stand_for_equal_parts() -> None:
    clip = video([1.0, 3.0, 5.0], [[]] * 3, duration=6.0, policy="evenly")["video"]
    assert seconds_on_screen(clip).tolist() == [2.0, 2.0, 2.0]


def test_wrong_times_are_refused() -> None:
    with pytest.raises(ValueError, match="there are item, time, second, shot, video"):
        analyses(news=NEWS).counts(over="minute")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="find_shots=True"):
        analyses(clip=video([0.0], [["a"]], duration=1.0)).counts(over="shot")
    still = {"width": 4, "height": 3, "results": {"objects": result(finding("car"))}}
    with pytest.raises(ValueError, match="none of the items is a video"):
        analyses(still=still).counts(over="time")


def test_crops_leave_frames_out_and_name_their_findings() -> None:
    still = {"width": 4, "height": 3, "results": {"objects": result(finding("car"), finding("dog"))}}
    with pytest.warns(match="5 findings are in frames of videos"):
        crops = analyses(news=NEWS, still=still).crops()
    assert crops.item.tolist() == ["still#0", "still#1"]
    with pytest.raises(ValueError, match="save frames as images"):
        analyses(news=NEWS).crops()
