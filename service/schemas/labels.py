"""Requests and answers of codebook labels: a codebook applied to items by a labeller."""

import re
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, Field, StringConstraints, model_validator

from service.schemas.analyses import AnalyserReceipt
from service.schemas.annotation import SEED
from service.schemas.base import Message
from service.schemas.codebooks import Codebook
from service.schemas.common import Entry, FailedEntry, Mode, OnError
from service.schemas.estimates import EstimateCorpusAnswer
from service.schemas.example import PHOTO
from service.schemas.items import Posts
from service.schemas.positions import PositionBiasAnswer
from service.schemas.validations import ValidationAnswer

Order = Literal["fixed", "permuted"]
LabellerKind = Literal["remote", "local"]
CODEBOOK = {
    "title": "Scenes",
    "variables": [
        {
            "name": "people",
            "kind": "binary",
            "question": "Are people visible?",
            "definition": "Yes, if at least one person can be seen, in part or as a whole.",
        }
    ],
}
MOST_EXAMPLES = 100
RUN = re.compile(r"^[A-Za-z0-9_-]{8,64}$")


class LabelExample(Message):
    """The content of an item that the codebook names as an example."""

    id: str = Field(min_length=1, max_length=1024, description="Id of the item in `examples` of the codebook.")
    text: str | None = Field(None, max_length=100_000, description="Text of the item.")
    image: str | None = Field(None, description="Bytes of an image file in base64, or a data URI.")

    @model_validator(mode="after")
    def _content(self) -> Self:
        if self.text is None and self.image is None:
            raise ValueError('an example has "text", "image", or both')
        return self


class LabelMethod(Message):
    """All choices that a labeller's answers depend on, but for the items."""

    labeller: str | None = Field(
        None, max_length=63, description="Name in GET /v1/labellers. Default: the first of them.", examples=["stub"]
    )
    codebook: Codebook = Field(
        description="Codebook, as for coders. Variables of pairs (more, same) are not taken.", examples=[CODEBOOK]
    )
    template: str | None = Field(
        None,
        min_length=1,
        max_length=50_000,
        description="Instructions in place of the default ones, with {variables} and {answer} once each, and "
        "{instructions} (those of the codebook) at most once.",
        examples=["Code the item.\n\n{variables}\n\n{answer}"],
    )
    examples: list[LabelExample] = Field(
        [],
        max_length=MOST_EXAMPLES,
        description="Contents of items that the codebook names as examples, which are shown before the item.",
    )
    category_order: Order = Field(
        "fixed",
        description="Order of categories in the question. fixed: that of the codebook. permuted: one for each item, "
        "drawn by `seed`. Categories of ordinal variables are in their order, or in the reverse of it.",
    )
    variable_order: Order = Field("fixed", description="Order of variables in the question, in the same way.")
    seed: int = SEED
    temperature: float = Field(0.0, ge=0, le=2, description="Temperature of the model's sampling; 0 for a local one.")
    max_tokens: int = Field(1000, ge=1, le=100_000, description="Maximum number of tokens of an answer.")


class LabelsRequest(LabelMethod):
    """Items, and the codebook that they are labelled by."""

    input: Posts | None = Field(
        None,
        description="Images, texts, or images with texts. Left out only in a form, whose parts `input` are the items.",
        examples=[[{"image": PHOTO, "id": "photo-1"}]],
    )
    on_error: OnError = Field(
        "fail",
        description="Handling of items without labels. `fail`: the request fails with an error that names every such "
        "item. `skip`: the entry of each such item has an error in place of labels.",
    )
    run: Annotated[str, StringConstraints(pattern=RUN.pattern)] | None = Field(
        None,
        description="Key of the caller's choice, such as a random one. Answers of requests with the same key are kept "
        "on the server, so that no item is asked about twice, until the run is deleted, or is a few days old.",
        examples=[None],
    )
    mode: Mode = Field(
        "sync",
        description="`sync`: the response has the labels. `job`: the response has a job, whose labels are at "
        "/v1/labels/{id}.",
    )


