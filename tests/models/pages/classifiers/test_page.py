"""The report's page: its figures are the report's, what people wrote is text, it loads nothing, it stays a page."""

import re
from base64 import b64decode
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy.stats import binomtest

from models.classifiers.codes import aggregate_codes
from models.classifiers.head import Block
from models.classifiers.measure import evaluate
from models.classifiers.probe import Options
from models.classifiers.problem import make_problem
from models.classifiers.records import Dropped, Epoch, Note
from models.classifiers.report import Report
from models.classifiers.train import train
from models.classifiers.worst import worst
from models.images.thumbnail import thumbnail
from models.intervals import Figure, wilson
from models.pages.classifiers import plots
from models.pages.classifiers.page import page
from models.pages.html import e, figure, join, number, percent, shortened
from models.pages.plots import ticks
from tests.models.page_reader import Read

QUICK = Options(strengths=(10.0,), folds=3, inner_folds=2)
NASTY = ("<script>alert(1)</script>", "quo\"te's & <b>", "שלום עולם", "🎉 党 " + "long " * 400, "a\x00b\udcff")
NAN = float("nan")


def read(report, **more):
    return Read(page(report, name="posts@1", facts={}, **more))


def made(labels, n, *, seed=0, weights=None, ids=None):
    """A report as training leaves it, without training: any number of classes, in no time."""
    rng = np.random.default_rng(seed)
    k = len(labels)
    y = np.r_[np.arange(k), rng.integers(0, k, n - k)]
    logits = rng.standard_normal((n, k)) + 2.5 * np.eye(k)[y]
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    w = np.ones(n) if weights is None else weights
    task = "binary" if k == 2 else "categorical"
    measured, predictions = evaluate(
        y,
        p,
        task=task,
        labels=tuple(labels),
        threshold=0.5,
        ids=ids or [f"i{i}" for i in range(n)],
        weights=w,
        groups=None,
        resamples=5,
        seed=0,
    )
    return Report(
        task=task,
        n=n,
        labels=tuple(labels),
        counts=dict(zip(labels, np.bincount(y, minlength=k).tolist(), strict=True)),
        groups=None,
        bounds=None,
        dropped=(),
        notes=(),
        options={"folds": 5, "inner_folds": 3, "seed": 0},
        held_out=None,
        held_out_predictions=None,
        libraries={"numpy": "2"},
        seconds=1.0,
        cross_validated=measured,
        out_of_fold=predictions,
    )


@pytest.fixture(scope="module")
def probe():
    """Really trained: groups, weights, coders, held-out items."""
    rng = np.random.default_rng(0)
    n = 150
    true = rng.integers(0, 3, n)
    x = rng.standard_normal((n, 8)) + 1.5 * rng.standard_normal((3, 8))[true]
    names = ["cat", "dog", "owl"]
    rows = [(who, f"i{i}", names[true[i]] if rng.random() < 0.9 else "cat") for i in range(n) for who in "ab"]
    codes = aggregate_codes(*zip(*rows, strict=True), resamples=20)
    target = dict(zip(codes.items, codes.targets, strict=True))
    block = [Block(modality="image", model="m", fingerprint="f", dimension=8)]

    def posed(part, **more):
        return make_problem(
            [x[part]],
            [target.get(f"i{i}") for i in part],
            task="categorical",
            blocks=block,
            ids=[f"i{i}" for i in part],
            groups=[f"g{i // 2}" for i in part],
            sample_weight=(1 + part % 3).tolist(),
            **more,
        )

    first, second = np.arange(110), np.arange(110, n)
    held_out = posed(second, folds=None, labels=names)
    return train(posed(first, folds=3), QUICK, held_out=held_out, codes=codes, resamples=20)[1]


