"""The timeline of a video: one file that runs nothing and loads nothing, whatever labels are called."""

import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from daguerre import ClipPredictions, ClipScores, Shot
from daguerre.pages.timeline import clock
from daguerre.types.common import Receipt

RECEIPT = Receipt("m", "1", "f" * 32, "fp32", "cpu", "exact", False, notice="a <notice>")
FACTS = {"duration": 100.0, "width": 640, "height": 360, "frame_rate": 25.0, "codec": "h264"}
SAMPLING = {"policy": "every", "seconds": 1.0, "pooling": "mean", "top_k": 3}
REPORT = {"damaged_packets": 1, "corrupt_frames": 0}
HOSTILE = ["</svg><script>alert(1)</script>", 'a "quoted" & <b>bold</b> label', "naïve\u202e 中文\x00"]


def scores(n: int, labels: list[str], *, shots: int = 3) -> ClipScores:
    rng = np.random.default_rng(0)
    values = rng.random((n, len(labels))).astype(np.float32)
    ends = np.linspace(0, 100, shots + 1)
    times = np.linspace(0, 99, n)
    shot = np.minimum(np.searchsorted(ends, times, side="right") - 1, shots - 1)
    counts = np.bincount(shot, minlength=shots)
    return ClipScores(
        name="<clip>.mp4",
        facts=FACTS,
        sampling=SAMPLING,
        timestamps=times,
        shot=shot,
        shots=[Shot(i, ends[i], ends[i + 1], int(counts[i])) for i in range(shots)],
        dropped=np.zeros(n, np.int64),
        thumbnails=[b"\xff\xd8"] * n,
        report=REPORT,
        decoder="PyAV",
        receipt=RECEIPT,
        labels=labels,
        scores=values,
        cosines=values,
        best=[labels[int(i)] for i in values.argmax(axis=1)],
        none_scores=None,
        label=labels[0],
        pooled=values.mean(axis=0),
        templates=["{}"],
    )


class Page(HTMLParser):
    """What there is: elements, their attributes, all text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.open: list[str] = []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag != "meta":
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def written(of: ClipScores | ClipPredictions, tmp_path) -> Page:
    of.timeline(tmp_path / "page.html")
    return Page((tmp_path / "page.html").read_text(encoding="utf-8"))


def test_it_runs_nothing_loads_nothing_and_escapes_labels(tmp_path):
    page = written(scores(20, HOSTILE), tmp_path)
    assert not {"script", "link", "iframe", "b", "img", "object"} & {tag for tag, _ in page.elements}
    for _, attributes in page.elements:
        assert not [name for name in attributes if name.startswith("on")]
        for name in ("href", "src"):
            assert (attributes.get(name) or "data:").startswith("data:image/jpeg;base64,/9g") or name not in attributes
    assert "default-src 'none'" in (page.all("meta")[1]["content"] or "")
    assert "url(" not in (tmp_path / "page.html").read_text()
    for shown in ("<clip>.mp4", "<script>alert(1)</script>", "a <notice>", "1 damaged", "naïve 中文", "one every 1 s"):
        assert shown in page.text, shown
    assert "f" * 32 in page.text


def test_few_frames_are_one_panel_with_a_dot_each(tmp_path):
    told = scores(20, ["a", "b"])
    page = written(told, tmp_path)
    curves = [line["points"] for line in page.all("polyline")]
    assert [len((points or "").split()) for points in curves] == [20, 20]
    assert len(page.all("circle")) == 40
    ys = [float(point.split(",")[1]) for point in (curves[0] or "").split()]
    assert np.argsort(ys).tolist() == np.argsort(-told.scores[:, 0], kind="stable").tolist()
    assert len(page.all("rect")) == 1  # every other of three shots
    assert f"{told.pool(by='shot')[1, 0]:.3f}" in page.text


def test_a_thousand_frames_and_forty_labels_stay_legible(tmp_path):
    told = scores(1000, [f"label {i}" for i in range(40)], shots=200)
    page = written(told, tmp_path)
    assert len(page.all("polyline")) == 8
    assert not page.all("circle")
    pictures = page.all("image")
    assert 5 <= len(pictures) <= 10
    places = sorted(float(each["x"] or 0) for each in pictures)
    assert min(np.diff(places)) >= 112  # none over another
    assert "32 more in the table" in page.text
    drawn = set(re.findall(r"label \d+(?=</text>)", (tmp_path / "page.html").read_text()))
    assert drawn == {told.labels[i] for i in np.argsort(-told.pool())[:8]}
    for label in told.labels:
        assert label in page.text
    assert (tmp_path / "page.html").stat().st_size < 300_000


def test_odd_videos_have_a_page_too(tmp_path):
    plain = scores(3, ["a"])
    for odd in (
        replace(plain, thumbnails=[None] * 3, shot=None, shots=None),
        replace(scores(1, ["a", "b"], shots=1), facts={**FACTS, "duration": 0.0, "frame_rate": None}),
        replace(plain, facts={**FACTS, "width": 100, "height": 5000}),
        replace(plain, sampling={"policy": "keyframes", "pooling": "top_k", "top_k": 2}),
        replace(plain, facts={**FACTS, "duration": 14_000.0}, sampling={**SAMPLING, "pooling": "max"}),
        replace(scores(3, ["a", "b"], shots=9), sampling={**SAMPLING, "policy": "shots", "take": "middle"}),
    ):
        assert "nan" not in written(odd, tmp_path).text.lower()


def test_a_continuous_prediction_has_its_own_scale(tmp_path):
    shared = {name: getattr(scores(4, ["a"]), name) for name in ("name", "facts", "sampling", "timestamps", "shot")}
    values = np.array([-30.0, 50.0, 120.0, 20.0])
    nothing = np.full(4, np.nan)
    told = ClipPredictions(
        **shared,
        shots=scores(4, ["a"]).shots,
        dropped=np.zeros(4, np.int64),
        thumbnails=[None] * 4,
        report={},
        decoder="PyAV",
        receipt=RECEIPT,
        classifier="violence@2",
        labels=[],
        predicted=[],
        probabilities=np.zeros((4, 0)),
        values=values,
        low=nothing,
        high=nothing,
        label=None,
        pooled=np.array([40.0]),
    )
    page = written(told, tmp_path)
    assert "violence@2" in page.text
    assert "not calibrated" not in page.text
    ticks = [int(text) for text in re.findall(r'text-anchor="end">(-?\d+)<', (tmp_path / "page.html").read_text())]
    assert ticks == [0, 50, 100]  # within -37.5 to 127.5


@pytest.mark.parametrize(
    ("given", "said", "exact"),
    [
        (0, "0:00", "0:00.000"),
        (61.5, "1:01", "1:01.500"),
        (3723.25, "1:02:03", "1:02:03.250"),
        (59.9999, "0:59", "1:00.000"),
    ],
)
def test_times_are_written_as_players_write_them(given, said, exact):
    assert clock(given) == said
    assert clock(given, exact=True) == exact
