"""Results as a notebook shows them: escaped, with pictures that show no face, and plots."""

import pickle
import re
import sys
from dataclasses import replace
from html.parser import HTMLParser

import matplotlib
import numpy as np
import pytest
from PIL import EpsImagePlugin, Image

import daguerre
from daguerre import Embeddings, Errors
from daguerre.results.estimates import CorpusEstimates
from daguerre.results.neighbours import Neighbours
from daguerre.results.notebook import thumbnail
from tests.clients.resources.test_blurred_faces import NUMBERS, clear_faces, crowds, pictures_of
from tests.e2e import harness

assert crowds  # a fixture
matplotlib.use("Agg")
TAGS = {"div", "pre", "figure", "img", "figcaption", "table", "thead", "tbody", "tr", "th", "td", "p", "style"}
HOSTILE = "<script>alert('x')</script>&\"$\\frac{"


class Reader(HTMLParser):
    """The tags and attributes of HTML."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.sources: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.sources += [str(value) for name, value in attrs if name in ("src", "href")]


def html_of(result: object) -> str:
    """The HTML of a result, of which only harmless tags are true, and in which nothing is fetched."""
    text = result._repr_html_()  # type: ignore[attr-defined]
    read = Reader(text)
    assert read.tags <= TAGS
    assert read.attributes <= {"class", "style", "src", "alt", "scope"}
    assert all(source.startswith("data:image/jpeg;base64,") for source in read.sources)
    return text


@pytest.fixture(scope="module")
def client(inline):
    with daguerre.Client(inline.url, progress=False) as client:
        yield client


def test_every_public_result_with_a_table_is_shown():
    kinds = [each for name in daguerre.__all__ if isinstance(each := getattr(daguerre, name), type)]
    tables = [each for each in kinds if hasattr(each, "to_pandas")]
    assert len(tables) > 30
    assert [each.__name__ for each in tables if not hasattr(each, "_repr_html_")] == []


def test_no_face_is_shown_by_default(client, crowds, monkeypatch):
    embedded = client.embed(crowds)
    results = {
        "embeddings": embedded,
        "zero-shot": client.zero_shot(crowds, labels=["a", "b"]),
        "part": embedded[:3],
        "copy": pickle.loads(pickle.dumps(embedded)),  # without a client
    }
    for kind, result in results.items():
        shown = pictures_of(html_of(result))
        assert len(shown) == len(result), kind
        assert not any(map(clear_faces, shown)), kind
    assert results["copy"].client is None
    monkeypatch.setenv("DAGUERRE_PICTURES", "thumbnails")
    assert sum(map(clear_faces, pictures_of(html_of(embedded)))) >= 1
    monkeypatch.setenv("DAGUERRE_PICTURES", "none")
    assert not pictures_of(html_of(embedded))
    monkeypatch.setenv("DAGUERRE_PICTURES", "small")
    assert "there are blurred, blurred_whole" in html_of(embedded)
    assert set(NUMBERS) == set(embedded.ids)


def test_whatever_is_in_ids_labels_and_files_is_escaped(client, tmp_path):
    (tmp_path / "<img src=x onerror=alert(1)>.jpg").write_bytes(harness.jpeg("rocket", width=100))
    (tmp_path / "b.jpg").write_bytes(harness.jpeg("coffee", width=100))
    (tmp_path / "<b>.jpg").write_bytes(b"no image")
    with pytest.warns(daguerre.DaguerreWarning, match="1 of 3"):
        scored = client.zero_shot(tmp_path, labels=[HOSTILE, "a"])
    with pytest.warns(daguerre.DaguerreWarning, match="1 of 3"):
        embedded = client.embed(tmp_path)
    found = client.search(HOSTILE, embedded.drop_failed(), k=2)
    for result in (scored, embedded, found, scored.errors):
        assert "&lt;" in html_of(result)
    assert len(pictures_of(html_of(scored))) == len(pictures_of(html_of(found))) == 2


def test_a_server_that_is_away_costs_the_pictures_alone(inline, photos):
    with daguerre.Client(inline.url, progress=False) as client:
        embedded = client.embed(photos)
    shown = html_of(embedded)
    assert "no pictures: this client is closed" in shown
    assert "1,268 more columns" in shown
    assert "<table" in shown


def test_an_id_is_no_path_where_none_was_given(client, embedded, photos):
    """Ids of a server, or of a file, may be paths of this machine by chance or by intent; nothing is read there."""
    path = str(photos / "chelsea.jpg")
    kept = {
        "receipt": embedded.receipt,
        "truncated": [],
        "modality": "image",
        "vectors": embedded.drop_failed().vectors[:2],
    }
    stored = Embeddings(ids=[path, "b"], errors=Errors(), **kept)
    assert not pictures_of(html_of(stored))
    assert not pictures_of(html_of(pickle.loads(pickle.dumps(stored))[:1]))
    assert not pictures_of(html_of(client.cluster(embeddings=stored, method="kmeans", k=2)))
    twice = replace(stored, ids=[path, path + "x"], files=[], vectors=stored.vectors[[0, 0]])
    duplicates = client.duplicates(embeddings=twice, kind="semantic", threshold=0.9)
    assert len(duplicates.groups) == 1
    assert not pictures_of(html_of(duplicates))
    assert len(pictures_of(html_of(client.embed([path])))) == 1


def test_files_that_cannot_be_read_have_no_picture(tmp_path):
    (tmp_path / "a.jpg").write_bytes(harness.jpeg("rocket", width=100)[:200])
    assert thumbnail(str(tmp_path / "a.jpg"), whole=True) is None
    (tmp_path / "b.jpg").write_bytes(harness.jpeg("rocket", width=100))
    assert thumbnail(str(tmp_path / "b.jpg"), whole=True)[:2] == b"\xff\xd8"


def test_a_picture_that_takes_gigabytes_is_not_decoded(tmp_path):
    Image.new("1", (10_000, 9_000)).save(tmp_path / "large.png")  # 30 kB
    assert thumbnail(str(tmp_path / "large.png"), whole=False) is None


def test_a_program_in_postscript_is_no_picture(tmp_path, monkeypatch):
    run = []
    monkeypatch.setattr(EpsImagePlugin, "Ghostscript", lambda *arguments, **options: run.append(arguments))
    (tmp_path / "a.jpg").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n%%EOF\n")
    assert thumbnail(str(tmp_path / "a.jpg"), whole=True) is None
    assert not run


def test_texts_have_no_pictures_and_a_table(client, photos, monkeypatch):
    shown = html_of(client.embed(texts=["a cat", "a dog"]))
    assert not pictures_of(shown)
    assert "<td>" in shown
    duplicates = html_of(client.duplicates(images=[*photos.glob("*.jpg"), *photos.glob("*.jpg")], kind="exact"))
    assert "group 0" in duplicates
    monkeypatch.setitem(sys.modules, "pandas", None)
    assert "<table" not in html_of(client.embed(texts=["a cat"]))


def test_clusters_are_drawn_as_a_map(client, embedded):
    clusters = client.cluster(embeddings=embedded, method="kmeans", k=3, vocabulary=["$x_{", "a cat", "a rocket"])
    axes = clusters.plot()
    drawn = np.concatenate([each.get_offsets() for each in axes.collections])
    there = clusters.coordinates[np.isfinite(clusters.coordinates).all(axis=1)]
    np.testing.assert_allclose(sorted(drawn.tolist()), sorted(there.tolist()), rtol=1e-6)
    axes.figure.canvas.draw()
    shown = html_of(clusters)
    assert len(pictures_of(shown)) == 12
    assert len(re.findall("<tr>", shown)) == 3
    with pytest.raises(ValueError, match='projection="pca"'):
        client.cluster(embeddings=embedded, method="kmeans", k=2, projection="none").plot()


def test_estimates_are_drawn_with_their_intervals_and_a_search_as_pictures(client, embedded, corpus, monkeypatch):
    estimate = {"naive": 0.4, "classical": [0.4, 0.2, 0.6], "n_coded": 50, "n_corpus": 900}
    shares = {"_a$b": {"value": 0.25, "low": 0.125, "high": 0.5}, "other": {"value": 0.75, "low": 0.5, "high": 0.875}}
    answer = {"estimates": {name: estimate | each for name, each in shares.items()}, "classifier": "a@1"}
    estimates = CorpusEstimates(answer | {"confidence": 0.95})
    axes = estimates.plot()
    lines = [line.get_xdata() for line in axes.lines]
    assert [list(line) for line in lines] == [[0.125, 0.5], [0.25], [0.5, 0.875], [0.75]]
    assert [each.get_text() for each in axes.get_yticklabels()] == ["_a$b", "other"]
    assert axes.get_xlabel() == "share, 95 % intervals"
    axes.figure.canvas.draw()
    assert html_of(estimates).count("<tr") == 3
    found = client.search(corpus / "rocket1.jpg", embedded, k=4)
    assert len(found.plot()) == 5
    with pytest.raises(ValueError, match="none of the pictures is a file"):
        Neighbours(queries=["a"], indexes=np.zeros((1, 1), int), ids=[["b"]], cosines=np.ones((1, 1))).plot()
    matplotlib.pyplot.close("all")
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ModuleNotFoundError, match=r"daguerre\[plots\]"):
        estimates.plot()