@pytest.fixture(scope="module")
def numbers():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((60, 4))
    block = [Block(modality="image", model="m", fingerprint="f", dimension=4)]
    problem = make_problem([x], list(x[:, 0] + rng.normal(0, 0.2, 60)), task="continuous", blocks=block, folds=3)
    return train(problem, QUICK, resamples=20)[1]


def network(report):
    epochs = tuple(
        Epoch(stage=stage, epoch=i, rate=0.1, train_loss=1 / i, validation_loss=1.5 / i, score=0.5, seconds=1.0)
        for stage in ("head", "last")
        for i in (1, 2, 3)
    )
    return replace(
        report,
        kind="network",
        cross_validated=None,
        out_of_fold=None,
        validation=report.cross_validated,
        validation_predictions=report.out_of_fold,
        strength=None,
        strength_losses=None,
        fold_strengths=None,
        curve=epochs,
        best=4,
        start={"name": "embedded"},
        device="cpu, fp32",
    )


def test_its_figures_are_those_of_the_report(probe):
    found = read(probe)
    main = probe.held_out  # test items come first
    figures = main.figures
    for name, said in (("accuracy", "Accuracy"), ("recall_macro", "Recall")):
        one, usual = figures[name], main.baseline[name].value
        row = [f"{100 * one.value:.1f}\u00a0%", f"[{100 * one.low:.1f},\u00a0{100 * one.high:.1f}]"]
        assert found.row(said)[1:4] == [*row, f"{100 * usual:.1f}\u00a0%"]
    for name, said in (("roc_auc", "ROC-AUC"), ("brier", "Brier"), ("log_loss", "Log loss")):
        assert float(found.row(said)[1]) == pytest.approx(figures[name].value, rel=0.006)
    for label in probe.labels:
        row = next(row for row in found.rows if row[0] == label and len(row) == 5)
        assert row[1] == str(sum(main.confusion[probe.labels.index(label)]))
        for cell, name in zip(row[2:], ("precision", "recall"), strict=False):
            assert cell.startswith(f"{100 * figures[f'{name}[{label}]'].value:.1f}\u00a0%")


def test_it_begins_with_the_result_beside_the_baseline(probe):
    right, usual = probe.cross_validated.figures["accuracy"], probe.cross_validated.baseline["accuracy"]
    said = read(probe).text.replace("\u00a0", " ")
    assert f"Out of fold, by weight, {100 * right.value:.1f} % [{100 * right.low:.1f}, {100 * right.high:.1f}]" in said
    sums = np.asarray(probe.cross_validated.confusion_weighted).sum(axis=1)
    common = probe.labels[int(sums.argmax())]
    assert f"always predicting “{common}” would be correct for {100 * usual.value:.1f} %" in said
    assert f"On {probe.held_out.n} held-out test items" in said
    assert said.index("held-out test items") < said.index("Out of fold")


def test_the_baselines_class_is_the_most_frequent_by_weight():
    weights = np.ones(60)
    weights[1] = 100.0  # the second item is of the second class
    for each, common in ((None, "a"), (weights, "b")):
        report = made(["a", "b"], 60, seed=1, weights=each)
        assert report.counts["a"] > report.counts["b"]
        assert f"always predicting “{common}”" in read(report).text


def test_it_says_when_nothing_is_shown_to_have_been_learnt():
    report = made(["a", "b"], 40)
    assert "shows no learning" not in read(report).text
    low = {**report.cross_validated.figures, "accuracy": Figure(value=0.6, low=0.4, high=0.7)}
    unclear = replace(report, cross_validated=replace(report.cross_validated, figures=low))
    assert "shows no learning" in read(unclear).text


def test_the_confusion_matrix_is_the_reports(probe):
    found = read(probe)
    counts, weights = np.array(probe.held_out.confusion), np.array(probe.held_out.confusion_weighted)
    shares = weights / weights.sum(axis=1, keepdims=True)
    for i, label in enumerate(probe.labels):
        expected = [f"{n}{100 * p:.0f}" if n else "" for n, p in zip(counts[i], shares[i], strict=True)]
        assert [row[1:] for row in found.rows if row[0] == label and len(row) == 4][1] == expected
    assert found.row("true class")[1:] == list(probe.labels)


