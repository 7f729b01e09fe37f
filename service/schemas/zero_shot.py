"""Requests and answers of zero-shot labelling."""

from typing import Literal

from pydantic import Field, model_validator

from service.schemas.base import Message
from service.schemas.common import Answer, Datum, FailedEntry, ModelOptions
from service.schemas.example import PHOTO
from service.schemas.items import Items


class NoneOfThese(Message):
    """An outcome for items that none of the labels fits: by a contrast text, or by a cosine threshold."""

    text: str | None = Field(
        None,
        min_length=1,
        description="Competes with the labels; where it wins, `label` is null.",
        examples=["something else"],
    )
    min_cosine: float | None = Field(
        None, ge=-1, le=1, description="Where no label's cosine reaches it, `label` is null.", examples=[0.1]
    )

    @model_validator(mode="after")
    def _one(self) -> "NoneOfThese":
        if (self.text is None) == (self.min_cosine is None):
            raise ValueError('has either "text" or "min_cosine"')
        return self


class ZeroShotOptions(ModelOptions):
    """What to label items with."""

    labels: list[str] = Field(
        description="At least two different ones, or one with `multi_label`.",
        examples=[["a cat", "a cup of coffee", "a rocket launch"]],
    )
    templates: list[str] | None = Field(
        None,
        description="Prompt templates, each with one {} for the label; their vectors are averaged. Left out: those of "
        "the model.",
        examples=[["a photo of {}", "a picture of {}"]],
    )
    multi_label: bool = Field(
        False,
        description="Score each label by itself. On encoders trained with a softmax (CLIP, embedded) that is the label "
        "against `negatives`; on those trained with a sigmoid (SigLIP) their own sigmoid.",
    )
    negatives: list[str] | None = Field(
        None,
        description="What each label is contrasted with under `multi_label` on softmax-trained encoders. Left out: the "
        "model's, which the answer states.",
        examples=[["something else"]],
    )
    none_of_these: NoneOfThese | None = Field(None, description="An outcome for items that no label fits.")


class ZeroShotRequest(ZeroShotOptions):
    """Items to label with labels that the model was never trained on."""

    input: Items = Field(
        description="A text, an item, or a list of these.", examples=[[{"image": PHOTO, "id": "photo-1"}]]
    )


class Scored(Datum):
    label: str | None = Field(description="The best label; null where none fits. With `multi_label`, the highest one.")
    scores: list[float] = Field(
        description="One per label, in order. They are scores, not calibrated probabilities: validate them against "
        "human codes before you count with them."
    )
    cosines: list[float] = Field(description="The raw cosine of the item with each label.")
    none_score: float | None = Field(None, description="The score of `none_of_these.text`.")


class ZeroShotAnswer(Answer):
    labels: list[str] = Field(description="Your labels, in your order.")
    data: list[Scored | FailedEntry] = Field(description="One entry per item, in order.")
    templates: list[str] = Field(description="The prompt templates that were used.")
    negatives: list[str] | None = Field(description="The contrasts that were used under `multi_label`.")
    logit_scale: float = Field(description="What cosines are multiplied with before the softmax or sigmoid.")
    calibrated: Literal[False] = Field(False, description="Nobody has checked these scores on your data yet.")
