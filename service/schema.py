"""Requests and answers on the wire. Both transports share them; the API page is made from them."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, Field, WithJsonSchema, model_validator

from models.images.decoding import DecodeMode
from service.example import PHOTO
from service.schema_base import Message
from service.schema_video import OfVideo, Sampling, VideoBlock


class Item(OfVideo):
    """A text, an image or a video, with an optional id that comes back beside the index."""

    id: str | None = Field(
        None, max_length=1024, description="Yours; comes back with the item's result.", examples=["post-17"]
    )
    text: str | None = Field(None, description="A text.", examples=["a cat asleep on a sofa"])
    image: str | None = Field(
        None,
        description="An image file's bytes in base64, or as a data URI. URLs are not fetched.",
        examples=[PHOTO],
    )

    @model_validator(mode="after")
    def _one(self) -> "Item":
        if sum(each is not None for each in (self.text, self.image, self.video)) != 1:
            raise ValueError('an item has either "text", "image" or "video"')
        return self


def _items(value: Any) -> Any:
    if isinstance(value, str | dict):
        value = [value]
    if not isinstance(value, list):
        raise ValueError('is a string, an item {"text": …}, {"image": …} or {"video": …}, or a list of these')
    if any(isinstance(v, int | list) for v in value):
        raise ValueError("token arrays are not taken, since tokens differ between models; send the text")
    return [{"text": v} if isinstance(v, str) else v for v in value]


_ITEM = {"anyOf": [{"type": "string", "description": "A text."}, {"$ref": "#/components/schemas/Item"}]}
Items = Annotated[
    list[Item],
    BeforeValidator(_items),
    WithJsonSchema({"anyOf": [*_ITEM["anyOf"], {"type": "array", "items": _ITEM}]}),
]
OnError = Literal["fail", "skip"]
Mode = Literal["sync", "job"]
MODE: Any = Field(
    "sync",
    description="sync: answered when it is done. job: for videos, answered at once with a job; its answer is at "
    "/v1/jobs/{id}/answer.",
)
SAMPLING: Any = Field(
    None, description="Which frames of videos are looked at, where an item does not say. Left out: one a second."
)


class ModelOptions(Message):
    """What every request that runs a model has, beside its items."""

    model: str | None = Field(
        None,
        description="A model of GET /v1/models; the first of them where left out.",
        examples=["embedded"],
    )
    on_error: OnError = Field(
        "fail",
        description="What one unusable item does. `fail`: the request is refused and names every such item. "
        "`skip`: the others are answered, and the item carries its own error.",
    )
    decode: DecodeMode | None = Field(
        None,
        description="`exact`: pixels as the reference implementation has them. `scaled`: large JPEGs are decoded at a "
        "fraction of their size, faster, with a fingerprint of its own. Left out: the server's setting.",
    )
    sampling: Sampling | None = SAMPLING
    mode: Mode = MODE


class EmbeddingsOptions(ModelOptions):
    """What to embed items with."""

    encoding_format: Literal["float", "base64"] = Field(
        "float", description="`float`: a JSON list. `base64`: little-endian float32, a third of the size."
    )
    dimensions: int | None = Field(
        None,
        description="The model's own dimension; another one is refused, unless the model is a Matryoshka one.",
    )
    user: str | None = Field(None, description="Accepted for OpenAI's clients, and ignored.")


class EmbeddingsRequest(EmbeddingsOptions):
    """Texts and images to embed. Takes what OpenAI's embeddings endpoint takes, and images."""

    input: Items = Field(
        description="A text, an item, or a list of these, mixed as you like.",
        examples=[["a cat asleep on a sofa", {"image": PHOTO, "id": "photo-1"}]],
    )


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


class Receipt(BaseModel):
    """How the numbers were made; keep it with them."""

    model: str = Field(description="The model's name.", examples=["embedded"])
    revision: str = Field(description="The exact weights.")
    fingerprint: str = Field(
        description="Vectors may be compared exactly where it is equal: weights, preprocessing, decode mode, pooling, "
        "precision and recipe."
    )
    precision: str = Field(description="Of the arithmetic: fp32, fp16, …", examples=["fp32"])
    provider: str = Field(description="ONNX Runtime's execution provider.", examples=["CPUExecutionProvider"])
    decode: str = Field(description="How JPEGs were decoded.", examples=["exact"])
    demonstration: bool = Field(description="True: not a model for a study.")
    notice: str | None = Field(description="What its users must know.")
    made_with: dict[str, str] = Field(description="Versions of what ran and exported it; not part of the fingerprint.")