def test_curves_precision_and_methods_are_on_the_page(probe, numbers):
    found = read(probe)
    text = page(probe, name="posts@1", facts={"Encoder of images": "m, fingerprint f"})
    assert text.count("ROC curve of") == text.count("Precision-recall curve of") == 3
    assert text.count('class="turned"') == 3
    last = probe.learning.points[-1]
    assert found.row("0.05 (± 0.025)")[1] != ""
    assert f"now {last.n} give a width of" in found.text
    for words in ("multinomial logistic regression", "2\u00a0people coded the items", "fingerprint f", "never divided"):
        assert words in text[text.index("Methods paragraph") :]
    assert "ridge regression" in read(numbers).text
    two = page(made(["no", "yes"], 60), name="a@1", facts={})
    assert two.count("ROC curve of yes; at the threshold recall") == 1


def test_repeats_have_a_column(probe):
    repeated = replace(probe.cross_validated, repeats={"accuracy": (0.5, 0.75)})
    found = read(replace(probe, cross_validated=repeated, held_out=None, options={**probe.options, "repeats": 2}))
    assert found.row("Accuracy")[3] == "[50.0,\u00a075.0]"
    assert "repeats do not add items" in found.text


def test_coders_groups_and_what_was_left_out_are_told(probe):
    found = read(replace(probe, dropped=tuple(Dropped(name=f"d{i}", code="no_vector", reason="x") for i in range(7))))
    alpha = probe.codes["agreement"]["alpha"]
    assert found.row("Krippendorff")[1] == figure(Figure(**alpha), share=False)
    assert found.row("Groups")[1].startswith(str(probe.groups))
    assert found.row("no vector")[1:3] == ["7", "d0, d1, d2"]
    unknown = {**probe.codes, "agreement": {**probe.codes["agreement"], "alpha": dict.fromkeys(alpha)}}
    assert read(replace(probe, codes=unknown)).row("Krippendorff")[1] == "–"


def test_items_on_which_coders_differ_are_counted_of_those_with_two_codes(probe):
    codes = probe.codes
    assert 0 < codes["n_differ"] < codes["n_several"] == 150
    found = read(probe)
    said = f"{codes['n_differ']} of 150\u00a0items with two or more codes; {codes['n_undecided']} of them are left out"
    assert found.row("Items on which coders differ")[1].startswith(said)
    accuracy = codes["comparison"]["coders"][0]["figures"]["accuracy"]
    assert found.row("classifier and a")[2] == figure(Figure(**accuracy), share=True)
    assert found.row("a and b")[1] == str(codes["comparison"]["pairs"][0]["items"])
    older = {name: value for name, value in codes.items() if name not in ("n_differ", "comparison")}
    assert "Items on which coders differ" not in read(replace(probe, codes=older)).text


def test_what_people_wrote_is_text_and_never_markup():
    report = made(NASTY, 60, ids=[f"{NASTY[i % 5]}/{i}.jpg" for i in range(60)])
    notes, dropped = (Note("x", NASTY[0]),), (Dropped(name=NASTY[1], code=NASTY[0], reason=NASTY[1]),)
    report = replace(report, notes=notes, dropped=dropped, options={NASTY[0]: NASTY[1]}, libraries={NASTY[0]: "1"})
    pictures = {each.id: b"\xff\xd8" for each in worst(report)}
    text = page(report, name=NASTY[0], facts={NASTY[0]: NASTY[1]}, thumbnails=pictures)
    text.encode()  # no half of a surrogate pair is left
    found = Read(text)
    allowed = {
        *("html", "head", "meta", "title", "style", "body", "main", "header", "section", "h1", "h2", "h3", "p", "div"),
        *("ul", "li", "table", "caption", "thead", "tbody", "tr", "th", "td", "small", "bdi", "figure", "figcaption"),
        *("img", "svg", "g", "path", "rect", "circle", "text", "nav", "ol", "a", "span", "data", "wbr"),
    }
    assert {tag for tag, _ in found.found} <= allowed
    assert not [name for _, attributes in found.found for name in attributes if name.startswith("on")]
    for said in NASTY[:3]:
        assert said in found.text
    assert max(map(len, re.findall(r"\S*long[^<]*", text))) < 400  # 2,000 characters are shortened


