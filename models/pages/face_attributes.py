"""The section of attributes of faces on the page of analyses: shares with those that are undecided, and ranges."""

from collections import Counter
from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any

import numpy as np

from models.intervals import share_figure
from models.pages.analyses_view import View
from models.pages.document import section
from models.pages.html import (
    Child,
    Html,
    beside,
    count,
    counted,
    decimals,
    e,
    interval,
    percent,
    shortened,
    table,
    user_text,
)
from models.pages.plots import Frame, rounded, svg, ticks

KIND = "face_attributes"
UNDECIDED = "undecided"
BIN = 5.0  # years
OLDEST = 130.0
LABELS = 40  # of a table
Fields = Mapping[str, Any]


def attributes_section(view: View) -> Html | None:
    """Shares and ranges of the guesses about faces; None where nothing was asked, or no face was large enough."""
    guessed, left = _guessed(view)
    if not guessed:
        return None
    parts: list[Child] = [
        e(
            "p.soft",
            f"{counted(len(guessed), 'face')} with attributes",
            f"; {count(left)} more {'is' if left == 1 else 'are'} too small for them. " if left else ". ",
            "Each attribute is guessed on several crops of a face; a label is given where all of them agree, and is "
            "“undecided” otherwise. Intervals of 95 % (Wilson’s, with the faces of one item taken together) are about "
            "the sample of faces, not about errors.",
        ),
        _ages([each["apparent_age"] for _, each in guessed if each["apparent_age"] is not None]),
        _shares("Perceived gender", guessed, "perceived_gender"),
        _shares("Expression", guessed, "expression"),
    ]
    return section("Attributes of faces", parts)


def attributes_summary(view: View) -> str:
    """The number of faces, and of those with attributes."""
    guessed, left = _guessed(view)
    return f"{counted(len(guessed) + left, 'face')}, {count(len(guessed))} with attributes"


def attributes_sentences(view: View) -> list[str]:
    """Methods and results of attributes in the past tense; empty where no face was found."""
    guessed, left = _guessed(view)
    if not guessed:
        return [f"None of {counted(left, 'face')} was large enough for attributes."] if left else []
    crops = sorted({each["crops"] for _, each in guessed})
    sentences = [
        f"Attributes of {counted(len(guessed), 'face')} were guessed on {' or '.join(map(str, crops))} crops of each; "
        "a label was given where all crops agreed, and was “undecided” otherwise."
    ]
    if left:
        sentences.append(f"{counted(left, 'face')} {'was' if left == 1 else 'were'} too small.")
    ages = [each["apparent_age"]["mean"] for _, each in guessed if each["apparent_age"] is not None]
    if known := [age for age in ages if isfinite(age)]:
        sentences.append(f"The mean apparent age was {decimals(float(np.mean(known)), 1)} years.")
    for title, attribute in (("Perceived gender", "perceived_gender"), ("Expression", "expression")):
        labels = Counter(each[attribute]["label"] for _, each in guessed if each[attribute] is not None)
        if labels:
            order = sorted(labels.items(), key=lambda pair: (pair[0] == UNDECIDED, -pair[1], pair[0]))[:LABELS]
            told = ", ".join(f"{shortened(label, 60)} {percent(n / labels.total())}" for label, n in order)
            sentences.append(f"{title}: {told}.")
    return sentences


def _guessed(view: View) -> tuple[list[tuple[int, Fields]], int]:
    """The attributes of each face with the index of its item, and the number of faces without."""
    faces = [(i, each["attributes"]) for i, shot in view.shots for each in shot.found(KIND)]
    guessed = [(i, attributes) for i, attributes in faces if attributes is not None]
    return guessed, len(faces) - len(guessed)


def _shares(title: str, guessed: Sequence[tuple[int, Fields]], attribute: str) -> Html | None:
    """A row for each label, those that are undecided last."""
    given = [(i, each[attribute]["label"]) for i, each in guessed if each[attribute] is not None]
    if not given:
        return None
    labels = [label for _, label in given]
    items = np.unique([i for i, _ in given], return_inverse=True)[1]
    order = sorted(Counter(labels).items(), key=lambda pair: (pair[0] == UNDECIDED, -pair[1], pair[0]))
    rows: list[list[Child]] = []
    for label, n in order[:LABELS]:
        figure = share_figure([one == label for one in labels], groups=items)
        rows.append([user_text(label, 60), count(n), percent(figure.value), interval(figure, share=True)])
    return e("div", e("h3", title), table(None, [title.lower(), "faces", "share", "95 % interval"], rows, name=title))


def _ages(ages: Sequence[Fields]) -> Html | None:
    """A histogram of the means, and how wide the ranges are."""
    known = [each for each in ages if all(isfinite(each[name]) for name in ("mean", "lowest", "highest"))]
    if not known:
        return None
    means = np.clip([each["mean"] for each in known], 0, OLDEST)
    widths = np.array([each["highest"] - each["lowest"] for each in known])
    rows: list[list[Child]] = [
        ["mean of the faces", decimals(float(means.mean()), 1)],
        ["median", decimals(float(np.median(means)), 1)],
        ["median width of a face’s range", decimals(float(np.median(widths)), 1)],
        ["widest range of a face", decimals(float(widths.max()), 1)],
    ]
    edges = np.arange(0, max(80.0, float(means.max())) + BIN, BIN)
    heights = np.histogram(means, edges)[0]
    frame = Frame(360, 150, (0, float(edges[-1])), (0, int(heights.max())), left=44, bottom=32)
    bars: list[Child] = []
    for low, height in zip(edges[:-1].tolist(), heights.tolist(), strict=True):
        left, top = (float(value) for value in frame.at(low, height))
        right, bottom = (float(value) for value in frame.at(low + BIN, 0))
        box: dict[str, str | float] = {"x": rounded(left), "y": rounded(top)}
        box |= {"width": rounded(right - left - 1), "height": rounded(bottom - top)}
        bars.append(e("rect.bar", at=box))
    most = int(heights.max())
    axes = frame.axes(
        ticks(0, float(edges[-1]), 5), sorted({0, most}) if most < 4 else ticks(0, most, 3), "years", "faces"
    )
    drawn = e("figure", svg("Apparent ages of the faces", 360, 150, bars, axes), e("figcaption", "Means of the faces."))
    return e("div", e("h3", "Apparent age"), beside(table(None, ["years", ""], rows, name="ages"), drawn))
