"""Found boxes against boxes that people coded: average precision, precision and recall, and counts per picture.

Average precision is COCO's (Lin et al. 2014, ECCV): boxes of one label are matched by falling score to the coded box
with the largest overlap that is still free, and precision is averaged over 101 levels of recall. Sizes are COCO's
too: small boxes have less than 32 x 32 pixels, large ones more than 96 x 96.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.analysers.evaluation_intervals import PICTURES, ratio_figures
from models.analysers.evaluation_matching import match, overlaps_of, spelled_as_found
from models.analysers.spec import Finding
from models.errors import AgreementError, listed, quoted
from models.intervals import Figure, share_figure
from models.stopping import Check, checkpoint, unchecked

Floats = NDArray[np.float64]
OVERLAPS = tuple(i / 100 for i in range(50, 100, 5))
RECALLS = np.linspace(0, 1, 101)
SIZES: Mapping[str, tuple[float, float]] = {  # areas in pixels, both ends included
    "all": (0, 1e10),
    "small": (0, 32**2),
    "medium": (32**2, 96**2),
    "large": (96**2, 1e10),
}
MOST = 100  # boxes of one label in one picture, those that score highest
MOST_CODED = 1000  # coded boxes of one label in one picture
MOST_BOXES = 200_000  # found and coded boxes together
MOST_CELLS = 500_000  # labels times pictures
LARGEST = 1e7  # pixels of a coordinate


@dataclass(frozen=True, kw_only=True)
class BestThreshold:
    """The threshold with the best F1, the highest of several; precision, recall and F1 are of the same boxes."""

    threshold: float
    precision: float
    recall: float
    f1: float


@dataclass(frozen=True, kw_only=True)
class BoxFigures:
    """Figures of one label, or of all.

    Attributes
    ----------
    ap, ap50 : average precision at overlaps from 0.5 to 0.95, and at 0.5; NaN without coded boxes. Those of all labels
        are means over the labels that are coded.
    by_size : `ap` of small, medium and large boxes.
    precision, recall : shares of the found and of the coded boxes that match, among the boxes from the threshold up.
    recall_by_size : recall of small, medium and large coded boxes.
    coded, found : numbers of boxes; the latter from the threshold up.
    count_error : mean over the pictures of the absolute difference between the numbers of found and coded boxes; of
        all labels, the sum of theirs.
    count_bias : mean of the difference, found minus coded.
    best : None where no found box matches a coded one.
    """

    ap: float
    ap50: float
    by_size: Mapping[str, float]
    precision: Figure
    recall: Figure
    recall_by_size: Mapping[str, Figure]
    coded: int
    found: int
    count_error: Figure
    count_bias: Figure
    best: BestThreshold | None


@dataclass(frozen=True, kw_only=True)
class BoxReport:
    """The figures of all labels together and of each, and remarks on what they rest on."""

    pictures: int
    threshold: float
    overlap: float
    overall: BoxFigures
    labels: Mapping[str, BoxFigures]
    remarks: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class _Boxes:
    """Boxes of one label in one picture; found ones by falling score."""

    boxes: Floats  # (n, 4) x, y, width, height
    scores: Floats  # (n,); none for coded boxes
    cut: int = 0  # found boxes beyond MOST


@dataclass(frozen=True, kw_only=True)
class _Pair:
    """The boxes of one label in one picture.

    Attributes
    ----------
    matches : (sizes, overlaps, found) the coded box that each found one matches, or -1.
    at_overlap : (found,) the same for the overlap that was asked for, whatever the size.
    """

    picture: int
    found: _Boxes
    coded: _Boxes
    matches: NDArray[np.intp]
    at_overlap: NDArray[np.intp]


def evaluate(
    found: Sequence[Sequence[Finding]],
    coded: Sequence[Sequence[Finding]],
    *,
    threshold: float = 0.35,
    overlap: float = 0.5,
    labels: Sequence[str] | None = None,
    seed: int = 0,
    check: Check = unchecked,
) -> BoxReport:
    """Evaluate found boxes of a sample of pictures against coded boxes of the same pictures.

    Parameters
    ----------
    found, coded : findings of each picture, with label and box; found ones with a score. Average precision needs found
        boxes below the threshold too: analyse with a low `min_score`. A picture without objects has no findings.
    threshold : lowest score of boxes that count for precision, recall and counts.
    overlap : smallest intersection over union of a match there.
    labels : labels that the coders looked for. None: those that they used, in the capital and small letters of the
        found ones. Found boxes of others are left out.
    seed : of the bootstrap over pictures behind the intervals of counts. The intervals of shares take boxes of one
        picture as dependent.
    check : called between the pictures.

    Raises AgreementError for too many boxes, lists of different lengths, and boxes or scores that cannot be used.
    """
    if len(found) != len(coded):
        raise AgreementError(f"found: got {len(found):,} pictures and {len(coded):,} coded ones: give the same of both")
    if not found:
        raise AgreementError("found: got no pictures, at least one is needed")
    if not 0 <= threshold <= 1 or not 0 < overlap <= 1:
        raise AgreementError(f"threshold {threshold:g} and overlap {overlap:g}: both are from 0 to 1, overlap above 0")
    boxes = sum(map(len, found)) + sum(map(len, coded))
    if boxes > MOST_BOXES:
        raise AgreementError(f"boxes: got {boxes:,}, found and coded ones together, at most {MOST_BOXES:,}; give fewer")
    coded, spelled = (coded, []) if labels is not None else spelled_as_found(found, coded)
    if labels is not None and not labels:
        raise AgreementError("labels: is empty; name the labels that the coders looked for, or leave it out")
    used = sorted({_label(box, at) for at, some in enumerate(coded) for box in some})
    names = used if labels is None else list(dict.fromkeys(labels))
    if len(names) * len(found) > MOST_CELLS:
        raise AgreementError(
            f"boxes: {len(names):,} labels times {len(found):,} pictures are more than {MOST_CELLS:,}; name fewer"
        )
    known = set(names)
    stray = sum(box.label not in known for some in coded for box in some)
    if stray:
        raise AgreementError(f"labels: {stray:,} coded boxes have other labels than {listed(names)}: add theirs")
    left_out = sum(box.label not in known for some in found for box in some)
    pairs = _pairs(found, coded, names, overlap, check)
    counts = _counts([pairs[name] for name in names], len(found), threshold, seed, check)
    each = {}
    for i, name in enumerate(names):
        check()
        each[name] = _figures([pairs[name]], threshold, *counts[i])
    remarks = [*spelled]
    if left_out:
        remarks.append(f"{left_out:,} found boxes with labels that were not coded are left out")
    cut = sum(pair.found.cut for some in pairs.values() for pair in some)
    if cut:
        remarks.append(f"{cut:,} found boxes beyond the {MOST} that score highest of a label and picture are left out")
    never = [name for name in names if not each[name].coded]
    if never:
        remarks.append(f"without coded boxes, and so not in average precision: {listed(never, 20)}")
    seen = {box.label for some in found for box in some}
    if seen and (unseen := [name for name in names if name not in seen and each[name].coded]):
        remarks.append(
            f"labels of coded boxes that nothing was found as: {listed(unseen, 20)}; their boxes count as missed, so "
            "name them as the detector does, if they are its classes"
        )
    if len(found) < PICTURES:
        remarks.append(
            f"counts of {len(found):,} pictures have no interval, since a bootstrap over fewer than {PICTURES} is too "
            "narrow; code more pictures"
        )
    remarks.append(
        "a threshold with the best F1 is chosen and measured on the same boxes, which looks too good: report its "
        "precision and recall on other pictures"
    )
    return BoxReport(
        pictures=len(found),
        threshold=threshold,
        overlap=overlap,
        overall=_figures(list(pairs.values()), threshold, *counts[-1]),
        labels=each,
        remarks=tuple(remarks),
    )


def _label(box: Finding, picture: int) -> str:
    if box.label is None or not box.label.strip():
        raise AgreementError(f"picture {picture}: a box without a label, each needs one")
    return box.label


def _boxes(chosen: Sequence[Finding], label: str, picture: int, *, scored: bool) -> _Boxes:
    for finding in chosen:
        if finding.box is None or not np.isfinite(finding.box).all() or min(finding.box[2:]) <= 0:
            raise AgreementError(
                f"picture {picture}: box {quoted(finding.box)} of {quoted(label)} has no area; "
                "x, y, width and height in pixels are needed"
            )
        if max(map(abs, finding.box)) > LARGEST or min(finding.box[2:]) < 1 / LARGEST:
            raise AgreementError(
                f"picture {picture}: box {quoted(finding.box)} of {quoted(label)} is out of range; x, y, width and "
                f"height are pixels, up to {LARGEST:,.0f}"
            )
        if scored and (finding.score is None or not 0 <= finding.score <= 1):
            raise AgreementError(f"picture {picture}: score {quoted(finding.score)}, a number from 0 to 1 is needed")
    if not scored and len(chosen) > MOST_CODED:
        raise AgreementError(
            f"picture {picture}: has {len(chosen):,} coded boxes of {quoted(label)}, at most {MOST_CODED:,}; leave the "
            "picture out"
        )
    boxes = np.array([finding.box for finding in chosen], np.float64).reshape(-1, 4)
    scores = np.array([finding.score for finding in chosen] if scored else [], np.float64)
    if scored:
        order = np.argsort(-scores, kind="stable")[:MOST]
        boxes, scores = boxes[order], scores[order]
    return _Boxes(boxes=boxes, scores=scores, cut=len(chosen) - len(boxes))


def _by_label(findings: Sequence[Sequence[Finding]]) -> Mapping[str, Mapping[int, Sequence[Finding]]]:
    """Findings by label and picture."""
    grouped: dict[str, dict[int, list[Finding]]] = defaultdict(lambda: defaultdict(list))
    for picture, some in enumerate(findings):
        for finding in some:
            grouped[finding.label or ""][picture].append(finding)
    return grouped


def _pairs(
    found: Sequence[Sequence[Finding]],
    coded: Sequence[Sequence[Finding]],
    labels: Sequence[str],
    overlap: float,
    check: Check,
) -> dict[str, list[_Pair]]:
    """By label, the pictures with found or coded boxes of it."""
    ours, theirs = _by_label(found), _by_label(coded)
    pairs: dict[str, list[_Pair]] = {}
    for label in labels:
        pairs[label] = []
        own, true = ours.get(label, {}), theirs.get(label, {})
        for picture in sorted(own.keys() | true.keys()):
            check()
            a = _boxes(own.get(picture, ()), label, picture, scored=True)
            b = _boxes(true.get(picture, ()), label, picture, scored=False)
            areas = b.boxes[:, 2:].prod(1)
            ignored = np.array([(areas < low) | (areas > high) for low, high in SIZES.values()])
            ways = np.concatenate([np.repeat(ignored, len(OVERLAPS), axis=0), np.zeros((1, len(areas)), bool)])
            least = np.array([*OVERLAPS * len(SIZES), overlap])
            matches = match(overlaps_of(a.boxes, b.boxes), ways, least)
            by_size = matches[:-1].reshape(len(SIZES), len(OVERLAPS), len(a.boxes))
            pairs[label].append(_Pair(picture=picture, found=a, coded=b, matches=by_size, at_overlap=matches[-1]))
    return pairs


def _average_precision(pairs: Sequence[_Pair], size: str) -> Floats:
    """COCO's average precision of one label at each of the ten overlaps; NaN without coded boxes of that size."""
    checkpoint()
    low, high = SIZES[size]
    place = list(SIZES).index(size)
    scores, hits, counted, coded = [], [], [], 0
    for pair in pairs:
        areas = pair.coded.boxes[:, 2:].prod(1)
        ignored = (areas < low) | (areas > high)
        coded += int((~ignored).sum())
        own = pair.found.boxes[:, 2:].prod(1)
        outside = (own < low) | (own > high)
        rows = pair.matches[place]
        matched = rows >= 0
        of_ignored = matched & np.append(ignored, False)[rows]
        scores.append(pair.found.scores)
        hits.append(matched & ~of_ignored)
        counted.append(~of_ignored & (matched | ~outside))
    if not coded:
        return np.full(len(OVERLAPS), np.nan)
    order = np.argsort(-np.concatenate(scores), kind="stable")
    right, kept = np.concatenate(hits, axis=1)[:, order], np.concatenate(counted, axis=1)[:, order]
    result = np.zeros(len(OVERLAPS))
    for index in range(len(OVERLAPS)):
        hit = right[index][kept[index]]
        found = np.cumsum(hit)
        precision = found / np.arange(1, len(hit) + 1)
        precision = np.maximum.accumulate(precision[::-1])[::-1]  # the largest at this recall or a higher one
        at = np.searchsorted(found / coded, RECALLS, side="left")
        result[index] = np.append(precision, 0.0)[np.minimum(at, len(hit))].mean()
    return result