def test_nothing_is_loaded_and_nothing_runs(probe, numbers):
    for report in (probe, numbers, network(probe)):
        text = page(report, name="posts@1", facts={})
        assert not re.search(r"https?:|url\(|@import|<script|<link|javascript", text)
        assert not [a for _, a in Read(text).found if "src" in a or not a.get("href", "#").startswith("#")]


def test_tables_have_headers_and_plots_have_titles(probe):
    found = read(probe)
    assert all("scope" in attributes for attributes in found.all("th"))
    pictures = [place for place, (tag, _) in enumerate(found.found) if tag == "svg"]
    assert len(pictures) > 10
    for place in pictures:
        assert found.found[place][1]["role"] == "img"
        assert found.found[place + 1][0] == "title"


def test_pictures_are_blurred_or_left_out_on_request(probe):
    first = worst(probe)[0]
    clear, soft = (thumbnail(Image.new("RGB", (40, 30)), blurred=blurred) for blurred in (False, True))
    with pytest.raises(ValueError, match="is not blurred"):
        read(probe, thumbnails={first.id: clear}, mode="blurred")
    found = read(probe, thumbnails={first.id: soft}, mode="blurred")
    assert len(found.all("img")) == 1
    assert "Pictures are blurred" in found.text
    found = read(probe, thumbnails={first.id: clear}, mode="none")
    assert not found.all("img")
    assert "made without pictures" in found.text


def test_pictures_stand_with_the_items_they_are_of(probe):
    first = worst(probe)[0]
    (image,) = read(probe, thumbnails={first.id: b"\xff\xd8jpeg", "another": b"x"}).all("img")
    assert image["alt"] == first.id
    assert b64decode(image["src"].removeprefix("data:image/jpeg;base64,")) == b"\xff\xd8jpeg"
    plain = read(probe)
    assert plain.all("img") == []
    assert [row[0] for row in plain.rows if row[0] in {each.id for each in worst(probe, 24)}] == [
        each.id for each in worst(probe, 24)
    ]
    assert "request this page with the images" in plain.text


def test_numbers_have_a_scatter_and_residuals(numbers):
    found = read(numbers)
    drawn = [a["d"] for a in found.all("path") if a["class"] == "points"]
    points, residuals = drawn[::2]  # of a wide screen; the others are of a narrow one
    assert points.count("M") == residuals.count("M") == 60
    mae = numbers.cross_validated.figures["mae"]
    assert f"off by {figure(mae, share=False)} on average" in found.text
    assert found.row("R²")[3] == "0"


def test_many_points_are_thinned_the_same_way_each_time():
    x = np.random.default_rng(0).standard_normal(9000).tolist()
    one, two = (plots.scatter(x, x, "t", ("a", "b"), identity=True) for _ in range(2))
    assert one == two
    assert re.search(r'class="points" d="([^"]*)"', one)[1].count("M") == 2000
    assert "2,000 of 9,000 items" in one


def test_a_networks_page_has_its_curve_and_its_honest_figures_first(probe):
    found = read(network(probe))
    right = probe.held_out.figures["accuracy"].value
    assert f"On {probe.held_out.n}\u00a0held-out test items, by weight, {percent(right)}" in found.text
    assert "epoch 5 is kept" in found.text
    kept = [row for row in found.rows if len(row) > 6 and "(kept)" in row[1]]
    assert [row[0] for row in kept] == ["5"]
    only = read(replace(network(probe), held_out=None, held_out_predictions=None))
    assert "too good" in only.text[: only.text.index("Training data")]


