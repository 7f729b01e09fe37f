"""The timeline of a video: one file that runs nothing and loads nothing, whatever labels are called."""

import re
from base64 import b64encode
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.pages.html import number
from models.pages.timeline import Shot, Timeline, clock, page, shown_frames
from tests.models.page_reader import Read

RECEIPT = {"model": "m", "revision": "1", "fingerprint": "f" * 32, "precision": "fp32", "notice": "a <notice>"}
SAMPLING = {"policy": "every", "seconds": 1.0, "pooling": "mean", "top_k": 3}
REPORT = {"damaged_packets": 1, "corrupt_frames": 0}
VIDEO = {"duration": 100.0, "width": 640, "height": 360, "frame_rate": 25.0, "codec": "h264", "decoder": "PyAV"}
HOSTILE = ["</svg><script>alert(1)</script>", 'a "quoted" & <b>bold</b> label', "naïve\u202e 中文\x00"]
JPEG = b"\xff\xd8"


def timeline(n: int, labels: list[str], *, shots: int = 3, **video) -> Timeline:
    rng = np.random.default_rng(0)
    values = rng.random((n, len(labels)))
    ends = np.linspace(0, 100, shots + 1)
    times = np.linspace(0, 99, n)
    shot = np.minimum(np.searchsorted(ends, times, side="right") - 1, shots - 1)
    counts = np.bincount(shot, minlength=shots)
    none = np.full(len(labels), np.nan)
    return Timeline(
        name="<clip>.mp4",
        video={**VIDEO, "sampling": SAMPLING, "report": REPORT, **video},
        labels=labels,
        timestamps=times,
        rows=values,
        pooled=values.mean(axis=0),
        shots=[
            Shot(
                index=i,
                start=float(ends[i]),
                end=float(ends[i + 1]),
                frames=int(counts[i]),
                pooled=values[shot == i].mean(axis=0) if counts[i] else none,
            )
            for i in range(shots)
        ],
        thumbnails=[JPEG] * n,
        receipt=RECEIPT,
        note="Scores are not calibrated.",
    )


def wide(html: str) -> Read:
    """The page without the drawing for telephones."""
    return Read(re.sub(r'<div class="slim">.*?</div>', "", html, flags=re.DOTALL))


def curves(read: Read) -> list[list[tuple[float, float]]]:
    """The points of each curve, in pixels, top to bottom."""
    paths = [path["d"] for path in read.all("path") if re.match("(curve|fine) k", path.get("class", ""))]
    drawn = [[tuple(map(float, point.split())) for point in path[1:].split("L")] for path in paths if "H" not in path]
    return [[(x, y) for x, y in points] for points in drawn]


def test_it_runs_nothing_loads_nothing_and_escapes_labels():
    html = page(timeline(20, HOSTILE))
    read = Read(html)
    assert not {"script", "link", "iframe", "img", "object"} & {tag for tag, _ in read.found}
    assert all(link["href"].startswith("#") for link in read.all("a"))
    for tag, attributes in read.found:
        if tag == "a":
            continue
        assert not [name for name in attributes if name.startswith("on")]
        if tag == "use":
            assert attributes["href"][1:] in {image["id"] for image in read.all("image")}
            continue
        for name in ("href", "src"):
            assert attributes.get(name, "data:image/jpeg;base64,/9g").startswith("data:image/jpeg;base64,/9g")
    (policy,) = [meta["content"] for meta in read.all("meta") if "http-equiv" in meta]
    assert "default-src 'none'" in policy
    assert "url(" not in html
    text = read.text.replace("\u00a0", " ")
    for shown in ("<clip>.mp4", "<script>alert(1)</script>", "<b>bold</b>", "a <notice>", "1 damaged", "中文", "1 s"):
        assert shown in text, shown
    assert "one every 1 s" in text
    assert "f" * 32 in text
    assert "\x00" not in text
    for before in re.findall(r"(.{5})naïve", html):  # a label that runs from right to left turns nothing else around
        assert before == "<bdi>", before


def test_what_limits_the_result_is_listed_and_escaped():
    remarks = ["ends early: <b>half</b>", HOSTILE[0]]
    html = page(timeline(5, ["a"], report={**REPORT, "remarks": remarks}))
    text = Read(html).text
    assert "The video ends early: <b>half</b>" in text.replace("\u00a0", " ")
    assert "<script>" not in html
    assert "The video" not in Read(page(timeline(5, ["a"]))).text.replace("The whole video", "")


def test_few_frames_are_one_panel_with_a_dot_each():
    content = timeline(20, ["a", "b"])
    read = wide(page(content))
    drawn = curves(read)
    assert [len(points) for points in drawn] == [20, 20]
    assert len(read.all("circle")) == 40
    for label, points in enumerate(drawn):
        assert (
            np.argsort([y for _, y in points], kind="stable").tolist()
            == np.argsort(-content.rows[:, label], kind="stable").tolist()
        )
        assert np.diff([x for x, _ in points]) == pytest.approx(940 * 99 / 19 / 100, abs=0.11)
    assert len(read.all("rect")) == 1  # every other of three shots
    assert content.shots is not None
    assert read.row("1")[4] == number(float(content.shots[1].pooled[0]))


