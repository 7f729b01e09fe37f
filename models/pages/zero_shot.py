"""The page of zero-shot labels: the highest-scoring and the borderline items of each label."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import nan
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.pages.document import caveats, document, methods_section, section
from models.pages.html import Child, Html, agree, count, counted, decimals, e, facts, percent, table, user_text
from models.pages.items import PICTURES, STYLE, Items, expect, item_name
from models.pages.plots import Frame, svg
from models.pages.provenance import model_words, receipt_facts, unusable_table

LABELS = 200  # labels whose items are shown
OPEN = 6  # labels whose items are unfolded
MOST, LEAST = 12, 3  # items of a kind of each label
BINS = 20
NEAR = 0.1  # margin below which an item counts as borderline
UNCHECKED = (
    "The scores are not probabilities of your data: nobody has checked these labels. Code a random sample by hand, and "
    "compare it with them (daguerre validate), before you count with them."
)
PAGE_STYLE = f"""{STYLE}
.label {{ border-top: 1px solid var(--rule); padding: .2rem 0 .6rem; }}
.label h4 {{ margin: .6rem 0 .2rem; font-size: .86rem; font-weight: 400; color: var(--soft); }}
"""


@dataclass(frozen=True)
class View:
    """An answer as arrays: (n,) items with scores, by k labels."""

    answer: Mapping[str, Any]

    @property
    def labels(self) -> Sequence[str]:
        labels: Sequence[str] = self.answer["labels"]
        return labels

    @cached_property
    def entries(self) -> list[Mapping[str, Any]]:
        return [entry for entry in self.answer["data"] if "error" not in entry]

    @cached_property
    def failed(self) -> list[Mapping[str, Any]]:
        return [entry for entry in self.answer["data"] if "error" in entry]

    @cached_property
    def names(self) -> list[str]:
        return [item_name(entry) for entry in self.entries]

    @cached_property
    def scores(self) -> NDArray[np.float64]:
        """(n, k)."""
        rows = [entry["scores"] for entry in self.entries]
        return np.nan_to_num(np.array(rows, np.float64).reshape(len(rows), len(self.labels)))

    @cached_property
    def none(self) -> NDArray[np.float64]:
        """(n,) scores of the text of "none of these"; 0 without one."""
        return np.nan_to_num(np.array([entry["none_score"] or 0 for entry in self.entries], np.float64))

    @cached_property
    def best(self) -> NDArray[np.intp]:
        """(n,) index of the best label of each item, -1 for none."""
        places = {label: j for j, label in reversed(list(enumerate(self.labels)))}
        return np.array([places.get(entry["label"], -1) for entry in self.entries], np.intp)

    @cached_property
    def independent(self) -> bool:
        """Whether each label was scored by itself: the scores of an item do not sum to 1."""
        sums = self.scores.sum(axis=1) + self.none
        return self.answer["negatives"] is not None or bool((np.abs(sums - 1) > 0.01).any())

    @cached_property
    def second(self) -> NDArray[np.intp]:
        """(n,) index of the second-best label by score, k for none of these, -1 without a second."""
        if len(self.labels) < 2 and not self.none.any():
            return np.full(len(self.entries), -1, np.intp)
        every = np.concatenate([self.scores, self.none[:, None]], axis=1)
        every[np.arange(len(every)), self.best] = np.where(self.best < 0, every[:, -1], -1)
        return np.asarray(every.argmax(axis=1), np.intp)

    @cached_property
    def margins(self) -> NDArray[np.float64]:
        """(n,) distance of the best label's score to the second; independent labels: of each to 0.5, (n, k)."""
        if self.independent:
            return np.asarray(np.abs(self.scores - 0.5))
        every = np.concatenate([self.scores, self.none[:, None]], axis=1)
        rows = np.arange(len(every))
        return np.asarray(every[rows, np.maximum(self.best, 0)] - every[rows, np.maximum(self.second, 0)])

    def members(self, j: int) -> NDArray[np.intp]:
        """Items of a label: those of which it is the best, or, of independent labels, those with a score above 0.5."""
        return np.flatnonzero(self.scores[:, j] > 0.5 if self.independent else self.best == j)

    @cached_property
    def per_label(self) -> int:
        """Items of a kind that are shown of each label."""
        shown = max(1, min(len(self.labels), LABELS) + 1)
        return min(MOST, max(LEAST, PICTURES // (2 * shown)))


def ids(answer: Mapping[str, Any]) -> list[str]:
    """Names of the items, of which a page may show pictures or texts."""
    return [item_name(entry) for entry in answer["data"]]


def page(answer: Mapping[str, Any], items: Items) -> str:
    """Build a self-contained page, without scripts or requests, from the answer of POST /v1/zero-shot.

    Raises
    ------
    PageError : numbers of scores that are not those of the labels.
    """
    k = len(answer["labels"])
    expect(k > 0, "labels: is empty")
    for i, entry in enumerate(answer["data"]):
        expect("error" in entry or len(entry["scores"]) == k, f"data[{i}].scores: has not one for each of {k} labels")
    view = View(answer)
    title = f"{counted(len(answer['data']), 'item')}, {counted(k, 'label')}"
    body: list[Child] = [_top(view, items, title), _overview(view), _labels(view, items)]
    rest = np.flatnonzero(view.best < 0)
    if len(rest) and not view.independent:
        body.append(_none(view, items, rest))
    body.append(methods_section(paragraph(view)))
    body.append(section("Prompts and receipt", *_provenance(view)))
    if view.failed:
        body.append(unusable_table(view.failed, "Items that could not be used"))
    return document(title, body, style=PAGE_STYLE)


def _top(view: View, items: Items, title: str) -> Html:
    n, answer = len(view.entries), view.answer
    sizes = [len(view.members(j)) for j in range(len(view.labels))]
    most = int(np.argmax(sizes)) if n else 0
    parts: list[Child] = [e("p.kicker", "Report of zero-shot labels"), e("h1", title)]
    if n:
        what = "has a score above 0.5 for" if view.independent else "is the best label of"
        share = f"{counted(sizes[most], 'item')} ({percent(sizes[most] / n)})"
        more = ", more than any other label" if sizes.count(sizes[most]) == 1 < len(sizes) else ""
        parts.append(e("p.lead", "“", user_text(view.labels[most], 120), f"” {what} {share}{more}."))
    parts.append(items.note())
    remarks = [UNCHECKED.replace("`", ""), *filter(None, [answer.get("notice")])]
    for name, text in (
        ("truncated", "{} too long for the model, and only the beginning was read."),
        ("unknown", "{} made of characters that the model does not know: their scores mean nothing."),
        ("first_of_many", "{} several pictures, of which only the first was read."),
    ):
        if many := len(answer[name]):
            verb = ("has" if many == 1 else "have") if name == "first_of_many" else ("is" if many == 1 else "are")
            noun = "image" if name == "first_of_many" else "text"
            remarks.append(text.format(f"{counted(many, noun)} {verb}"))
    parts.append(caveats([*remarks, *items.remarks]))
    rows: list[tuple[Child, Child]] = [("Items", count(len(answer["data"]))), ("Labels", count(len(view.labels)))]
    if view.failed:
        link = e("a", counted(len(view.failed), "item"), at={"href": "#items-that-could-not-be-used"})
        rows.append(("Could not be used", link))
    if answer.get("preset"):
        rows.append(("Preset", user_text(answer["preset"], 100)))
    rows.append(("Scores", _kind(view)))
    rows.append(("Model", user_text(answer["model"], 200)))
    return e("header", parts, facts(rows))


def _kind(view: View) -> str:
    if view.independent:
        return "each label by itself: an item can have several labels, or none"
    return "softmax over the labels: the scores of an item sum to 1"


def _overview(view: View) -> Html:
    n, rows = len(view.entries), []
    for j, label in enumerate(view.labels):
        members = view.members(j)
        values = view.scores[members, j]
        near = _near(view, j)
        rows.append(
            [
                e("a", user_text(label, 100), at={"href": f"#l{j}"}) if j < LABELS else user_text(label, 100),
                count(len(members)),
                percent(len(members) / n if n else nan),
                decimals(float(values.mean()) if len(values) else nan, 3),
                count(near),
            ]
        )
    if not view.independent and (rest := int((view.best < 0).sum())):
        rows.append(["none of these", count(rest), percent(rest / n), "", ""])
    borderline = "score between 0.4 and 0.6" if view.independent else "margin below 0.1"
    heads = ["label", "items", "share", "mean score", borderline]
    caption = "Items with a score above 0.5" if view.independent else "Items by their best label"
    text = None
    if not view.independent and n:
        near = int((view.margins[view.best >= 0] < NEAR).sum())
        text = e(
            "p",
            f"{counted(near, 'item')} of {count(n)} ({percent(near / n)}) {agree(near, 'has', 'have')} a margin "
            f"below {NEAR}: the score for the best label is less than {NEAR} above that of the second.",
        )
    return section("Labels", text, table(caption, heads, rows, name="labels"))


def _near(view: View, j: int) -> int:
    if view.independent:
        return int((view.margins[:, j] < NEAR).sum())
    return int((view.margins[view.best == j] < NEAR).sum())


def _labels(view: View, items: Items) -> Html:
    if view.independent:
        text = "For each label: the items with the highest scores, and those with scores nearest to 0.5."
    else:
        text = "For each label: the items with the highest scores, and those with the smallest margin to the second."
    blocks = [_label(view, items, j) for j in range(min(len(view.labels), LABELS))]
    more = len(view.labels) - len(blocks)
    rest = e("p.soft", f"The items of {counted(more, 'further label')} are not shown.") if more else None
    return section("Items of each label", e("p.soft", text), blocks, rest, items.limit_note())


def _label(view: View, items: Items, j: int) -> Html:
    members = view.members(j)
    top = members[np.argsort(-view.scores[members, j], kind="stable")][: view.per_label]
    among = np.arange(len(view.entries)) if view.independent else members
    margins = view.margins[among, j] if view.independent else view.margins[among]
    border = [i for i in among[np.argsort(margins, kind="stable")].tolist() if i not in set(top.tolist())]
    border = border[: view.per_label]
    parts: list[Child] = []
    if len(top):
        heading = f"Highest scores, {len(top)} of {count(len(members))}"
        tiles = [items.tile(view.names[i], f"score {view.scores[i, j]:.3f}") for i in top.tolist()]
        parts += [e("h4", heading), items.tiles(tiles)]
    if border:
        parts.append(e("h4", "Nearest to 0.5" if view.independent else "Borderline: smallest margin to the second"))
        parts.append(items.tiles(items.tile(view.names[i], _against(view, i, j)) for i in border))
    if len(view.entries):
        parts.append(_histogram(view, j))
    if not len(members):
        parts.insert(0, e("p", "No item."))
    summary = e("summary", e("b", user_text(view.labels[j], 100)), f": {counted(len(members), 'item')}")
    at = {"open": "open"} if j < OPEN else {}
    return e("div.label", e("details", summary, parts, at=at), at={"id": f"l{j}"})


def _against(view: View, i: int, j: int) -> Child:
    score = f"score {view.scores[i, j]:.3f}"
    second = int(view.second[i])
    if view.independent or second < 0:
        return score
    if second == len(view.labels):
        return f"{score}, none of these {view.none[i]:.3f}"
    return [f"{score}, ", user_text(view.labels[second], 40), f" {view.scores[i, second]:.3f}"]


def _histogram(view: View, j: int) -> Html:
    """Number of items by their score for a label; those that have the label are darker."""
    edges = np.linspace(0, 1, BINS + 1)
    every = np.histogram(view.scores[:, j].clip(0, 1), edges)[0]
    inside = np.histogram(view.scores[view.members(j), j].clip(0, 1), edges)[0]
    top = max(1, int(every.max()))
    frame = Frame(300, 130, (0, 1), (0, top), left=44, bottom=32)
    bars: list[Child] = []
    for kind, heights in (("bar", every), ("dot", inside)):
        for low, height in zip(edges[:-1].tolist(), heights.tolist(), strict=True):
            if height:
                left, upper = map(float, frame.at(low, height))
                right, bottom = map(float, frame.at(low + 1 / BINS, 0))
                box = {"x": left + 0.5, "y": upper, "width": right - left - 1, "height": bottom - upper}
                bars.append(e(f"rect.{kind}", at={name: f"{value:.1f}" for name, value in box.items()}))
    drawn = svg("Scores of all items", 300, 130, frame.axes([0, 0.5, 1], sorted({0, top}), "score", "items"), bars)
    which = "with a score above 0.5" if view.independent else "of which it is the best label"
    return e("figure", drawn, e("figcaption", f"Scores of all items for this label; dark: items {which}."))


def _none(view: View, items: Items, rest: NDArray[np.intp]) -> Html:
    cosines = np.array([max(view.entries[i]["cosines"], default=nan) for i in rest.tolist()])
    order = rest[np.argsort(-np.nan_to_num(cosines, nan=-2), kind="stable")][:MOST]
    tiles = [
        items.tile(view.names[i], f"highest cosine {max(view.entries[i]['cosines'], default=nan):.3f}")
        for i in order.tolist()
    ]
    return section(
        "None of these labels",
        e("p.soft", f"{counted(len(rest), 'item')} without a label, those nearest to one first."),
        items.tiles(tiles),
    )


def paragraph(view: View) -> str:
    """Method and result in the past tense, with the labels and figures of this answer."""
    answer, n = view.answer, len(view.entries)
    labels = ", ".join(f"“{label}”" for label in view.labels[:10])
    more = f" and {count(len(view.labels) - 10)} more" if len(view.labels) > 10 else ""
    templates = "; ".join(f"“{template}”" for template in answer["templates"][:3])
    others = f" and {len(answer['templates']) - 3} more" if len(answer["templates"]) > 3 else ""
    source = model_words(answer["model"], answer["receipt"])
    sentences = [
        f"We labelled {counted(n, 'item')} by zero-shot classification with {source}.",
        f"The labels were {labels}{more}.",
    ]
    if answer.get("preset"):
        prompts = ", ".join(f"“{prompt}”" for prompt in answer["prompts"] or ())
        sentences.append(f"They are those of the preset “{answer['preset']}”, written as {prompts}.")
    if answer["templates"]:
        sentences.append(
            f"The vector of a label was the mean of its vectors under the prompts {templates}{others} (Radford et al. "
            "2021)."
        )
    if view.independent:
        against = (
            f", against {', '.join(f'“{text}”' for text in answer['negatives'][:5])}" if answer["negatives"] else ""
        )
        sentences.append(f"Each label was scored by itself{against}; an item had a label if its score exceeded 0.5.")
    else:
        sentences.append(
            f"Scores were the softmax of the cosines times {answer['logit_scale']:.4g}; an item’s label was the one "
            "with the highest score."
        )
    shares = [f"“{label}” {percent(len(view.members(j)) / n)}" for j, label in enumerate(view.labels[:10])] if n else []
    if shares:
        sentences.append(f"Share of items by label: {', '.join(shares)}{', and others' if more else ''}.")
    if view.failed:
        sentences.append(f"{counted(len(view.failed), 'item')} could not be used.")
    sentences.append("These labels had not been compared with human codes. Computed with Daguerre.")
    return " ".join(sentences)


def _provenance(view: View) -> list[Child]:
    answer = view.answer
    parts: list[Child] = [e("h3", "Prompt templates")]
    parts.append(e("ul", [e("li", user_text(template, 200)) for template in answer["templates"][:100]]))
    if answer["negatives"]:
        parts.append(e("h3", "Contrasts"))
        parts.append(e("ul", [e("li", user_text(text, 200)) for text in answer["negatives"][:100]]))
    parts += [e("h3", "Receipt"), receipt_facts({"logit_scale": answer["logit_scale"], **answer["receipt"]})]
    return parts
