"""Evaluation of boxes: average precision against pycocotools, and the other figures against counting."""

import contextlib
import io
import math
import time

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from models.analysers.evaluation_boxes import evaluate
from models.analysers.spec import Finding
from models.errors import AgreementError

LABELS = ("cat", "dog", "person")
Pictures = list[list[Finding]]


def pictures(seed: int, *, n: int = 12, most: int = 6, levels: int = 5) -> tuple[Pictures, Pictures]:
    """Random coded boxes, some twice at one place, and found ones: moved copies, others, with few levels of score."""
    rng = np.random.default_rng(seed)
    found: Pictures = []
    coded: Pictures = []
    for _ in range(n):
        theirs = []
        for _ in range(rng.integers(0, most)):
            box = (
                *rng.integers(0, 300, 2).tolist(),
                *(rng.choice([8, 20, 32, 60, 96, 200], 2) + rng.integers(0, 2)).tolist(),
            )
            theirs += [Finding(label=str(rng.choice(LABELS)), box=box)] * int(rng.choice([1, 1, 1, 2]))
        ours = []
        for one in theirs:
            for _ in range(rng.integers(0, 3)):
                move = rng.integers(-4, 5, 4) if rng.random() < 0.8 else np.zeros(4, int)
                box = [max(1, int(side)) for side in np.array(one.box) + move]
                label = one.label if rng.random() < 0.8 else str(rng.choice(LABELS))
                ours.append(Finding(label=label, box=tuple(box), score=float(rng.integers(1, levels + 1)) / levels))
        if rng.random() < 0.3:
            ours.append(Finding(label="dog", box=(5, 5, 40, 40), score=0.5))
        order = rng.permutation(len(ours))
        found.append([ours[i] for i in order])
        coded.append(theirs)
    return found, coded


