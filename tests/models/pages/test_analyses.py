"""The page of analyses: boxes lie where they were found, counts and intervals are right, and what is cut is told."""

import json
import re
from base64 import b64decode, b64encode
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from models.errors import PageError
from models.images.thumbnail import is_blurred
from models.pages.analyses import ROWS, SECTIONS, SHEET
from models.pages.analyses_view import View
from models.pages.items import Items
from service.pipelines.pages import KINDS
from tests.models.page_reader import Read
from tests.models.pages.answers import HOSTILE, analyser, analyses, boxed, result
from tests.models.pages.test_answer_pages import jpeg, made, text_of


def pictures(*results: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """The answer for pictures of 200 x 100 pixels with these results."""
    data = [{"index": i, "id": f"p{i}", "width": 200, "height": 100, "results": r} for i, r in enumerate(results)]
    kinds = list(dict.fromkeys(kind for each in results for kind in each))
    options: dict[str, Any] = {kind: {} for kind in kinds}
    receipts = {kind: analyser(kind) for kind in kinds}
    return {"data": data, "options": options or {"text": {}}, "first_of_many": [], "receipts": receipts, **changes}


def read(answer: dict[str, Any], **items: Any) -> tuple[Read, list[str]]:
    """The page, whose tags have to close, and the ids that it shows."""
    html, shown = made("analyses", answer, **items)
    return Read(html), shown


def video(frames: list[dict[str, Any]], **entry: Any) -> dict[str, Any]:
    facts = {"duration": 9.0, "width": 200, "height": 100, "frame_rate": 25.0, "variable_rate": False, "rotation": 0}
    report = {"decoded": 9, "damaged_packets": 0, "corrupt_frames": 0, "disordered": 0, "estimated": 0}
    block = {
        **{**facts, "interlaced": False, "codec": "h264", "container": "MP4", "decoder": "PyAV", "frames": frames},
        **{"report": {**report, "ended_early": False, "fell_back": False, "remarks": []}, "shots": None},
        "sampling": {"policy": "every", "seconds": 1.0},
    }
    means = {"objects": result(values={"objects": 1.5})}
    return {"index": 0, "id": "v.mp4", "width": 200, "height": 100, "results": means, "video": block, **entry}


def test_counts_have_the_shares_and_intervals_of_the_pictures_that_could_be_used() -> None:
    found = [{"objects": result(boxed("dog", 0.6), boxed("dog", 0.4))}, {"objects": result(boxed("cat", 0.5))}]
    page, _ = read(pictures(*found, *[{"objects": result()}] * 8))
    low, high = binomtest(1, 10).proportion_ci(method="wilson")
    interval = f"[{100 * low:.1f},\u00a0{100 * high:.1f}]"
    assert page.row("dog")[1:] == ["1", "10.0\u00a0%", interval, "2", "0.50"]
    assert page.row("cat")[1:] == ["1", "10.0\u00a0%", interval, "1", "0.50"]
    assert page.row("Objects")[1] == "objects: 3\u00a0findings in 2 of 10\u00a0pictures"


def test_a_failed_item_is_listed_and_in_no_share() -> None:
    page, _ = read(analyses())
    assert page.row("dog")[1:3] == ["2", "100.0\u00a0%"]
    assert page.row("Could not be used")[1] == "1\u00a0picture"
    assert page.row("z")[1] == "invalid_image"


def test_boxes_are_drawn_in_shares_of_the_picture_in_every_mode() -> None:
    for mode in ("thumbnails", "blurred", "none"):
        small = {"p0": jpeg(blurred=mode == "blurred")}
        page, _ = read(pictures({"objects": result(boxed("dog", 0.6))}), mode=mode, thumbnails=small)
        paths = [each["d"] for each in page.all("path") if each.get("class", "").startswith("found")]
        assert paths[0] == "M15 15L90 15L90 75L15 75Z"  # of a drawing of 300 x 150 for 200 x 100 pixels
        assert len(page.all("img")) == (0 if mode == "none" else 2)  # the sheet and the label
        assert ("blurred" in page.text) == (mode == "blurred")


FREE = st.floats(-1e9, 1e9) | st.just(float("inf")) | st.just(float("nan"))
SIZE = st.floats(0, 1e9) | st.just(float("inf"))


@given(st.tuples(FREE, FREE, SIZE, SIZE), st.integers(0, 10**20), st.integers(0, 10**20))
def test_boxes_stay_in_the_drawing(box: tuple[float, ...], width: int, height: int) -> None:
    place = dict(zip(("x", "y", "width", "height"), box, strict=True))
    answer = pictures({"objects": result({"label": "dog", "score": 0.5, "box": place})})
    answer["data"][0] |= {"width": width, "height": height}
    page, _ = read(answer)
    views = [each["viewbox"].split() for each in page.all("svg") if "preserveaspectratio" in each]
    wide, tall = map(float, views[0][2:])
    for path in page.all("path"):
        if path.get("class", "").startswith("found"):
            for left, top in re.findall(r"([-\d.]+) ([-\d.]+)", path["d"]):
                assert 0 <= float(left) <= wide
                assert 0 <= float(top) <= tall


def test_the_pictures_with_most_boxes_come_first_and_the_sheet_says_what_is_not_on_it() -> None:
    found = [{"objects": result(*[boxed("dog", 0.5)] * n)} for n in range(SHEET + 5)]
    page, shown = read(pictures(*found))
    assert shown[:SHEET] == [f"p{n}" for n in range(SHEET + 4, 4, -1)]
    assert "5 more are not on this sheet" in page.text


def test_a_label_shows_the_highest_and_the_lowest_scores_with_its_boxes_alone() -> None:
    found = [{"objects": result(boxed("dog", n / 20), boxed("cat", 0.5))} for n in range(1, 20)]
    html, _ = made("analyses", pictures(*found))
    block = html[html.index('id="objects-1"') : html.index("Scores of dog")]
    assert re.findall(r"score (0\.\d\d)", block) == ["0.95", "0.90", "0.85", "0.80", "0.05", "0.10", "0.15", "0.20"]
    assert block.count('class="found') == 8


def test_the_threshold_is_marked_where_there_is_one() -> None:
    html, _ = made("analyses", analyses())
    assert "Scores of dog (2\u00a0findings). Dashed: the threshold, 0.35" in html
    assert "Scores of tabby (2\u00a0findings).<" in html  # classes have no lowest score by default
    assert html.count('path class="second"') == html.count("Dashed:") > 0


def test_classes_of_whole_pictures_are_counted_by_the_highest_score() -> None:
    page, _ = read(analyses())
    rows = [row for row in page.rows if row[0] == "tabby"]
    assert rows[0][1:3] == ["1", "50.0\u00a0%"]
    assert rows[0][4] == "2"


def test_lines_of_text_are_listed_and_cut_with_a_word() -> None:
    lines = [{"text": f"line {i}", "score": 0.9} for i in range(ROWS + 1)]
    page, _ = read(pictures({"text": result(*lines)}))
    assert f"The first {ROWS} of {ROWS + 1}\u00a0lines" in page.text
    assert page.row("p0")[1:] == ["0.90", "line 0"]
    assert f"line {ROWS}" not in [row[-1] for row in page.rows if row]


def test_many_labels_are_cut_with_a_word() -> None:
    labels = [boxed(f"label {i}", 0.5) for i in range(ROWS + 2)]
    page, _ = read(pictures({"objects": result(*labels)}))
    assert f"The first {ROWS} of {ROWS + 2}\u00a0labels" in page.text
    assert f"The pictures of {ROWS + 2 - SECTIONS}\u00a0further labels are not shown" in page.text


def test_numbers_have_their_quantiles() -> None:
    page, _ = read(pictures(*({"visual": result(values={"brightness": n / 10})} for n in range(11))))
    assert page.row("brightness")[2:] == [
        *("11", "0.500", "0.332", "0", "0.0500", "0.250", "0.500", "0.750", "0.950", "1.00", "Visual features")
    ]


def test_notices_and_remarks_are_counted() -> None:
    text = text_of(made("analyses", analyses())[0])
    assert "Validate before you count" in text
    assert "Objects: person" in text  # the notice
    assert "Text: a remark on 2 pictures: “person: 3 lines are left out”, and others that differ" in text
    assert "Objects: more was found than is given in 1 picture." in text
    assert "1 image holds several pictures" in text
    demonstration = {"objects": analyser("objects", demonstration=True)}
    page, _ = read(pictures({"objects": result()}, receipts=demonstration))
    assert "objects is a demonstration, not meant for research" in page.text


@pytest.mark.parametrize(
    "answer",
    [
        pictures(),
        pictures({"objects": result(), "text": result()}),
        pictures({}),
        pictures({"text": result({})}),
        {**analyses(), "data": analyses()["data"][2:]},
        pictures({"objects": result({"label": "dog"}), "text": result({"text": "a", "score": float("nan")})}),
    ],
    ids=["no picture", "no finding", "no result", "an empty finding", "failed alone", "without scores and places"],
)
def test_an_answer_with_little_in_it_has_a_page(answer: dict[str, Any]) -> None:
    page, _ = read(answer)
    assert "methods section" in page.text
    assert not re.search(r"\bnan\b", page.text)


def test_a_video_is_one_item_with_the_frame_that_has_most() -> None:
    frames = [
        {"index": 0, "timestamp": 0.0, "times": 1, "thumbnail": "AAAA", "results": {"objects": result()}},
        {"index": 25, "timestamp": 1.0, "times": 2, "thumbnail": "BBBB",
         "results": {"objects": result(boxed("dog", 0.6), boxed("dog", 0.5))}},
    ]  # fmt: skip
    answer = pictures({"objects": result(boxed("dog", 0.4))}, {"objects": result()})
    answer["data"].append(video(frames, index=2))
    page, shown = read(answer, thumbnails={"p0": jpeg()})
    assert "v.mp4" not in shown  # its picture is a frame, of the answer
    assert page.row("dog")[1:] == ["2", "66.7\u00a0%", page.row("dog")[3], "3", "2", "0.50"]
    assert page.row("Videos")[1] == "1, with 2\u00a0frames"
    assert "frame at 1.0 s" in page.text
    assert any(each["src"].endswith("BBBB") for each in page.all("img"))
    hidden, _ = read(answer, mode="blurred", thumbnails={"p0": jpeg(blurred=True)})
    assert not any(each["src"].endswith("BBBB") for each in hidden.all("img"))


def seen(*labels: list[str], times: list[float] | None = None, **entry: Any) -> dict[str, Any]:
    """A video with these labels in its frames, one a second."""
    frames = [
        {"index": i, "timestamp": (times or range(len(labels)))[i], "times": 1, "thumbnail": None,
         "results": {"objects": result(*(boxed(name, 0.6) for name in some))}}
        for i, some in enumerate(labels)
    ]  # fmt: skip
    return video(frames, **entry)


def test_labels_of_a_video_are_drawn_over_time() -> None:
    answer = pictures(data=[seen([], ["dog"], ["dog", "dog", "cat"], ["cat"])], options={"objects": {}})
    html, _ = made("analyses", answer)
    page = Read(html)
    rows = [row[1:] for row in page.rows if row and row[0] == "v.mp4"]
    assert ["dog", "2", "4", "2", "1.0 s", "2.0 s"] in rows
    assert html.count('class="curve') == 6  # two labels, for two widths, and in the legend
    assert "Over time" not in text_of(made("analyses", analyses())[0])


@given(
    st.lists(st.floats() | st.integers(-(10**20), 10**20), min_size=2, max_size=4),
    st.floats() | st.integers(0, 10**300),
    st.lists(st.fixed_dictionaries({}, optional={"start": st.floats() | st.none(), "end": st.floats()}), max_size=3),
)
def test_odd_times_of_a_video_have_a_page(times: list[float], duration: float, shots: list[dict[str, Any]]) -> None:
    entry = seen(*[["dog"]] * len(times), times=times)
    entry["video"] |= {"duration": duration, "shots": shots}
    page, _ = read(pictures(data=[entry], options={"objects": {}}))
    assert "nan" not in page.text


def test_a_sheet_is_filtered_by_label_and_score_without_scripts() -> None:
    found = [{"objects": result(boxed("dog", 0.95), boxed("cat", 0.4))}, {"objects": result(boxed("cat", 0.6))}]
    html, _ = made("analyses", pictures(*found))
    page = Read(html)
    buttons = [each["id"] for each in page.all("input")]
    assert buttons == ["only-all-label", "only-l0", "only-l1", "only-all-score", "only-s0", "only-s1", "only-s2"]
    sheet = html[html.index('class="sheet all"') :]
    first, second = re.findall(r'<li class="([^"]*)"', sheet)[:2]
    assert set(first.split()) == {"l0", "l1", "s0", "s1", "s2", "l1s0", "l1s1", "l1s2"}  # cat is the most frequent
    assert set(second.split()) == {"l0", "s0", "l0s0"}
    for choice in buttons:
        assert choice.startswith("only-all") or f"body:has(#{choice}:checked)" in html
    assert "<input" not in made("analyses", pictures({"visual": result(values={"blur": 1.0})}))[0]


def test_the_rectangle_of_a_crop_is_drawn() -> None:
    answer = pictures({"objects": result(boxed("dog", 0.6))})
    answer["data"][0]["crop"] = {"x": 20.0, "y": 20.0, "width": 100.0, "height": 40.0, "margin": 0.1}
    page, _ = read(answer)
    paths = [each["d"] for each in page.all("path") if each.get("class") == "crop"]
    assert paths == ["M15 24L195 24L195 96L15 96Z"] * 2  # of a drawing of 300 x 150 for 200 x 100 pixels


def test_frames_are_blurred_where_pictures_are() -> None:
    clear = jpeg()
    entry = seen(["dog"])
    entry["video"]["frames"][0]["thumbnail"] = b64encode(clear).decode()
    for mode, shown in (("thumbnails", True), ("blurred", True), ("none", False)):
        stills = {b64encode(clear).decode(): jpeg(blurred=True)}  # as the pipeline makes them
        html, _ = made("analyses", pictures(data=[entry], options={"objects": {}}), mode=mode, stills=stills)
        seen_stills = [b64decode(each["src"].partition(",")[2]) for each in Read(html).all("img")]
        assert bool(seen_stills) == shown
        assert all(is_blurred(still) == (mode == "blurred") for still in seen_stills)
        assert ("made without pictures" in text_of(html)) == (mode == "none")


@pytest.mark.parametrize("frame", [{}, {"timestamp": 0.0}, {"timestamp": "x", "results": {}}])
def test_frames_without_results_are_refused(frame: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"results|timestamp"):
        KINDS["analyses"].schema.model_validate(pictures(data=[video([frame])], options={"objects": {}}))


def test_corners_that_are_no_points_are_refused() -> None:
    answer = pictures({"text": result({"text": "a", "polygon": [[1, 2], [3]]})})
    with pytest.raises(PageError, match=r"data\[0\].results.text.findings\[0\].polygon: has a corner"):
        made("analyses", answer)


def test_text_of_frames_is_escaped() -> None:
    frame = {"timestamp": 1.0, "thumbnail": HOSTILE, "results": {"objects": result(boxed(HOSTILE, 0.6))}}
    html, _ = made("analyses", pictures(data=[video([frame], id=HOSTILE)], options={"objects": {}}))
    Read(html)
    assert "<script" not in html


@given(st.lists(st.lists(st.sampled_from("abc"), max_size=5), min_size=1, max_size=8))
def test_counts_are_those_of_the_findings(labels: list[list[str]]) -> None:
    answer = pictures(*({"objects": result(*(boxed(name, 0.5) for name in some))} for some in labels))
    view = View(json.loads(json.dumps(KINDS["analyses"].schema.model_validate(answer).model_dump())))
    for label in view.labels.get("objects", ()):
        assert len(label.items) == sum(label.name in some for some in labels)
        assert label.findings == sum(some.count(label.name) for some in labels)
    assert view.findings.get("objects", 0) == sum(map(len, labels))
    assert KINDS["analyses"].page(view.answer, Items())