class LabelPlanRequest(LabelMethod):
    """The same request without its items being labelled: nothing is sent to the labeller."""

    input: Posts | None = Field(
        None, description="Items, for the numbers of requests, pixels and tokens. Left out: the prompt alone."
    )


class VariableLabel(BaseModel):
    """The label of one variable."""

    value: str | float | list[str] | None = Field(
        description="Category; of several chosen ones, a list; a number; a text; null for cannot tell."
    )
    cannot_tell: bool = Field(False, description="Whether the labeller answered that it cannot tell.")
    probabilities: dict[str, float] | None = Field(
        None,
        description="Probability of each category, which sum to 1, by the log-probabilities of the answer's tokens; "
        "null where the endpoint gave none, or they do not tell the categories apart. Where several categories may be "
        "chosen, the probability that each one applies, by a model of this server alone.",
    )
    covered: float | None = Field(
        None,
        description="Probability, before it was scaled to 1, of all answers that are categories; where several may be "
        "chosen, the smallest one of the questions about them.",
    )


class AnswerLikelihood(BaseModel):
    """The likelihood of an answer to a question, by a model of this server."""

    variable: str = Field(description="Variable.")
    category: str | None = Field(None, description="Category that was asked about, where several may be chosen.")
    answer: str = Field(description="The answer.")
    log_probability: float = Field(description="Sum of the log-probabilities of its tokens, its end included.")
    tokens: int = Field(description="Number of these tokens.")


class RawAnswer(BaseModel):
    """An answer as the labeller gave it."""

    text: str | None = Field(description="Text of the answer; null where there is none.")
    refusal: str | None = Field(None, description="Refusal of the model, in its words.")
    finish_reason: str | None = Field(None, description="Reason for the answer's end, as the endpoint told it.")
    model: str | None = Field(None, description="Model, as the endpoint told it.")
    system_fingerprint: str | None = Field(None, description="Fingerprint of the endpoint's configuration, if told.")
    seed: int = Field(description="Seed that was sent: that of the request, plus the number of earlier answers.")
    prompt_tokens: int | None = Field(
        None, description="Tokens of the prompt, as told; of a local labeller, of all questions together."
    )
    completion_tokens: int | None = Field(
        None, description="Tokens of the answer, as told; of a local labeller, of all answers that were scored."
    )
    date: str = Field(description="Time of the answer, ISO 8601.")
    likelihoods: list[AnswerLikelihood] | None = Field(
        None, description="Likelihoods of all answers, in the order of the questions; null of an endpoint's answer."
    )
    problem: str | None = Field(None, description="Code of the error that made it unusable; null for a usable one.")


class LabelledEntry(Entry):
    """The entry of a labelled item."""

    labels: dict[str, VariableLabel] = Field(description="Label of each variable.")
    variables: list[str] = Field(description="Variables in the order of the question.")
    categories: dict[str, list[str]] = Field(description="Categories of each variable in the order of the question.")
    answers: list[RawAnswer] = Field(description="Answers of the endpoint, the last of which is the usable one.")
    same_as: int | None = Field(
        None, description="Index of an earlier item with the same content, which was asked about for both."
    )


class UnlabelledEntry(FailedEntry):
    """The entry of an item without labels; only with `on_error: skip`."""

    answers: list[RawAnswer] = Field([], description="Unusable answers of the endpoint, if there were any.")


class PicturesSent(BaseModel):
    """Form in which a labeller gets pictures."""

    max_side: int = Field(description="Maximum pixels of the longer side; smaller pictures are not enlarged.")
    jpeg_quality: int | None = Field(description="Quality of the JPEGs, without metadata; null: no loss, no JPEG.")
    recipe: str = Field(description="Version of the conversion, resizing included.")


