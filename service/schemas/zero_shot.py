"""Requests and answers of zero-shot labelling."""

from typing import Literal

from pydantic import Field, model_validator

from service.schemas.base import Message
from service.schemas.common import Answer, Datum, FailedEntry, ModelOptions
from service.schemas.example import PHOTO
from service.schemas.items import Items


class NoneOfThese(Message):
    """Outcome for items that no label fits, by a contrast text or by a cosine threshold."""

    text: str | None = Field(
        None,
        min_length=1,
        description="Text that competes with the labels; `label` is null where it scores highest.",
        examples=["something else"],
    )
    min_cosine: float | None = Field(
        None, ge=-1, le=1, description="Minimum cosine; `label` is null where no label reaches it.", examples=[0.1]
    )

    @model_validator(mode="after")
    def _one(self) -> "NoneOfThese":
        if (self.text is None) == (self.min_cosine is None):
            raise ValueError('has either "text" or "min_cosine"')
        return self


class ZeroShotOptions(ModelOptions):
    """Options of a zero-shot request."""

    labels: list[str] = Field(
        description="Labels, at least two different ones, or one with `multi_label`.",
        examples=[["a cat", "a cup of coffee", "a rocket launch"]],
    )
    templates: list[str] | None = Field(
        None,
        description="Prompt templates, each with one {}; their vectors are averaged. Default: those of the model.",
        examples=[["a photo of {}", "a picture of {}"]],
    )
    multi_label: bool = Field(
        False,
        description="Score each label independently: against `negatives` on encoders trained with a softmax (CLIP, "
        "embedded), by the sigmoid on encoders trained with one (SigLIP).",
    )
    negatives: list[str] | None = Field(
        None,
        description="Contrasts for each label under `multi_label` on softmax-trained encoders. Default: the model's, "
        "which the answer states.",
        examples=[["something else"]],
    )
    none_of_these: NoneOfThese | None = Field(None, description="Outcome for items that no label fits.")


class ZeroShotRequest(ZeroShotOptions):
    """Items to score for labels that the model was not trained on."""

    input: Items = Field(
        description="A text, an item, or a list of these.", examples=[[{"image": PHOTO, "id": "photo-1"}]]
    )


class Scored(Datum):
    label: str | None = Field(description="Label with the highest score; null where none fits.")
    scores: list[float] = Field(
        description="Scores of the labels, in their order, not calibrated probabilities: validate them against human "
        "codes before use."
    )
    cosines: list[float] = Field(description="Cosine of the item with each label.")
    none_score: float | None = Field(None, description="Score of `none_of_these.text`.")


class ZeroShotAnswer(Answer):
    labels: list[str] = Field(description="Labels of the request, in their order.")
    data: list[Scored | FailedEntry] = Field(description="One entry per item, in order.")
    templates: list[str] = Field(description="Prompt templates used.")
    negatives: list[str] | None = Field(description="Contrasts used under `multi_label`.")
    logit_scale: float = Field(description="Factor applied to cosines before the softmax or sigmoid.")
    calibrated: Literal[False] = Field(False, description="Always false: the scores are not validated on your data.")