def by_coco(found: Pictures, coded: Pictures) -> COCOeval:
    """pycocotools' evaluation of all labels together."""
    annotations, results = [], []
    for picture, (ours, theirs) in enumerate(zip(found, coded, strict=True)):
        for one in theirs:
            annotations.append({"id": len(annotations) + 1, "image_id": picture, "category_id": LABELS.index(one.label),
                                "bbox": list(one.box), "area": one.box[2] * one.box[3], "iscrowd": 0})  # fmt: skip
        for one in ours:
            results.append({"image_id": picture, "category_id": LABELS.index(one.label), "bbox": list(one.box),
                            "score": one.score})  # fmt: skip
    truth = COCO()
    truth.dataset = {
        "info": {},
        "images": [{"id": picture} for picture in range(len(coded))],
        "categories": [{"id": number, "name": name} for number, name in enumerate(LABELS)],
        "annotations": annotations,
    }
    with contextlib.redirect_stdout(io.StringIO()):
        truth.createIndex()
        evaluation = COCOeval(truth, truth.loadRes(results), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return evaluation


@pytest.mark.parametrize("seed", range(16))
def test_average_precision_is_cocos(seed):
    found, coded = pictures(seed, levels=3 if seed % 2 else 50)
    expected = by_coco(found, coded)
    report = evaluate(found, coded, labels=LABELS)
    ours = report.overall
    theirs = [math.nan if value == -1 else value for value in expected.stats[[0, 1, 3, 4, 5]]]
    np.testing.assert_allclose([ours.ap, ours.ap50, *ours.by_size.values()], theirs, atol=1e-12)
    for number, name in enumerate(LABELS):
        precision = expected.eval["precision"][:, :, number, 0, 2]  # (overlap, recall) for all sizes, 100 boxes
        mean = math.nan if (precision == -1).all() else precision.mean()
        np.testing.assert_allclose(report.labels[name].ap, mean, atol=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_recall_from_a_threshold_is_cocos(seed):
    """COCO's recall at an overlap of 0.5, of the boxes from the threshold up, label by label."""
    found, coded = pictures(seed)
    some = [[one for one in boxes if one.score >= 0.6] for boxes in found]
    expected = by_coco(some, coded)
    report = evaluate(found, coded, threshold=0.6)
    for number, name in enumerate(LABELS):
        figure = report.labels[name].recall
        assert figure.value == pytest.approx(expected.eval["recall"][0, number, 0, 2])
        assert 0 <= figure.low <= figure.value <= figure.high <= 1
    assert report.overall.found == sum(map(len, some))
    assert report.overall.coded == sum(map(len, coded))


def box(label: str, x: float, score: float | None = None, side: float = 10) -> Finding:
    return Finding(label=label, box=(x, 0, side, side), score=score)


def test_precision_recall_and_counts_are_those_of_counting():
    coded = [[box("cat", 0), box("cat", 50)], [], [box("dog", 0), box("dog", 100, side=120)]]
    found = [[box("cat", 1, 0.9), box("cat", 2, 0.8), box("cat", 50, 0.2)], [box("cat", 0, 0.5)], [box("dog", 0, 0.35)]]
    report = evaluate(found, coded)
    cat, dog, every = report.labels["cat"], report.labels["dog"], report.overall
    assert (cat.precision.value, cat.recall.value) == (1 / 3, 1 / 2)  # of two on one cat the better counts
    assert (dog.precision.value, dog.recall.value) == (1, 1 / 2)
    assert (every.precision.value, every.recall.value) == (2 / 4, 2 / 4)
    assert [every.recall_by_size[size].value for size in ("small", "large")] == [2 / 3, 0]
    assert math.isnan(every.recall_by_size["medium"].value)
    assert (cat.count_error.value, cat.count_bias.value) == (1 / 3, 1 / 3)
    assert (every.count_error.value, every.count_bias.value) == (2 / 3, 0)
    assert math.isnan(every.count_error.low)  # three pictures are too few for an interval
    assert any("3 pictures have no interval" in remark for remark in report.remarks)


def test_perfect_boxes_and_none_at_all():
    coded = [[box("cat", 0), box("cat", 50)], [box("cat", 3)]]
    found = [[box("cat", one.box[0], 0.9) for one in boxes] for boxes in coded]
    perfect = evaluate(found, coded).overall
    assert (perfect.ap, perfect.ap50, perfect.precision.value, perfect.recall.value) == (1, 1, 1, 1)
    assert perfect.count_error.value == 0
    nothing = evaluate([[], []], coded).overall
    assert (nothing.ap, nothing.recall.value, nothing.found) == (0, 0, 0)
    assert math.isnan(nothing.precision.value)
    empty = evaluate([[], []], [[], []]).overall
    assert math.isnan(empty.ap)
    assert empty.count_error.value == 0


def test_labels_that_were_not_coded_are_left_out_and_counted():
    report = evaluate([[box("cat", 0, 0.9), box("chair", 0, 0.9)]], [[box("cat", 0)]])
    assert report.overall.precision.value == 1
    assert report.remarks[0] == "1 found boxes with labels that were not coded are left out"
    looked_for = evaluate([[box("cat", 0, 0.9), box("chair", 0, 0.9)]], [[box("cat", 0)]], labels=["cat", "chair"])
    assert looked_for.overall.precision.value == 1 / 2
    assert looked_for.overall.ap == 1
    assert looked_for.remarks[0] == "without coded boxes, and so not in average precision: chair"


@pytest.mark.parametrize(
    ("found", "coded", "more", "words"),
    [
        ([], [], {}, "got no pictures"),
        ([[]], [[], []], {}, "got 1 pictures and 2 coded ones"),
        ([[]], [[Finding(label="cat")]], {}, "picture 0: box 'None' of 'cat' has no area"),
        ([[]], [[Finding(label="cat", box=(0, 0, 0, 5))]], {}, "has no area"),
        ([[]], [[Finding(label="cat", box=(0, 0, math.nan, 5))]], {}, "has no area"),
        ([[]], [[Finding(box=(0, 0, 5, 5))]], {}, "a box without a label"),
        ([[box("cat", 0)]], [[box("cat", 0)]], {}, "score 'None'"),
        ([[box("cat", 0, math.nan)]], [[box("cat", 0)]], {}, "score 'nan'"),
        ([[]], [[box("cat", 0)]], {"labels": ["dog"]}, "1 coded boxes have other labels than dog"),
        ([[]], [[]], {"threshold": 2}, "threshold 2 and overlap 0.5"),
        ([[]], [[]], {"overlap": 0}, "overlap 0"),
    ],
)
def test_boxes_that_cannot_be_used_are_refused(found, coded, more, words):
    with pytest.raises(AgreementError) as caught:
        evaluate(found, coded, **more)
    assert words in caught.value.message


@pytest.mark.parametrize("seed", range(3))
def test_the_suggested_threshold_is_the_best_of_all(seed):
    """Precision, recall and F1 of evaluations at every score; the best F1 is that of the suggestion."""
    found, coded = pictures(seed)
    for label in (None, *LABELS):
        figures = evaluate(found, coded, labels=LABELS)
        best = (figures.overall if label is None else figures.labels[label]).best
        tried = {}
        for threshold in sorted({one.score for boxes in found for one in boxes}):
            whole = evaluate(found, coded, labels=LABELS, threshold=threshold)
            own = whole.overall if label is None else whole.labels[label]
            p, r = own.precision.value, own.recall.value
            tried[threshold] = (p, r, 2 * p * r / (p + r) if p + r > 0 else 0)
        top = max(f1 for _, _, f1 in tried.values() if not math.isnan(f1))
        assert best.f1 == pytest.approx(top)
        assert tried[best.threshold] == pytest.approx((best.precision, best.recall, best.f1))
        assert best.threshold == max(at for at, (_, _, f1) in tried.items() if f1 == pytest.approx(top))
        assert "chosen and measured on the same boxes" in figures.remarks[-1]


def test_counts_of_many_pictures_have_intervals():
    found, coded = pictures(1, n=60)
    figures = evaluate(found, coded).overall
    assert figures.count_error.low < figures.count_error.value < figures.count_error.high
    assert figures.count_bias.low < figures.count_bias.value < figures.count_bias.high
    nothing_wrong = evaluate([[box("cat", 0, 0.9)]] * 30, [[box("cat", 0)]] * 30).overall
    assert (nothing_wrong.count_error.value, math.isnan(nothing_wrong.count_error.low)) == (0, True)


def test_many_boxes_take_bounded_time():
    """Crowded pictures are computed in seconds; too many boxes and labels are refused with the rule."""
    crowd = [[box("cat", x % 10, x / 100) for x in range(100)] for _ in range(50)]
    coded = [[box("cat", x % 10) for x in range(100)] for _ in range(50)]
    started = time.monotonic()
    evaluate(crowd, coded)
    assert time.monotonic() - started < 60
    one = box("cat", 0)
    for wide, words in (
        ([[one] * 200_001], "at most 200,000"),
        ([[one] * 1_001], "has 1,001 coded boxes of 'cat', at most 1,000"),
        ([[box(f"label {i}", 0)] for i in range(20_000)], "20,000 labels times 20,000 pictures"),
    ):
        with pytest.raises(AgreementError, match=words):
            evaluate([[]] * len(wide), wide)