def test_a_report_without_figures_is_a_page():
    report = replace(made(["a", "b"], 30), cross_validated=None, out_of_fold=None)
    assert "no predictions to measure" in read(report).text


def test_undefined_figures_are_dashes():
    report = made(["a", "b", "c"], 30)
    figures = dict.fromkeys(report.cross_validated.figures, Figure(value=NAN, low=NAN, high=NAN))
    figures["accuracy"] = Figure(value=1.0, low=NAN, high=NAN)
    found = read(replace(report, cross_validated=replace(report.cross_validated, figures=figures)))
    assert found.row("F1")[1:3] == ["–", ""]


def test_ten_thousand_items_of_two_hundred_classes_stay_a_page():
    report = made(
        [f"class number {i}" for i in range(200)], 10_000, ids=[f"/a/long/path/{i}.jpg" for i in range(10_000)]
    )
    text = page(report, name="many@1", facts={}, thumbnails={each.id: bytes(20_000) for each in worst(report)})
    assert len(text.encode()) < 3_000_000
    found = Read(text)
    table = np.array(report.cross_validated.confusion)
    np.fill_diagonal(table, 0)
    pairs = [row for row in found.rows if len(row) == 4 and row[0] and row[2].isdigit()]
    assert int(pairs[0][2]) == table.max()


@given(st.floats(allow_nan=False, allow_infinity=False, allow_subnormal=False, width=32))
def test_numbers_keep_three_digits(value):
    lowered = number(value).translate(str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789"))
    said = lowered.replace("\u2212", "-").replace(",", "").replace(" × 10", "e")
    assert float(said) == pytest.approx(value, rel=0.0051, abs=1e-12)
    assert len(number(value)) < 16


def test_numbers_are_as_readers_want_them():
    values = [0.5, 1234.5, 999.7, 0.04449, -3.0, 0, 2e-16, 3e-7, NAN, float("inf")]
    said = ["0.500", "1,234", "1,000", "0.0445", "\u22123.00", "0", "0", "3.00 × 10⁻⁷", "–", "∞"]
    assert [number(value) for value in values] == said
    assert percent(0.8471) == "84.7\u00a0%"


@settings(max_examples=50)
@given(st.text())
def test_any_text_comes_back_as_it_was(text):
    clean = re.sub("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]", "\ufffd", text)
    assert Read(e("p", text, at={"title": text})).text.replace("\r", "\n") == clean.replace("\r", "\n")
    assert len(shortened(text, 5)) <= 5


def test_markup_is_not_escaped_twice():
    assert e("td.n", "5 < 6", [None, e("b", "&")]) == '<td class="n">5 &lt; 6<b>&amp;</b></td>'
    assert join(join("<")) == "&lt;"


@pytest.mark.parametrize(("hits", "n"), [(0, 5), (3, 7), (90, 100), (4, 4)])
def test_intervals_of_shares_are_scipys(hits, n):
    expected = binomtest(hits, n).proportion_ci(0.95, "wilson")
    assert wilson(hits / n, n) == pytest.approx((expected.low, expected.high), abs=1e-6)


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6))
def test_ticks_are_round_and_within(low, span):
    found = ticks(low, low + span)
    assert 2 <= len(found) <= 8
    room = 1e-6 * (span + abs(low))
    assert low - room <= found[0] <= found[-1] <= low + span + room


def test_under_rule_both_the_counts_of_classes_are_those_of_codes(probe: Report):
    assert "Coded items of each class" in read(probe).text
    both = read(replace(probe, codes={**probe.codes, "rule": "both"})).text
    assert "Codes of each class" in both
    assert "Coded items of each class" not in both
