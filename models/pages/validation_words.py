"""The sentences of the page of a validation, and names of its figures."""

from collections.abc import Mapping, Sequence
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
    sentences.append(
        f"Intervals are at 95 %: Wilson’s (1927) for shares, else by a bootstrap over "
        f"{unit} ({count(answer['params'].get('resamples', 1000))} "
        "resamples), paired for differences."
    )
    if any(each["curves"] for each in answer["predictions"]):
        sentences.append("Thresholds were measured on items that did not choose them.")
    return " ".join(sentences)