class ItemError(BaseModel):
    code: str = Field(description="For programs.", examples=["invalid_image"])
    message: str = Field(description="For people: the value, the rule, the way out.")


class Datum(BaseModel):
    index: int = Field(description="The item's place in `input`.")
    id: str | None = Field(None, description="The item's id, where it had one.")
    error: ItemError | None = Field(None, description='Only with on_error="skip", instead of a result.')
    video: VideoBlock | None = Field(None, description="Of a video: its frames and shots; the result is their pool.")


class Embedding(Datum):
    object: Literal["embedding"] = Field("embedding", description="As in OpenAI's answers.")
    embedding: list[float] | str = Field(description="Unit vector, float32; or its base64.")


class Usage(BaseModel):
    prompt_tokens: int = Field(description="Tokens of all texts, special ones included.")
    total_tokens: int = Field(description="The same.")


class Answer(BaseModel):
    """What every answer that comes from a model has."""

    model: str = Field(description="The model's name.", examples=["embedded"])
    truncated: list[int] = Field(description="Texts that were cut at the model's maximum, by index.")
    receipt: Receipt = Field(description="Keep it with the numbers.")


class EmbeddingsAnswer(Answer):
    object: Literal["list"] = Field("list", description="As in OpenAI's answers.")
    data: list[Embedding] = Field(description="One entry per item, in order.")
    usage: Usage = Field(description="What was read.")


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
    data: list[Scored] = Field(description="One entry per item, in order.")
    templates: list[str] = Field(description="The prompt templates that were used.")
    negatives: list[str] | None = Field(description="The contrasts that were used under `multi_label`.")
    logit_scale: float = Field(description="What cosines are multiplied with before the softmax or sigmoid.")
    calibrated: Literal[False] = Field(False, description="Nobody has checked these scores on your data yet.")


class ModelCard(BaseModel):
    """A model that can be asked for."""

    id: str = Field(description="The name to send as `model`.")
    object: Literal["model"] = Field("model", description="As in OpenAI's answers.")
    default: bool = Field(description="Whether it is meant where `model` is left out.")
    description: str = Field(description="What it is.")
    modalities: list[str] = Field(description="What it takes: image, text.")
    dimension: int = Field(description="Length of its vectors.")
    zero_shot: bool = Field(description="Whether its images and texts share a space.")
    licence: str = Field(description="Of the weights.")
    source: str = Field(description="Where the weights come from.")
    revision: str = Field(description="The exact weights.")
    weights: dict[str, str] = Field(description="SHA-256 of each file that the vectors depend on.")
    fingerprint: str = Field(description="Vectors may be compared exactly where it is equal.")
    fingerprint_scaled: str | None = Field(description='The fingerprint under decode="scaled".')
    precision: str = Field(description="Of the arithmetic: fp32, fp16, …")
    provider: str = Field(description="ONNX Runtime's execution provider.")
    decode: DecodeMode = Field(description="How JPEGs are decoded where a request does not say.")
    max_tokens: int | None = Field(description="Longer texts are cut there, and the answer says so.")
    templates: list[str] | None = Field(description="Its default prompt templates.")
    parity: dict[str, float] = Field(description="Lowest cosine against torch, measured when it was exported.")
    demonstration: bool = Field(description="True: not a model for a study.")
    notice: str | None = Field(description="What its users must know.")


class ModelList(BaseModel):
    object: Literal["list"] = Field("list", description="As in OpenAI's answers.")
    data: list[ModelCard] = Field(description="The models, the default first.")
    next_cursor: str | None = Field(None, description="Null: there are no more.")


class ErrorItem(BaseModel):
    index: int = Field(description="The item's place in `input`.")
    id: str | None = Field(description="The item's id, where it had one.")
    code: str = Field(description="For programs.", examples=["invalid_image"])
    message: str = Field(description="For people: the value, the rule, the way out.")


class ErrorBody(BaseModel):
    code: str = Field(description="For programs.", examples=["invalid_items"])
    message: str = Field(description="For people: the value, the rule, the way out.")
    param: str | None = Field(description="The field at fault, where there is one.")
    request_id: str = Field(description="Also in the X-Request-ID header, and in the server's log.")
    items: list[ErrorItem] = Field(description="Every unusable item.")


class ErrorAnswer(BaseModel):
    """The one error shape."""

    error: ErrorBody = Field(description="What is wrong, and what to do.")