def test_a_thousand_frames_and_forty_labels_stay_legible():
    content = timeline(1000, [f"label {i}" for i in range(40)], shots=200)
    html = page(content)
    read = wide(html)
    assert len(curves(read)) == 8
    assert not read.all("circle")
    pictures = read.all("image")
    assert 5 <= len(pictures) <= 10
    assert html.count("data:image/jpeg") == len(pictures)
    places = sorted(float(each["x"]) for each in pictures)
    assert min(np.diff(places)) >= 112  # none over another
    assert "32 more in the table" in read.text
    drawn = set(re.findall(r"label \d+(?=</text>)", html))
    assert drawn == {content.labels[i] for i in np.argsort(-content.pooled)[:8]}
    for label in content.labels:
        assert label in read.text
    assert len(html) < 400_000


def test_only_frames_with_a_thumbnail_are_shown():
    content = timeline(9, ["a", "b"])
    small = [None, JPEG + b"1", None, None, JPEG + b"2", None, None, None, None]
    shown = [each["href"] for each in wide(page(replace(content, thumbnails=small))).all("image")]
    assert shown == [f"data:image/jpeg;base64,{b64encode(each).decode()}" for each in small if each]


def test_the_highest_label_of_a_shot_stands_out():
    content = timeline(30, ["a", "b", "c"])
    assert content.shots is not None
    html = page(content)
    bold = re.findall(r"<td><b><data[^>]*>([^<]*)</data></b>", html)
    assert bold == [number(float(shot.pooled.max())) for shot in content.shots]


def test_a_binary_classifier_has_one_curve_and_says_so():
    content = timeline(20, ["no", "<protest>"])
    read = wide(page(replace(content, binary=True)))
    assert len(curves(read)) == 1
    assert "The curve of no is 1 minus this one." in read.text
    assert len(curves(wide(page(content)))) == 2
    assert len(curves(wide(page(replace(timeline(20, ["a"]), binary=True))))) == 1


def test_the_page_has_the_style_and_the_title_of_the_others_and_a_drawing_for_telephones():
    html = page(timeline(20, ["a", "b"]))
    assert "<title>&lt;clip&gt;.mp4: timeline of a video</title>" in html
    assert "prefers-color-scheme: dark" in html
    assert "<h2>Contents</h2>" in html
    widths = [attributes["width"] for attributes in Read(html).all("svg") if attributes.get("role") == "img"]
    assert widths == ["1000", "330"]
    shown = {each["href"] for each in Read(html).all("image")}
    content = replace(timeline(90, ["a"]), thumbnails=[JPEG + bytes([i]) for i in range(90)])
    drawn = {b64encode(content.thumbnails[i] or b"").decode() for i in shown_frames(content)}
    assert {each["href"].split(",")[1] for each in Read(page(content)).all("image")} == drawn
    assert len(shown) == 1
    assert "blurred" not in html
    assert "Thumbnails are blurred" in Read(page(replace(content, blurred=True))).text


def test_odd_videos_have_a_page_too():
    plain = timeline(3, ["a"])
    for odd in (
        replace(plain, thumbnails=[None] * 3, shots=None, receipt=None),
        timeline(1, ["a", "b"], shots=1, duration=0.0, frame_rate=None),
        timeline(3, ["a"], width=100, height=5000),
        timeline(3, ["a"], width=0, height=0),
        timeline(3, ["a"], sampling={"policy": "keyframes", "pooling": "top_k", "top_k": 2}),
        timeline(3, ["a"], duration=14_000.0, sampling={**SAMPLING, "pooling": "max"}),
        timeline(3, ["a", "b"], shots=9, sampling={**SAMPLING, "policy": "shots", "take": "middle"}),
        timeline(3, ["a", "b"], sampling={**SAMPLING, "policy": "evenly", "n": 3}),
        timeline(3, ["a"], duration=1e12),
        replace(plain, rows=np.full((3, 1), np.nan), pooled=np.array([np.nan])),
    ):
        html = page(odd)
        assert "nan" not in Read(html).text.lower()
        assert len(html) < 60_000


def test_a_continuous_prediction_has_its_own_scale():
    values = np.array([-30.0, 50.0, 120.0, 20.0])
    content = timeline(4, ["value"])
    content = replace(content, rows=values[:, None], pooled=np.array([40.0]), note="By violence@2.")
    html = page(content)
    assert "violence@2" in html
    levels = [int(text) for text in re.findall(r'text-anchor="end">(-?\d+)<', html.split('class="slim"')[0])]
    assert levels == [0, 50, 100]  # within -36 to 126


@settings(max_examples=40, deadline=None)
@given(
    st.text(max_size=300),
    st.lists(st.text(min_size=1, max_size=200), min_size=1, max_size=12),
    st.integers(1, 200),
    st.sampled_from([0.0, 1e-9, 3.0, 1e6]),
)
def test_any_text_and_any_size_make_a_page_that_closes_its_tags(name, labels, n, duration):
    html = page(replace(timeline(n, labels, duration=duration), name=name))
    Read(html)
    html.encode("utf-8")


@pytest.mark.parametrize(
    ("seconds", "short", "exact"),
    [
        (0, "0:00", "0:00.000"),
        (61.5, "1:01", "1:01.500"),
        (3723.25, "1:02:03", "1:02:03.250"),
        (59.9999, "0:59", "1:00.000"),
    ],
)
def test_times_are_written_as_players_write_them(seconds, short, exact):
    assert clock(seconds) == short
    assert clock(seconds, exact=True) == exact