class LabelQuestion(BaseModel):
    """A question behind the item, where variables are asked one at a time."""

    variable: str = Field(description="Variable.")
    category: str | None = Field(description="Category that is asked about, where several may be chosen.")
    text: str = Field(description="Text of the question.")
    answers: list[str] = Field(description="Answers whose likelihoods are computed; none where the answer is written.")


class LabelPrompt(BaseModel):
    """The exact text that the labeller gets."""

    system: str = Field(description="First message, in the order of the codebook.")
    before_item: str = Field(description="Text in front of the item, in the second message.")
    examples: list[str] = Field(description="Texts in front of the examples, in the second message.")
    questions: list[LabelQuestion] = Field(
        [],
        description="Questions in the order of the codebook, each behind the item in a second message of its own; none "
        "where one answer has all variables.",
    )
    answer_schema: dict[str, Any] = Field(description="JSON schema of the answer.")
    sha256: str = Field(description="SHA-256 of all of it, the examples' contents included.")


class LabelReceipt(BaseModel):
    """Provenance of the labels; store it with them."""

    labeller: str = Field(description="Name of the labeller.")
    kind: LabellerKind = Field(description="Kind of the labeller.")
    host: str | None = Field(description="Host that the items were sent to; null where they left no server.")
    model: str = Field(description="Name of the model, as it was asked for.")
    analyser: AnalyserReceipt | None = Field(
        None, description="Receipt of the model of this server; null for a remote one."
    )
    likelihoods: str | None = Field(None, description="Recipe of probabilities by a model of this server.")
    models: list[str] = Field(description="Names of the models, as the endpoint told them.")
    system_fingerprints: list[str] = Field(description="Fingerprints of the endpoint's configuration, as told.")
    fingerprint: str = Field(
        description="Hash of model, host, prompt, codebook, orders, parameters and pictures. Labels of equal "
        "fingerprints were made in the same way; a model behind the same name may change all the same."
    )
    prompt_sha256: str = Field(description="SHA-256 of the prompt.")
    structured: str = Field(description="Constraint of the answers: json_schema, json_object, none, or likelihoods.")
    category_order: Order = Field(description="Order of the categories.")
    variable_order: Order = Field(description="Order of the variables.")
    seed: int = Field(description="Seed.")
    seed_sent: bool = Field(description="Whether the endpoint got a seed.")
    temperature: float | None = Field(description="Temperature; null where the endpoint did not get one.")
    max_tokens: int = Field(description="Maximum number of tokens of an answer.")
    pictures: PicturesSent = Field(description="Form in which pictures were sent.")
    first: str | None = Field(description="Time of the first answer, ISO 8601.")
    last: str | None = Field(description="Time of the last answer, ISO 8601.")
    made_with: dict[str, str] = Field(description="Versions of the software used; not part of the fingerprint.")


class LabelUsage(BaseModel):
    """Cost of an answer, for all items together."""

    answers: int = Field(description="Answers of the endpoint, unusable ones included.")
    reused: int = Field(description="Answers among them that an earlier request of the same run had got.")
    prompt_tokens: int | None = Field(description="Tokens of all prompts; null where the endpoint did not tell.")
    completion_tokens: int | None = Field(description="Tokens of all answers; null where the endpoint did not tell.")
    price: float | None = Field(description="Price by the owner's prices; null without prices or tokens.")
    currency: str | None = Field(description="Currency of the price.")
    rows: int | None = Field(None, description="Rows that a model of this server has computed; null for a remote one.")


class LabelsAnswer(BaseModel):
    """Labels of all items."""

    object: Literal["list"] = Field("list", description="Type of the object.")
    id: str | None = Field(None, description="Id of the job that made them; null without a job.")
    data: list[LabelledEntry | UnlabelledEntry] = Field(description="One entry per item, in order.")
    codebook: dict[str, Any] = Field(description="Codebook that was applied, with its defaults.")
    prompt: LabelPrompt = Field(description="Exact prompt.")
    receipt: LabelReceipt = Field(description="Receipt of the labels.")
    usage: LabelUsage = Field(description="Numbers of answers and tokens.")
    remarks: list[str] = Field([], description="Limits of these labels, in sentences.")


