"""The page of an estimate: shares of classes in a corpus, or a mean, corrected for the errors of a classifier."""

from collections.abc import Iterable, Mapping
from typing import Any

from models.intervals import Figure
from models.pages.classifiers.plots import whisker
from models.pages.document import caveats, document, methods_section, section
from models.pages.html import (
    Child,
    Html,
    agree,
    count,
    counted,
    e,
    facts,
    figure,
    interval,
    number,
    percent,
    table,
    user_text,
)
from models.pages.items import STYLE, Items, expect

Fields = Mapping[str, Any]
EXPLAINED = (
    (
        "Corrected",
        "The mean of all predictions, plus the mean error of the predictions on the coded items. If these are a "
        "random sample of the corpus (or one whose inclusion probabilities are known), it is unbiased for any "
        "classifier; a better classifier makes its interval shorter. Errors are measured on predictions by models that "
        "were not trained on the item. This is the number to report.",
    ),
    (
        "Naive",
        "The mean of all predictions, as if none of them were wrong. Errors of a classifier do not cancel: where it "
        "takes one class for another more often than the reverse, the share is biased, and more items do not help. It "
        "has no valid interval, and is shown for comparison alone.",
    ),
    (
        "Classical",
        "The mean of the codes of the coded items, as if there were no classifier. It is unbiased under the same "
        "condition as the corrected estimate. The gain from the classifier is the difference between the two "
        "intervals.",
    ),
)


def ids(answer: Fields) -> Iterable[str]:
    """Ids of items of which the page may show pictures: none."""
    return ()


def page(answer: Fields, items: Items) -> str:
    """Build a self-contained page, without scripts or requests, from an answer of POST …/estimate.

    Raises
    ------
    PageError : an answer without estimates.
    """
    found = _named(answer)
    expect(bool(found), "estimates: is empty")
    continuous = _continuous(answer)
    first = next(iter(found.values()))
    what = "Mean" if continuous else "Shares of classes"
    title = f"{what} in {counted(first['n_corpus'], 'item')}"
    body: list[Child] = [
        _top(answer, items, title),
        section("Estimates", *_estimates(answer)),
        section("The three estimates", [e("p", e("b", f"{name}. "), text) for name, text in EXPLAINED]),
        methods_section(paragraph(answer)),
    ]
    return document(f"{answer['classifier']}: {title.lower()}", body, style=STYLE)


def _named(answer: Fields) -> dict[str, Fields]:
    """Estimates by name, that of a mean once."""
    found = dict(answer["estimates"])
    if "" in found:
        found = {"mean": found[""]}
    return found


def _continuous(answer: Fields) -> bool:
    return "" in answer["estimates"]


def _figures(each: Fields) -> tuple[Figure, Figure]:
    """The corrected and the classical estimate with their intervals."""
    value, low, high = each["classical"]
    return (
        Figure(value=each["value"], low=each["low"], high=each["high"]),
        Figure(value=value, low=low, high=high),
    )


def _top(answer: Fields, items: Items, title: str) -> Html:
    found, share = _named(answer), not _continuous(answer)
    first = next(iter(found.values()))
    largest = sorted(found, key=lambda name: -found[name]["value"])[:3] if share else list(found)
    parts: list[Child] = [e("p.kicker", "Report of an estimate"), e("h1", title)]
    parts.append(e("p.lead", [_sentence(name, found[name], share=share) for name in largest]))
    if share and len(found) > len(largest):
        more = len(found) - len(largest)
        verb = agree(more, "is", "are")
        parts.append(e("p", f"{counted(more, 'other class', 'other classes')} {verb} in the table."))
    parts.append(caveats([*answer["remarks"], *items.remarks]))
    rows: list[tuple[Child, Child]] = [
        ("Classifier", user_text(answer["classifier"], 120)),
        ("Corpus", counted(first["n_corpus"], "item")),
        ("Coded items", count(first["n_coded"])),
        ("Confidence level of the intervals", f"{100 * answer['confidence']:g}\u00a0%"),
    ]
    return e("header", parts, facts(rows))


def _sentence(name: str, each: Fields, *, share: bool) -> list[Child]:
    corrected, _ = _figures(each)
    what: list[Child] = ["The share of “", user_text(name, 60), "”"] if share else ["The mean"]
    naive = percent(each["naive"]) if share else number(each["naive"])
    return [*what, " is ", figure(corrected, share=share), f"; the predictions alone would give {naive}. "]


def _estimates(answer: Fields) -> list[Child]:
    share = not _continuous(answer)
    rows: list[list[Child]] = []
    for name, each in _named(answer).items():
        corrected, classical = _figures(each)
        shown = percent if share else number
        narrower = (corrected.high - corrected.low) / (classical.high - classical.low or float("nan"))
        drawn = whisker(corrected, Figure(value=each["naive"], low=0, high=0), f"{name[:60]}") if share else None
        rows.append(
            [
                user_text(name, 120),
                shown(corrected.value),
                interval(corrected, share=share),
                shown(each["naive"]),
                figure(classical, share=share),
                percent(narrower),
                *([drawn] if share else []),
            ]
        )
    level = f"{100 * answer['confidence']:g}\u00a0% interval"
    heads = ["class" if share else "", "corrected", level, "naive", "classical", "width of the interval"]
    note = (
        "The width of the corrected estimate’s interval is given in percent of that of the classical one: below "
        "100\u00a0%, the classifier makes the estimate more precise."
    )
    if share:
        heads.append("scale from 0 to 1 (ring: naive)")
    return [table(None, heads, rows, name="estimates"), e("p.soft", note)]


def paragraph(answer: Fields) -> str:
    """Methods and results in the past tense, with the figures of this answer."""
    found, share = _named(answer), not _continuous(answer)
    first = next(iter(found.values()))
    level = f"{100 * answer['confidence']:g} %"
    what = "the share of each class" if share else "the mean"
    sentences = [
        f"We estimated {what} in {counted(first['n_corpus'], 'item')} with the classifier {answer['classifier']} and "
        f"{counted(first['n_coded'], 'coded item')}.",
        "To the mean of the predictions of all items we added the weighted mean of their errors on the coded items "
        "(design-based supervised learning: Egami, Hinck, Stewart & Wei 2023; prediction-powered inference: "
        "Angelopoulos et al. 2023), with cross-fitted predictions.",
    ]
    for name, each in list(found.items())[:10]:
        corrected, classical = _figures(each)
        label = f"The share of “{name}”" if share else "The mean"
        naive = percent(each["naive"]) if share else number(each["naive"])
        sentences.append(
            f"{label} was {figure(corrected, share=share)} (predictions alone: {naive}; coded items alone: "
            f"{figure(classical, share=share)})."
        )
    if len(found) > 10:
        more = len(found) - 10
        sentences.append(f"{counted(more, 'other class', 'other classes')} {agree(more, 'is', 'are')} in the table.")
    intervals = (
        f"Intervals are {level} intervals, for each class separately, and hold"
        if share
        else f"The interval is a {level} interval, and holds"
    )
    sentences.append(
        f"{intervals} if the coded items are a random sample "
        "of the corpus, or one whose inclusion probabilities are known."
    )
    return " ".join(sentences)
