"""Requests and answers of codebook labels of a study: a plan, and the job that writes columns."""

from typing import Annotated, Any

from pydantic import BaseModel, Field, StringConstraints

from service.schemas.base import Message
from service.schemas.labels import LabelCost, LabelMethod, LabelPrompt, Order
from service.schemas.study_analyses import Prefix

_METHOD: Any = LabelMethod.model_fields
Filter = Annotated[str, StringConstraints(min_length=1, max_length=2000)]


class StudyLabelMethod(Message):
    """A labeller, and variables of the study's codebook."""

    labeller: str | None = _METHOD["labeller"]
    variables: list[str] | None = Field(
        None,
        min_length=1,
        max_length=200,
        description="Variables of the study's newest codebook. Left out: all but those of pairs.",
        examples=[["people"]],
    )
    filters: list[Filter] = Field(
        [], max_length=20, description='Conditions that items fulfil, such as "score>=0.5". Left out: all items.'
    )
    template: str | None = _METHOD["template"]
    category_order: Order = _METHOD["category_order"]
    variable_order: Order = _METHOD["variable_order"]
    seed: int = _METHOD["seed"]
    temperature: float = _METHOD["temperature"]
    max_tokens: int = _METHOD["max_tokens"]


class StudyLabelPlan(BaseModel):
    """Prompt and cost of labels of a study, of which nothing was sent."""

    labeller: str = Field(description="Name of the labeller.")
    host: str | None = Field(description="Host that items would be sent to; null where the server itself labels them.")
    fingerprint: str = Field(description="Fingerprint of the labels, which the request that follows confirms.")
    items: int = Field(description="Number of items.")
    variables: list[str] = Field(description="Variables that are asked about.")
    prompt: LabelPrompt = Field(description="Exact prompt.")
    looked_at: int = Field(description="Number of items that were read for the estimate, evenly spaced.")
    cost: LabelCost = Field(description="Cost of all items, scaled up from those that were read.")


class StudyLabelsRequest(StudyLabelMethod):
    """A labelling of all items that fulfil the filters, whose plan was seen."""

    fingerprint: str = Field(
        max_length=64,
        description="Fingerprint of the plan (POST /v1/studies/{name}/labels/plan), as a confirmation: labels of "
        "another labeller, codebook or option are refused before anything is sent.",
        examples=["0123456789abcdef0123456789abcdef"],
    )
    prefix: Prefix | None = Field(
        None,
        description="Prefix P of the columns; left out: the name of the labeller. Each variable V has `P:V`, its "
        "label; `P:V:outcome`, which is labelled, cannot tell, or the code of an error; and, where there are "
        "probabilities, `P:V:CATEGORY` of each category. A variable of several categories at once has `P:V:CATEGORY` "
        "with yes or no for each.",
    )
