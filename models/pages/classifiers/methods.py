"""A paragraph for the methods section of a paper: the classifier, its training and its figures."""

from collections.abc import Mapping
from typing import Any

from models.classifiers.report import Report
from models.intervals import Figure
from models.pages.classifiers.words import View
from models.pages.html import Child, count, counted, number, percent, shortened, user_text

MODELS = {"binary": "logistic regression", "categorical": "multinomial logistic regression"}


def paragraph(report: Report, measured: list[View], facts: Mapping[str, str]) -> list[Child]:
    """Methods and results in the past tense, with the parameters and figures of this report."""
    weighted = any(view.weighted for view in measured)
    first: list[Child] = [_training(report, facts), *_data(report), _coders(report), _validation(report)]
    if weighted:
        first.append("Items were weighted by the inverse of their inclusion probabilities, or as stated.")
    last: list[Child] = [*(_result(view, report) for view in measured), _as_they_are(report), _software(report)]
    return [[sentence, " "] for sentence in (*first, *last) if sentence]


def _training(report: Report, facts: Mapping[str, str]) -> str:
    if report.kind == "network":
        start = (report.start or {}).get("name") or ", ".join(map(str, (report.start or {}).values()))
        epochs = f", for {counted(len(report.curve), 'epoch')}" if report.curve else ""
        kept = "" if report.best is None else f"; the weights of epoch {report.best + 1} were kept"
        return (
            f"We fine-tuned an image network ({start}) on {counted(report.n, 'coded image')}{epochs}, with early "
            f"stopping on validation images{kept}."
        )
    if (own := report.zero_shot) is not None:
        prompts = "; ".join(f"“{shortened(text, 80)}”" for text in list(own.prompts.values())[:12])
        return (
            f"Zero-shot scores of {own.model} (prompts: {prompts}) were calibrated with "
            f"{counted(report.n, 'coded item')} by one temperature ({own.temperature:.3g}) and a bias for each class."
        )
    kind = MODELS.get(report.task, "ridge regression")
    encoders = [shortened(value, 400) for name, value in facts.items() if name.startswith("Encoder")]
    source = f" ({' and '.join(encoders)})" if encoders else ""
    calibrated = report.options.get("calibrate") and report.labels
    scale = "Platt scaling" if len(report.labels) == 2 else "a temperature"
    calibration = f", and calibrated with {scale}" if calibrated else ""
    strength = "" if report.strength is None else f" with C = {report.strength:g}"
    return (
        f"We trained L2-regularised {kind}{strength} on embeddings{source} of {counted(report.n, 'coded item')}"
        f"{calibration}."
    )


def _data(report: Report) -> list[Child]:
    parts: list[Child] = []
    if report.labels:
        shown: list[Child] = []
        for label in report.labels[:12]:
            shown += [", " if shown else None, user_text(label, 40), f" {count(report.counts.get(label, 0))}"]
        more = ", …" if len(report.labels) > 12 else ""
        parts.append([f"The {len(report.labels)} classes were ", shown, f"{more}."])
    for note in report.notes:
        if note.code == "rare_classes":
            parts.append([user_text(f"{note.message[0].upper()}{note.message[1:]}", 300), "."])
    if report.dropped:
        parts.append(
            f"{counted(len(report.dropped), 'item')} {'was' if len(report.dropped) == 1 else 'were'} left out."
        )
    return parts


def _coders(report: Report) -> str:
    agreement = (report.codes or {}).get("agreement")
    if not isinstance(agreement, Mapping):
        return ""
    text = f"{counted(len(agreement['coders']), 'person', 'people')} coded the items"
    alpha = agreement.get("alpha") or {}
    if alpha.get("value") is not None:
        text += f"; Krippendorff’s alpha was {alpha['value']:.2f} on {counted(agreement['items'], 'item')}"
    rule = (report.codes or {}).get("rule_in_words")
    return f"{text}. The target of an item was {rule}." if rule else f"{text}."


def _validation(report: Report) -> str:
    if report.cross_validated is None:
        return ""
    options: Mapping[str, Any] = report.options
    groups = f", with {counted(report.groups, 'group')} never divided" if report.groups is not None else ""
    repeats = int(options.get("repeats") or 1)
    repeated = f", repeated {repeats} times with other folds" if repeats > 1 else ""
    if report.zero_shot is not None:
        return (
            f"Figures out of fold are cross-fitted ({options.get('folds')} folds{repeated}{groups}, seed "
            f"{options.get('seed')}): temperature and biases were fitted without the item’s fold."
        )
    return (
        f"Figures out of fold are from nested cross-validation ({options.get('folds')} folds{repeated}{groups}), with "
        f"C chosen by {options.get('inner_folds')} inner folds (seed {options.get('seed')})."
    )


def _result(view: View, report: Report) -> str:
    figures = view.measured.figures
    if report.labels:
        shown = [
            f"accuracy was {_share(figures['accuracy'])}",
            f"balanced accuracy {_share(figures['balanced_accuracy'])}",
            f"F1 macro {_number(figures['f1_macro'])}",
        ]
        usual = f"always predicting the most frequent class had {percent(view.measured.baseline['accuracy'].value)}"
    else:
        shown = [f"R² was {_number(figures['r2'])}", f"the mean absolute error {_number(figures['mae'])}"]
        usual = f"always predicting the mean had an error of {number(view.measured.baseline['mae'].value)}"
    where = f"{view.where[0].upper()}{view.where[1:]}"
    return f"{where}, {', '.join(shown)}; {usual}."


def _as_they_are(report: Report) -> str:
    """The result of the zero-shot scores without calibration."""
    if report.uncalibrated is None:
        return ""
    figures = report.uncalibrated.figures
    return (
        f"Without calibration, the accuracy of the zero-shot labels was {_share(figures['accuracy'])} and their F1 "
        f"macro {_number(figures['f1_macro'])} on the same items."
    )


def _share(figure: Figure) -> str:
    return f"{percent(figure.value)} (95 % interval {100 * figure.low:.1f} to {100 * figure.high:.1f})"


def _number(figure: Figure) -> str:
    return f"{number(figure.value)} ({number(figure.low)} to {number(figure.high)})"


def _software(report: Report) -> str:
    used = ", ".join(f"{name} {version}" for name, version in report.libraries.items())
    return f"Computed with Daguerre{f', using {used}' if used else ''}."