class LabelsPageAnswer(LabelsAnswer):
    """Labels of all items, with what is known about them: for a page."""

    validations: dict[str, ValidationAnswer] = Field(
        default={}, description="Answers of POST /v1/validations by variable, of the labels as the only predictions."
    )
    estimates: dict[str, EstimateCorpusAnswer] = Field(
        default={}, description="Answers of POST /v1/estimates by variable."
    )
    positions: PositionBiasAnswer | None = Field(None, description="Answer of POST /v1/labels/positions.")


class LabelCost(BaseModel):
    """Estimate of what labelling the items costs."""

    rows: int | None = Field(
        None,
        description="Rows that a model of this server computes: one for each item and question, with all its answers; "
        "null for a remote one.",
    )
    requests: int = Field(description="Requests: one for each different item, if every first answer is usable.")
    most_requests: int = Field(description="Requests if no answer is usable.")
    identical: int = Field(description="Items with the content of another one, which are not asked about again.")
    unusable: int = Field(description="Items that cannot be sent, such as broken images.")
    pixels: int = Field(description="Pixels of all pictures that are sent, examples included.")
    prompt_tokens: int = Field(description="Estimated tokens of all prompts.")
    completion_tokens: int = Field(description="Estimated tokens of all answers.")
    most_prompt_tokens: int = Field(description="Estimated tokens of all prompts, with `most_requests`.")
    most_completion_tokens: int = Field(description="Maximum tokens of all answers, with `most_requests`.")
    rule: str = Field(description="Rule of the estimate.")
    price: float | None = Field(description="Estimated price, if every first answer is usable; null without prices.")
    most_price: float | None = Field(
        description="Estimated price if no answer is usable and each has the largest length; null without prices."
    )
    currency: str | None = Field(description="Currency of the price.")


class LabelPlan(BaseModel):
    """Prompt and cost of a request, of which nothing was sent."""

    labeller: str = Field(description="Name of the labeller.")
    fingerprint: str = Field(description="Fingerprint that the labels would have.")
    prompt: LabelPrompt = Field(description="Exact prompt.")
    cost: LabelCost | None = Field(description="Cost; null without items.")


class LabellerCard(BaseModel):
    """A labeller of this server."""

    name: str = Field(description="Name of the labeller.", examples=["stub"])
    kind: LabellerKind = Field(
        description="Kind. remote: items are sent to another server. local: a model of this server labels them."
    )
    default: bool = Field(description="Whether it is the default.")
    host: str | None = Field(description="Host that items are sent to; null where they stay on this server.")
    model: str = Field(description="Model that the host is asked for, or analyser of this server.")
    sent: str = Field(description="Account of what is sent, in a sentence.")
    kept: str = Field(description="Account of what is kept, here and there, in sentences.")
    structured: str = Field(description="Constraint of the answers: json_schema, json_object, none, or likelihoods.")
    logprobs: bool = Field(description="Whether probabilities are asked for.")
    example_pictures: bool = Field(description="Whether examples may have pictures.")
    pictures: PicturesSent = Field(description="Form in which it gets pictures.")
    concurrency: int = Field(description="Maximum requests at once, of all callers.")
    requests_per_minute: float | None = Field(description="Maximum requests in a minute, of all callers.")
    input_price: float | None = Field(description="Price of a million tokens of prompts, by the owner.")
    output_price: float | None = Field(description="Price of a million tokens of answers, by the owner.")
    currency: str | None = Field(description="Currency of the prices; null without prices.")


class LabellerList(BaseModel):
    object: Literal["list"] = Field("list", description="Type of the object.")
    data: list[LabellerCard] = Field(description="The labellers, the default first.")


class LabelRunDeleted(BaseModel):
    """A run that is deleted."""

    run: str = Field(description="Key of the run.")
    deleted: bool = Field(description="Whether there were answers.")
