"""The report's page: its figures are the report's, nothing on it is code, it loads nothing."""

import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from models.classifiers.epoch import Epoch
from models.classifiers.head import Block
from models.classifiers.page import page
from models.classifiers.probe import Options
from models.classifiers.problem import pose
from models.classifiers.train import train

QUICK = Options(strengths=(10.0,), folds=3, inner_folds=2)
NASTY = ["<script>alert(1)</script>", "quo\"te's & <b>", "שלום עולם", "🎉 党 " + "long " * 60]


class Read(HTMLParser):
    """Tags in their order, the text, and what would be loaded; raises where tags do not close."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.text = ""
        self.sources: list[str] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.sources += [value for name, value in attrs if name in ("src", "href", "xlink:href")]
        if tag not in ("meta", "img", "br"):
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def report_of(labels, n=120, d=8, **more):
    rng = np.random.default_rng(0)
    y = rng.integers(0, len(labels), n)
    x = rng.standard_normal((n, d)) + 1.0 * rng.standard_normal((len(labels), d))[y]
    ids = [f"{NASTY[0]}/{i}.jpg" for i in range(n)]
    block = [Block(modality="image", model="m", fingerprint="f", dimension=d)]
    task = "binary" if len(labels) == 2 else "categorical"
    problem = pose([x], [labels[i] for i in y], task=task, blocks=block, ids=ids, folds=3)
    return train(problem, QUICK, resamples=20, **more)[1]


@pytest.fixture(scope="module")
def report():
    return report_of(NASTY)


def test_what_people_write_is_shown_and_never_run(report):
    text = page(report, name="posts@1", facts={"Encoder": NASTY[0]})
    found = Read(text)
    assert "script" not in found.tags
    assert "b" in found.tags  # ours
    assert NASTY[0] in found.text
    assert NASTY[1] in found.text
    assert NASTY[2] in found.text
    assert found.sources == []
    assert not re.search(r"url\(|@import|http", text)


def test_its_figures_are_those_of_the_report(report):
    found = Read(page(report, name="posts@1", facts={}))
    right = report.cross_validated.figures["accuracy"]
    assert f"{100 * right.value:.1f} % [{100 * right.low:.1f}, {100 * right.high:.1f}]" in found.text
    assert f"{report.cross_validated.figures['brier'].value:.3g}" in found.text
    for note in report.notes:
        assert note.message in found.text
    for title in ("What was learnt from", "Out of fold", "Confusion", "Reliability", "Most confidently wrong"):
        assert title in found.text
    assert found.tags.count("svg") >= len(report.labels)


def test_pictures_are_in_it(report):
    from models.classifiers.worst import worst

    first = worst(report)[0]
    found = Read(page(report, name="posts@1", facts={}, thumbnails={first.id: b"\xff\xd8jpeg"}))
    assert found.sources == ["data:image/jpeg;base64,/9hqcGVn"]


def test_numbers_and_networks_have_pages_too():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((60, 4))
    block = [Block(modality="image", model="m", fingerprint="f", dimension=4)]
    problem = pose([x], list(x[:, 0] + rng.normal(0, 0.2, 60)), task="continuous", blocks=block, folds=3)
    report = train(problem, QUICK, resamples=20)[1]
    found = Read(page(report, name="n@1", facts={}))
    assert "Predicted against true values" in found.text
    assert "off by" in found.text
    epochs = tuple(
        Epoch(stage="head", epoch=i, rate=0.1, train_loss=1 / i, validation_loss=1.5 / i, score=0.5, seconds=1.0)
        for i in (1, 2, 3)
    )
    network = replace(
        report,
        kind="network",
        held_out=report.cross_validated,
        held_out_predictions=report.out_of_fold,
        cross_validated=None,
        out_of_fold=None,
        strength=None,
        curve=epochs,
        best=2,
        start={"name": "embedded"},
        device="cpu, fp32",
    )
    found = Read(page(network, name="n@2", facts={}))
    assert "Learning curve" in found.text
    assert "epoch 3 is kept" in found.text
    assert "Test images" in found.text


def test_many_classes_stay_a_page():
    text = page(report_of([f"class {i}" for i in range(120)], n=1200), name="many@1", facts={})
    assert len(text) < 1_000_000
    assert "Most confused" in Read(text).text
