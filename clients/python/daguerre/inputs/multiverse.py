"""The grid of a multiverse: wordings of labels, templates and thresholds, and the predictions of each combination."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, TypeAlias

import numpy as np

from daguerre.types.common import Float, listed, text_list

Labels: TypeAlias = Mapping[str, str | Sequence[str]] | Sequence[str] | Sequence[Mapping[str, str]]
Template: TypeAlias = str | Sequence[str] | None
Threshold: TypeAlias = float | str | None
MOST = 1000  # configurations of a request
MOST_VALUES = 5_000_000  # predictions of a request
LONGEST = 2000  # characters of a value of a choice
OWN, BEST, SCORE = "the model's own", "best label", "score"


@dataclass(frozen=True)
class Wording:
    """A wording of every label: its choices, and the texts in the order of the labels."""

    choices: Mapping[str, str]
    texts: tuple[str, ...]


@dataclass(frozen=True)
class Grid:
    """All configurations but for the model.

    Attributes
    ----------
    of : place of the label whose share is estimated.
    templates : prompt templates by name; None: those of the model.
    thresholds : smallest score of the label by name; None: the label with the highest score counts; "score": the score
        itself.
    """

    labels: tuple[str, ...]
    of: int
    wordings: tuple[Wording, ...]
    templates: Mapping[str, tuple[str, ...] | None]
    thresholds: Mapping[str, float | str | None]

    @property
    def size(self) -> int:
        """Number of configurations of one model."""
        return len(self.wordings) * len(self.templates) * len(self.thresholds)

    @property
    def texts(self) -> list[str]:
        """The different wordings of all labels."""
        return list(dict.fromkeys(text for wording in self.wordings for text in wording.texts))

    def predictions(
        self, cosines: Mapping[str, Float], scale: float
    ) -> Iterator[tuple[Mapping[str, str], list[float | int]]]:
        """The choices and predictions (n,) of every configuration of a model.

        Parameters
        ----------
        cosines : by name of the template, (n, texts) float32 with every wording.
        scale : factor applied to cosines before the softmax.
        """
        place = {text: i for i, text in enumerate(self.texts)}
        for template in self.templates:
            for wording in self.wordings:
                own = cosines[template][:, [place[text] for text in wording.texts]]
                best = (own.argmax(axis=1) == self.of).astype(int)
                logits = scale * own.astype(np.float64)
                shares = np.exp(logits - np.logaddexp.reduce(logits, axis=1, keepdims=True))
                score = shares[:, self.of].astype(np.float32)
                for name, threshold in self.thresholds.items():
                    choices = {"template": template, **wording.choices, "threshold": name}
                    if threshold is None:
                        yield choices, best.tolist()
                    elif threshold == SCORE:
                        yield choices, score.astype(np.float64).round(7).tolist()
                    else:
                        yield choices, (score >= np.float32(threshold)).astype(int).tolist()


def read_grid(labels: Labels, of: str, templates: Sequence[Template], thresholds: Sequence[Threshold]) -> Grid:
    """Read the choices of a multiverse. Raises TypeError, ValueError."""
    names, wordings = _wordings(labels)
    if of not in names:
        raise ValueError(f"of: {of!r} is not one of the labels {listed(names)}; give one of them")
    return Grid(names, names.index(of), wordings, _templates(templates), _thresholds(thresholds))


def check_size(grid: Grid, models: Sequence[str], n: int | None = None) -> None:
    """Raise ValueError for too many or too few configurations, or for n items too many predictions."""
    parts = (
        f"{len(models)} models x {len(grid.templates)} templates x {len(grid.wordings)} wordings x "
        f"{len(grid.thresholds)} thresholds"
    )
    size = grid.size * len(models)
    if size < 2:
        raise ValueError(
            "labels: there is one configuration, and a multiverse has at least two; give a label a second wording, or "
            "further templates, models or thresholds"
        )
    if size > MOST:
        raise ValueError(
            f"labels: {size:,} configurations ({parts}), at most {MOST:,}; leave some out, or give wordings that "
            "belong together as a list of mappings from labels to texts"
        )
    if n is not None and n * size > MOST_VALUES:
        raise ValueError(
            f"labels: {size:,} configurations ({parts}) of {n:,} items are more than {MOST_VALUES:,} predictions; "
            "leave some out, or take a part of the items that is drawn at random"
        )


def _wordings(labels: Any) -> tuple[tuple[str, ...], tuple[Wording, ...]]:
    if isinstance(labels, Mapping):
        return _combined({str(label): _texts(label, given) for label, given in labels.items()})
    if isinstance(labels, str | bytes):
        raise TypeError(f"labels: got a {type(labels).__name__}, {labels!r:.60}; give a mapping of labels to wordings")
    given = list(labels)
    if given and all(isinstance(each, Mapping) for each in given):
        return _together(given)
    return _combined({text: [text] for text in text_list(given, "labels")})


def _texts(label: Any, given: Any) -> list[str]:
    texts = [given] if isinstance(given, str) else text_list(given, f"labels[{label!r}]")
    if not texts:
        raise ValueError(f"labels: {label!r} has no wording; give it one text or more")
    return texts


def _combined(given: Mapping[str, Sequence[str]]) -> tuple[tuple[str, ...], tuple[Wording, ...]]:
    """All combinations of the wordings of each label."""
    names = tuple(given)
    _require_contrast(names)
    _refuse_repeated([(label, text) for label, texts in given.items() for text in texts])
    varied = [label for label in names if len(given[label]) > 1]
    fixed = " | ".join(given[label][0] for label in names if label not in varied)[:LONGEST]
    wordings = []
    for texts in product(*given.values()):
        own = dict(zip(names, texts, strict=True))
        choices = {f"wording of {label}": own[label] for label in varied}
        if fixed:
            choices["wording of the others" if varied else "wording"] = fixed
        wordings.append(Wording(choices, texts))
    return names, tuple(wordings)


def _together(given: Sequence[Mapping[str, str]]) -> tuple[tuple[str, ...], tuple[Wording, ...]]:
    """Wordings of all labels that belong together."""
    names = tuple(str(label) for label in given[0])
    _require_contrast(names)
    wordings: list[Wording] = []
    for i, each in enumerate(given):
        if set(map(str, each)) != set(names):
            raise ValueError(
                f"labels[{i}]: has the labels {listed(map(str, each))}, the first {listed(names)}; give each the same"
            )
        own = {str(label): text_list([text], f"labels[{i}]")[0] for label, text in each.items()}
        _refuse_repeated(list(own.items()))
        texts = tuple(own[label] for label in names)
        if (first := next((k for k, other in enumerate(wordings) if other.texts == texts), None)) is not None:
            raise ValueError(f"labels[{i}]: has the texts of labels[{first}]; leave one of them out")
        wordings.append(Wording({"wording": " | ".join(texts)[:LONGEST]}, texts))
    return names, tuple(wordings)


def _require_contrast(names: Sequence[str]) -> None:
    if len(names) < 2:
        raise ValueError(
            f"labels: got {len(names)}, a share needs at least 2; add a contrast such as "
            '"other": ["something else", "another scene"]'
        )


def _refuse_repeated(texts: Sequence[tuple[str, str]]) -> None:
    seen: dict[str, str] = {}
    for label, text in texts:
        key = " ".join(text.casefold().split())
        if not key:
            raise ValueError(f"labels: {label!r} has the wording {text!r}, which is blank; write it as a text")
        if key in seen:
            twice = f"of {label!r} twice" if seen[key] == label else f"of {seen[key]!r} and of {label!r}"
            raise ValueError(f"labels: {text!r} is a wording {twice}; give each wording once")
        seen[key] = label


def _templates(given: Any) -> dict[str, tuple[str, ...] | None]:
    if isinstance(given, str):
        raise TypeError(f'templates: got a str, {given!r:.60}; give a list, as in ["{{}}", "a photo of {{}}"]')
    found: dict[str, tuple[str, ...] | None] = {}
    for i, each in enumerate(given):
        own = None if each is None else (each,) if isinstance(each, str) else tuple(text_list(each, f"templates[{i}]"))
        for template in () if own is None else own:
            if template.count("{}") != 1:
                raise ValueError(
                    f"templates[{i}]: {template!r} has {template.count('{}')} of {{}}, it needs one, where the label "
                    "goes"
                )
        if own == ():
            raise ValueError(f"templates[{i}]: is an empty list; give a text, several to be averaged, or None")
        name = OWN if own is None else " + ".join(own)[:LONGEST]
        if name in found:
            raise ValueError(f"templates[{i}]: {name!r} is given twice; leave one of them out")
        found[name] = own
    if not found:
        raise ValueError('templates: is empty; leave it out for those of the model, or give ["a photo of {}"]')
    return found


def _thresholds(given: Any) -> dict[str, float | str | None]:
    found: dict[str, float | str | None] = {}
    for i, each in enumerate([given] if isinstance(given, str | float | int) or given is None else given):
        name, value = _threshold(i, each)
        if name in found:
            raise ValueError(f"thresholds[{i}]: {name} is given twice; leave one of them out")
        found[name] = value
    if not found:
        raise ValueError("thresholds: is empty; leave it out for the best label, or give scores such as [None, 0.5]")
    return found


def _threshold(i: int, each: Any) -> tuple[str, float | str | None]:
    if each is None or each in ("best", BEST):
        return BEST, None
    if each == SCORE:
        return SCORE, SCORE
    try:
        value = float(each)
    except (TypeError, ValueError):
        value = float("nan")
    if not 0 < value < 1:
        raise ValueError(
            f"thresholds[{i}]: got {each!r}; give a score above 0 and below 1, None for the best label, or {SCORE!r} "
            "for the score itself"
        )
    return f"{value:g}", value
