"""Options and answer of a zero-shot request."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from daguerre.types.arrays import spread
from daguerre.types.common import Answer, Content, Decode, Float, common_fields, succeeded, text_list


@dataclass(frozen=True, kw_only=True)
class ZeroShotAnswer(Answer):
    ROWS = ("best", "scores", "cosines", "none_scores")

    labels: Sequence[str]
    best: Sequence[str | None]  # None: no label fits, or the item failed
    scores: Float  # (n, k); rows of failed items are NaN
    cosines: Float  # (n, k)
    none_scores: Float | None  # (n,); None where it was not asked for
    templates: Sequence[str]
    negatives: Sequence[str] | None
    logit_scale: float
    preset: str | None = None
    prompts: Sequence[str] | None = None
    notice: str | None = None

    @classmethod
    def read(cls, content: Content, request_id: str | None) -> "ZeroShotAnswer":
        fields = common_fields(content, request_id)
        good, n, labels = succeeded(content), len(content["data"]), content["labels"]

        def array(rows: list[Any], width: int) -> Float:
            return spread(np.array(rows, np.float32).reshape(len(good), width), n, fields["failures"])

        none = [entry.get("none_score") for entry in good]
        return cls(
            labels=labels,
            best=[entry.get("label") for entry in content["data"]],
            scores=array([entry["scores"] for entry in good], len(labels)),
            cosines=array([entry["cosines"] for entry in good], len(labels)),
            none_scores=None if None in none else array(none, 1)[:, 0],
            templates=content["templates"],
            negatives=content["negatives"],
            logit_scale=content["logit_scale"],
            preset=content.get("preset"),
            prompts=content.get("prompts"),
            notice=content.get("notice"),
            **fields,
        )


@dataclass(frozen=True, kw_only=True)
class Preset:
    """A zero-shot question with a name.

    Attributes
    ----------
    question : the question that the labels answer.
    prompts : text for each label that takes its place in the templates.
    templates : prompt templates, each with one {}.
    multi_label : whether several labels may hold for one item.
    notice : limits of the scores, and how to validate them first.
    """

    name: str
    question: str
    labels: Sequence[str]
    prompts: Sequence[str] = field(repr=False)
    templates: Sequence[str] = field(repr=False)
    multi_label: bool = field(repr=False)
    notice: str = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class ZeroShotOptions:
    labels: Sequence[str] | None = None
    preset: str | None = None  # in place of labels and templates
    model: str | None = None
    decode: Decode | None = None
    templates: Sequence[str] | None = None
    multi_label: bool = False
    negatives: Sequence[str] | None = None
    none_of_these: str | None = None  # a contrast text
    none_min_cosine: float | None = None

    def __post_init__(self) -> None:
        if self.labels is None and self.preset is None:
            raise TypeError("labels: give a list of labels, or the name of a preset, as in preset='protest'")
        for name in ("labels", "templates") if self.preset is not None else ():
            if getattr(self, name) is not None:
                raise ValueError(f"{name}: the preset {self.preset!r:.60} has its own; give either {name} or a preset")
        if not isinstance(self.preset, str | None):
            raise TypeError(f"preset: got {self.preset!r:.60}; give the name of one, such as 'protest'")
        for name in ("labels", "templates", "negatives"):
            given = getattr(self, name)
            object.__setattr__(self, name, None if given is None else text_list(given, name))
        if not isinstance(self.none_of_these, str | None):
            raise TypeError(f"none_of_these: got {self.none_of_these!r:.60}; give a text, such as 'something else'")
        if self.none_of_these is not None and self.none_min_cosine is not None:
            raise ValueError("none_of_these and none_min_cosine are two ways to say it; give one of them")

    def fields(self) -> Content:
        """The fields of a request."""
        none: dict[str, Any] | None = None
        if self.none_of_these is not None:
            none = {"text": self.none_of_these}
        elif self.none_min_cosine is not None:
            none = {"min_cosine": self.none_min_cosine}
        return {
            **{name: getattr(self, name) for name in ("model", "decode", "multi_label")},
            **{name: getattr(self, name) for name in ("labels", "preset", "templates", "negatives")},
            "none_of_these": none,
        }
