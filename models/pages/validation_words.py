"""The sentences of the page of a validation, and names of its figures."""

from collections.abc import Iterator, Mapping, Sequence
from math import nan
from typing import Any

from models.intervals import Figure
from models.pages.classifiers.tables import CLASS_FIGURES, NUMBER_FIGURES
from models.pages.html import count, counted, figure, percent

NAMES = {name: label for name, (label, *_) in {**CLASS_FIGURES, **NUMBER_FIGURES}.items()}
RULES = {
    "majority": "the code that most coders gave",
    "unanimous": "the code that all gave",
    "mean": "the mean",
    "adjudicated": "the code of all coders, and where they differ that of the adjudicator",
}


def joined_names(names: Sequence[str]) -> str:
    """Names with commas, and the word "and" before the last."""
    short = [name if len(name) <= 60 else f"{name[:59]}…" for name in names]
    return short[0] if len(short) == 1 else f"{', '.join(short[:-1])} and {short[-1]}"


def figure_of(value: Mapping[str, Any] | None) -> Figure:
    """A figure of an answer, NaN for null."""
    given = value or {}
    return Figure(**{key: nan if given.get(key) is None else float(given[key]) for key in ("value", "low", "high")})


def _by_group(answer: Mapping[str, Any]) -> Iterator[str]:
    """The groups with their sizes and main figures, their differences, and predictions that are undecided."""
    labels = answer["labels"]
    name = "accuracy" if labels else "mae"
    for each in answer["by_group"]:
        if each["group"] is None:
            own = [one for one in answer["by_group"] if one["predictions"] == each["predictions"] and one["group"]]
            told = "; ".join(
                f"{one['group']} ({counted(one['n'], 'item')}) "
                f"{figure(figure_of(one['figures'].get(name)), share=bool(labels))}"
                for one in own
            )
            yield f"By group, the {NAMES[name].lower()} of {each['predictions']} was: {told}."
            if each["undecided"]:
                yield (
                    f"{count(each['undecided'])} of its {counted(each['n'], 'prediction')} were “undecided”, which "
                    "counted as errors in accuracy and recall."
                )
    for gap in answer["group_differences"]:
        value = figure_of(gap["figures"].get(name))
        said = (
            f"{100 * value.value:.1f} percentage points [{100 * value.low:.1f}, {100 * value.high:.1f}]"
            if labels
            else str(figure(value, share=False))
        )
        yield f"The {NAMES[name].lower()} of {gap['predictions']} in {gap['a']} minus that in {gap['b']} was {said}."


def paragraph(answer: Mapping[str, Any]) -> str:
    """Methods and results in the past tense, with the parameters and figures of this answer."""
    names = [each["name"] for each in answer["predictions"]]
    coders, labels = answer["coders"], answer["labels"]
    by = f"{len(coders)} coders" if len(coders) > 1 else "one coder"
    sentences = [
        f"We validated the predictions of {joined_names(names)} against {counted(answer['used'], 'item')} coded by "
        f"{by}."
    ]
    if len(coders) > 1:
        sentences.append(f"The target of an item was {RULES.get(answer['rule'], answer['rule'])}.")
    if answer["weighted"]:
        sentences.append(
            "Items were weighted by the inverse of their inclusion probabilities, or as stated, so that figures "
            f"describe the corpus (effective sample size {round(answer['effective']):,})."
        )
    for each in answer["predictions"]:
        fold = ", predicted out of fold," if each["out_of_fold"] else ""
        if labels:
            accuracy, f1 = (figure_of(each["figures"][name]) for name in ("accuracy", "f1_macro"))
            usual = figure_of(each["baseline"]["accuracy"])
            sentences.append(
                f"On {counted(each['n'], 'item')}{fold} the accuracy of {each['name']} was "
                f"{figure(accuracy, share=True)} (most frequent class: {percent(usual.value)}), and its macro F1 "
                f"{figure(f1, share=False)}."
            )
        else:
            mae, r2 = (figure_of(each["figures"][name]) for name in ("mae", "r2"))
            sentences.append(
                f"On {counted(each['n'], 'item')}{fold} the mean absolute error of {each['name']} was "
                f"{figure(mae, share=False)}, and R² {figure(r2, share=False)}."
            )
    sentences += _by_group(answer)
    name = "accuracy" if labels else "mae"
    for pair in answer["differences"]:
        value = figure_of(pair["figures"].get(name))
        said = (
            f"{100 * value.value:.1f} percentage points [{100 * value.low:.1f}, {100 * value.high:.1f}]"
            if labels
            else str(figure(value, share=False))
        )
        sentences.append(f"The {NAMES[name].lower()} of {pair['a']} minus that of {pair['b']} was {said}.")
    machine = [pair for pair in answer["agreement"] if pair["machine"]]
    people = [pair for pair in answer["agreement"] if not pair["machine"]]
    for pairs, who in ((machine, "predictions and coders"), (people, "coders with each other")):
        alphas = [pair["alpha"]["value"] for pair in pairs if pair["alpha"]["value"] is not None]
        if alphas:
            ends = f"{min(alphas):.2f}" if len(alphas) == 1 else f"{min(alphas):.2f} to {max(alphas):.2f}"
            sentences.append(f"Krippendorff’s alpha of {who} was {ends}.")
    unit = "groups" if answer["groups"] is not None else "items"
    paired = ", paired for differences of predictions" if answer["differences"] else ""
    sentences.append(
        f"Intervals are at 95 %: Wilson’s (1927) for shares, else by a bootstrap over {unit} "
        f"({count(answer['params'].get('resamples', 1000))} resamples){paired}."
    )
    if answer["by_group"]:
        means = "means of errors in a group have Student’s, and their differences Welch’s"
        shares = "shares in a group have Wilson’s, and their differences Newcombe’s (1998)"
        sentences.append(f"Of the intervals by group, {shares if labels else means}.")
    if any(each["curves"] for each in answer["predictions"]):
        sentences.append("Thresholds were measured on items that did not choose them.")
    return " ".join(sentences)
