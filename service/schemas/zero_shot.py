"""Requests and answers of zero-shot labelling."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, Field, model_validator

from models.analysers.presets import PRESETS
from service.schemas.base import Message
from service.schemas.codes import Id
from service.schemas.common import Answer, Datum, FailedEntry, ModelOptions
from service.schemas.example import PHOTO
from service.schemas.items import IDS_OF_VECTORS, Items, Vectors, distinct
from service.schemas.references import ItemsOfCollection


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

    labels: list[str] | None = Field(
        None,
        description="Labels, at least two different ones, or one with `multi_label`; unless a `preset` is named.",
        examples=[["a cat", "a cup of coffee", "a rocket launch"]],
    )
    preset: str | None = Field(
        None,
        description="Named question of GET /v1/analysers, in place of `labels` and `templates`: its labels, the texts "
        "that stand for them and its templates are used. Validate its scores first.",
        examples=[None],
        json_schema_extra={"enum": [*PRESETS, None]},
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


class ZeroShotForm(ZeroShotOptions, ItemsOfCollection):
    """The fields of a form, without the items, which are parts of their own."""

    vectors: Annotated[list[Vectors], AfterValidator(distinct)] | None = Field(
        None,
        min_length=1,
        description="Vectors of the items, of one modality, unless `input` is sent. The scores are those of the items.",
    )
    ids: list[str] | None = IDS_OF_VECTORS


class ZeroShotRequest(ZeroShotForm):
    """Items, or their vectors, to score for labels that the model was not trained on."""

    input: Items | None = Field(
        None,
        description="A text, an item, or a list of these, unless `vectors` are sent.",
        examples=[[{"image": PHOTO, "id": "photo-1"}]],
    )


class ZeroShotPrompts(Message):
    """Prompts of the classes of a zero-shot classifier, whose scores are calibrated with the codes."""

    labels: list[Id] | None = Field(
        None,
        min_length=2,
        description="Classes, as the codes have them, at least two; unless a `preset` is named.",
        examples=[["cat", "cup"]],
    )
    prompts: list[str] | None = Field(
        None,
        description="Text of each label that takes its place in the templates. Left out: the labels themselves.",
        examples=[["a cat", "a cup of coffee"]],
    )
    templates: list[str] | None = Field(
        None, description="Prompt templates, each with one {}; their vectors are averaged. Default: those of the model."
    )
    preset: str | None = Field(
        None,
        description="Named question of GET /v1/analysers, in place of `labels`, `prompts` and `templates`.",
        examples=[None],
    )


class Scored(Datum):
    label: str | None = Field(description="Label with the highest score; null where none fits.")
    scores: list[float] = Field(
        description="Scores of the labels, in their order, not calibrated probabilities: validate them against human "
        "codes before use."
    )
    cosines: list[float] = Field(description="Cosine of the item with each label.")
    none_score: float | None = Field(None, description="Score of `none_of_these.text`.")


class PresetCard(BaseModel):
    """A zero-shot question with a name, for `preset` of POST /v1/zero-shot."""

    name: str = Field(description="Name of the preset.", examples=["protest"])
    question: str = Field(description="The question that the labels answer.")
    labels: list[str] = Field(description="Labels, as in the answer.")
    prompts: list[str] = Field(description="Text for each label that takes its place in the templates.")
    templates: list[str] = Field(description="Prompt templates, each with one {}.")
    multi_label: bool = Field(description="Whether several labels may hold for one item.")
    notice: str = Field(description="Limits of the scores, and how to validate them first.")


class ZeroShotAnswer(Answer):
    labels: list[str] = Field(description="Labels of the request, or of its preset, in their order.")
    data: list[Scored | FailedEntry] = Field(description="One entry per item, in order.")
    templates: list[str] = Field(description="Prompt templates used.")
    negatives: list[str] | None = Field(description="Contrasts used under `multi_label`.")
    logit_scale: float = Field(description="Factor applied to cosines before the softmax or sigmoid.")
    preset: str | None = Field(None, description="Name of the preset of the request, if it named one.")
    prompts: list[str] | None = Field(
        None, description="Texts that took the place of the labels in the templates; null where these are the labels."
    )
    notice: str | None = Field(None, description="Limits of the preset's scores, and how to validate them first.")
    calibrated: Literal[False] = Field(False, description="Always false: the scores are not validated on your data.")
