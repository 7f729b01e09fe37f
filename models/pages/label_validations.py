"""Validation and corrected shares on the page of codebook labels, by variable."""

from collections.abc import Iterator, Mapping
from typing import Any

from models.pages.classifiers.tables import MATRIX, class_table, confusion_parts, figure_table, items_per_class
from models.pages.document import section
from models.pages.estimates import estimates_table
from models.pages.html import Child, Html, count, counted, e, figure, shortened, user_text
from models.pages.items import expect
from models.pages.validation import check as check_validation
from models.pages.validation import measured_of
from models.pages.validation_words import figure_of

Fields = Mapping[str, Any]


def validation_sections(answer: Fields) -> Iterator[Html]:
    """A section for each variable with codes of people: figures, confusion matrix, corrected shares."""
    for rule in answer["codebook"]["variables"]:
        name = rule["name"]
        validation, estimate = answer["validations"].get(name), answer["estimates"].get(name)
        if validation is None and estimate is None:
            continue
        parts: list[Child] = []
        if validation is not None:
            check_validation(validation)
            parts += _validated(validation)
        if estimate is not None:
            expect(bool(estimate["estimates"]), f"estimates[{name!r}].estimates: is empty")
            many = counted(estimate["n_coded"], "code")
            parts.append(e("h3", f"In {counted(estimate['n'], 'item')}, corrected by {many}"))
            parts += estimates_table(estimate, estimate["task"] != "continuous")
        yield section(f"Against codes of people: {shortened(name, 60)}", parts)


def _validated(answer: Fields) -> Iterator[Child]:
    labels, each = answer["labels"], answer["predictions"][0]
    measured = measured_of(each)
    lacking = answer["used"] - each["n"]
    without = (
        f" {count(lacking)} more coded items have no label of this variable, or one that the labeller cannot tell."
        if lacking > 0
        else ""
    )
    coders = ", ".join(shortened(name, 40) for name in answer["coders"][:10])
    yield e("p", f"{counted(each['n'], 'item')} with a label and a code, by ", user_text(coders, 300), f".{without}")
    always = "always predicting the most frequent class" if labels else "always predicting the mean of these items"
    yield figure_table(measured, always)
    if labels:
        yield class_table(measured, labels, items_per_class(measured, labels))
    if measured.confusion and labels:
        yield e("h3", "Confusion matrix" if len(labels) <= MATRIX else "Most frequent confusions")
        yield from confusion_parts(measured, labels, weighted=answer["weighted"])


def validation_sentences(answer: Fields) -> Iterator[str]:
    """Results of validations in the past tense."""
    for name, each in answer["validations"].items():
        first = each["predictions"][0]
        if "accuracy" in first["figures"]:
            accuracy = figure(figure_of(first["figures"]["accuracy"]), share=True)
            yield (
                f"On {counted(first['n'], 'coded item')} the label of {shortened(name, 60)} was the code in {accuracy} "
                "(95\u00a0% interval)."
            )
    for name, each in answer["estimates"].items():
        for one in each["estimates"]:
            of = f"the share of “{shortened(str(one['label']), 60)}” in " if one["label"] else "the mean of "
            mean = figure(figure_of(one["mean"]["corrected"]), share=each["task"] != "continuous")
            yield f"Corrected by the codes, {of}{shortened(name, 60)} was {mean}."