def _counts(
    groups: Sequence[Sequence[_Pair]], pictures: int, threshold: float, seed: int, check: Check
) -> list[tuple[Figure, Figure]]:
    """Error and bias of the counts of each label, and of all together at the end."""
    errors, biases = np.zeros((2, len(groups) + 1, pictures))
    for group, pairs in enumerate(groups):
        for pair in pairs:
            difference = int((pair.found.scores >= threshold).sum()) - len(pair.coded.boxes)
            for row in (group, -1):
                errors[row, pair.picture] += abs(difference)
                biases[row, pair.picture] += difference
    figures: list[Figure] = []
    step = max(1, MOST_CELLS // (8 * max(pictures, 1)))
    rows = np.concatenate([errors, biases])
    for start in range(0, len(rows), step):
        figures += ratio_figures(rows[start : start + step], np.ones(pictures), seed=seed, check=check)
    return list(zip(figures[: len(errors)], figures[len(errors) :], strict=True))


def _figures(
    groups: Sequence[Sequence[_Pair]], threshold: float, count_error: Figure, count_bias: Figure
) -> BoxFigures:
    """The figures of one label, or of several: average precision is then the mean over the labels."""
    ap = {size: np.array([_average_precision(pairs, size) for pairs in groups]).reshape(-1, 10) for size in SIZES}
    pairs = [pair for group in groups for pair in group]
    scores = _joined([pair.found.scores for pair in pairs])
    hits = _joined([pair.at_overlap >= 0 for pair in pairs]).astype(bool)
    found_in = _joined([np.full(len(pair.found.scores), pair.picture) for pair in pairs]).astype(int)
    coded_in = _joined([np.full(len(pair.coded.boxes), pair.picture) for pair in pairs]).astype(int)
    area = _joined([pair.coded.boxes[:, 2:].prod(1) for pair in pairs])
    coded_hits = np.zeros(len(area), bool)
    start = 0
    for pair in pairs:
        matched = pair.at_overlap[pair.found.scores >= threshold]
        coded_hits[start + matched[matched >= 0]] = True
        start += len(pair.coded.boxes)
    some = scores >= threshold
    of_size = {size: (area >= low) & (area <= high) for size, (low, high) in SIZES.items()}
    return BoxFigures(
        ap=_mean(ap["all"]),
        ap50=_mean(ap["all"][:, :1]),
        by_size={size: _mean(ap[size]) for size in SIZES if size != "all"},
        precision=share_figure(hits[some], groups=found_in[some]),
        recall=share_figure(coded_hits, groups=coded_in),
        recall_by_size={
            size: share_figure(coded_hits[within], groups=coded_in[within])
            for size, within in of_size.items()
            if size != "all"
        },
        coded=len(area),
        found=int(some.sum()),
        count_error=count_error,
        count_bias=count_bias,
        best=_best(scores, hits, len(area)),
    )


def _joined(parts: Sequence[NDArray[Any]]) -> Floats:
    return np.concatenate([np.zeros(0), *parts])


def _best(scores: Floats, hits: NDArray[np.bool_], coded: int) -> BestThreshold | None:
    """The threshold with the best F1. A box is matched alike whatever boxes with lower scores there are."""
    if not hits.any():
        return None
    order = np.argsort(-scores, kind="stable")
    right = np.cumsum(hits[order])
    last = np.append(np.diff(scores[order]) != 0, True)  # boxes with one score come together
    f1 = np.where(last, 2 * right / (np.arange(1, len(order) + 1) + coded), -1)
    at = int(f1.argmax())
    return BestThreshold(
        threshold=float(scores[order[at]]),
        precision=float(right[at] / (at + 1)),
        recall=float(right[at] / coded),
        f1=float(f1[at]),
    )


def _mean(values: Floats) -> float:
    defined = values[~np.isnan(values)]
    return float(defined.mean()) if len(defined) else float("nan")
