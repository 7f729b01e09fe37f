"""Requests and answers about assignments of a study: draws, coders, progress, disagreements, tables of codes."""

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, Field, StrictFloat, StrictInt, StrictStr, model_validator

from service.schemas.annotation import SEED, Stratum
from service.schemas.base import Message
from service.schemas.studies import STUDY_NAME

MOST_UNITS = 100_000
# columns of tables of codes, which cannot be told from coders of such a name: those of the SDK, code_columns.py
RESERVED = frozenset(
    (
        *("id", "item", "path", "file", "filename", "image", "text", "title", "url", "index", ""),
        *("coder", "adjudicator", "target", "code", "stratum", "inclusion_prob", "weight", "group", "split"),
        *("strata", "sample_weight", "cluster", "score", "cosine", "rank", "query", "label", "value", "low", "high"),
        *("silhouette", "silhouette_final", "pass", "x", "y", "related", "representative", "similarity", "kept"),
        *("video", "timestamp", "shot", "frame", "model", "fingerprint", "remark", "remarks", "error", "error_code"),
        *("error_message", "note", "notes", "comment", "comments", "classifier"),
    )
)
CoderName = Annotated[
    str, Field(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f,;]*[^\s.\x00-\x1f,;][^\x00-\x1f,;]*$")
]


class StudySample(Message):
    """A draw from the items of a study."""

    design: Literal["simple", "stratified", "active", "purposive"] = Field(
        description="simple: equal probabilities. stratified: some of each stratum. active: more of the items with "
        "uncertain scores, with known probabilities. purposive: the highest values."
    )
    size: int = Field(ge=1, le=MOST_UNITS, description="Number of items to draw.")
    strata: str | None = Field(None, description="Column with the stratum of each item; for design stratified.")
    scores: str | None = Field(
        None,
        description="Column with the score of each item; for design purposive, and of active "
        "the probability of the positive class.",
    )
    uniform: float = Field(
        0.2,
        gt=0,
        le=1,
        description="Share of the uniform part of the probabilities, for design active: the others are proportional to "
        "p (1 - p) of the score p.",
    )
    allocation: Literal["proportional", "equal", "floor"] = Field(
        "proportional", description="Sizes of the strata's samples, as of POST /v1/samples."
    )
    floor: int = Field(0, ge=0, le=MOST_UNITS, description="Minimum number of items per stratum, for allocation floor.")
    filters: list[str] = Field(
        [], max_length=20, description='Filters of the population that is drawn from, as in "score>=0.5".'
    )


class AssignedItem(Message):
    """An item that is assigned by its id."""

    id: str = Field(description="Id of the item.")
    inclusion_prob: float | None = Field(
        None, gt=0, le=1, description="Inclusion probability of the item, if it was drawn with a known one."
    )
    stratum: str | None = Field(None, max_length=200, description="Stratum of the item, if it was drawn from one.")


class AssignedPair(Message):
    """A pair of items that is assigned by their ids."""

    a: str = Field(description="Id of the first item.")
    b: str = Field(description="Id of the second item.")
    inclusion_prob: float | None = Field(
        None, gt=0, le=1, description="Inclusion probability of the pair, if it was drawn with a known one."
    )
    stratum: str | None = Field(None, max_length=200, description="Stratum of the pair, if it was drawn from one.")


class AssignmentRequest(Message):
    """Items, or pairs of items, for coders: drawn by a sample, or named."""

    name: str = Field(pattern=STUDY_NAME, description="Name of the assignment.", examples=["first-round"])
    sample: StudySample | None = Field(None, description="Draw of the items; or `items`, or `pairs`.")
    items: list[AssignedItem] | None = Field(
        None, min_length=1, max_length=MOST_UNITS, description="Items by id, in place of a draw, each once."
    )
    pairs: list[AssignedPair] | None = Field(
        None, min_length=1, max_length=MOST_UNITS, description="Pairs of items by their ids, each once."
    )
    coders: list[CoderName] = Field(
        min_length=1, max_length=100, description="Names of the coders.", examples=[["anna", "ben"]]
    )
    adjudicators: list[CoderName] = Field(
        [], max_length=20, description="Names of people who decide where coders differ."
    )
    overlap: int | None = Field(
        None, ge=1, le=100, description="Number of coders of each item. Left out: all coders code all items."
    )
    seed: int = SEED

    @model_validator(mode="after")
    def _fits(self) -> Self:
        given = [name for name in ("sample", "items", "pairs") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"give one of sample, items and pairs; got {' and '.join(given) or 'none of them'}")
        names = [name.casefold() for name in (*self.coders, *self.adjudicators)]
        if twice := [name for name in names if names.count(name) > 1]:
            raise ValueError(f"coders: the name {twice[0]!r} is there twice; give each person a name of their own")
        if taken := [name for name in names if name.strip() in RESERVED]:
            raise ValueError(
                f"coders: {taken[0]!r} is the name of another column in tables of codes; choose another name"
            )
        ids = [each.id for each in self.items or ()]
        if len(set(ids)) < len(ids):
            raise ValueError("items has an id twice; give each item once")
        pairs = [frozenset((each.a, each.b)) for each in self.pairs or ()]
        if any(len(pair) < 2 for pair in pairs) or len(set(pairs)) < len(pairs):
            raise ValueError("pairs has a pair twice, or an item with itself; give each pair of different items once")
        return self


class CoderToken(BaseModel):
    """A coder with a new token."""

    name: str = Field(description="Name of the coder.")
    role: Literal["coder", "adjudicator"] = Field(description="Role: coder, or adjudicator of what differs.")
    token: str = Field(
        description="Token that gives the right to code this assignment and nothing else. Only its hash is stored, so "
        "it cannot be shown again; send it as `Authorization: Bearer …`."
    )


class CoderRequest(Message):
    """A person who gets a new token for an assignment."""

    name: CoderName = Field(description="Name of a coder or adjudicator; a new name is that of a new adjudicator.")
    role: Literal["coder", "adjudicator"] = Field(
        "coder", description="Role of the person; a new person can only be an adjudicator."
    )


class AssignmentCard(BaseModel):
    """An assignment."""

    name: str = Field(description="Name of the assignment.")
    object: Literal["assignment"] = Field("assignment", description="Type of the object.")
    kind: Literal["items", "pairs"] = Field(description="Whether items or pairs of items are coded.")
    units: int = Field(description="Number of items, or of pairs.")
    overlap: int = Field(description="Number of coders of each.")
    seed: int = Field(description="Seed of the draw, of the distribution and of the orders.")
    created: str = Field(description="Time at which it was made, ISO 8601.")
    design: str = Field(description="Design of the sample: simple, stratified, active, purposive; or given.")
    n: int | None = Field(description="Number of items that were drawn from; null without a draw.")
    strata: list[Stratum] = Field(description="Strata of the draw, for design stratified.")
    scores: str | None = Field(description="Column of scores of the draw, for designs active and purposive; else null.")
    uniform: float | None = Field(description="Share of the uniform part of the probabilities; null but for active.")
    fit_for_inference: bool = Field(description="Whether every item has a known inclusion probability.")
    remarks: list[str] = Field(description="Remarks on limits of the draw.")
    coders: list[str] = Field(description="Names of the coders.")
    adjudicators: list[str] = Field(description="Names of the adjudicators.")


class NewAssignment(AssignmentCard):
    """An assignment that was just made, with the tokens of its people."""

    tokens: list[CoderToken] = Field(description="Token of each coder and adjudicator, shown this once.")


class AssignmentList(BaseModel):
    """The assignments of a study."""

    object: Literal["list"] = Field("list", description="Type of the object.")
    data: list[AssignmentCard] = Field(description="Assignments, in the order in which they were made.")


class RevokedToken(BaseModel):
    """A person whose token is no longer valid. Codes are kept."""

    name: str = Field(description="Name of the person.")
    revoked: bool = Field(description="Whether there was a valid token.")


class CoderProgress(BaseModel):
    """The progress of one person."""

    name: str = Field(description="Name of the person.")
    role: Literal["coder", "adjudicator"] = Field(description="Role of the person.")
    assigned: int = Field(description="Number of items of a coder; of an adjudicator, of those that differ so far.")
    done: int = Field(description="Number of these that are coded.")
    codes: int = Field(description="Number of codes.")
    cannot_tell: int = Field(description='Number of codes that are "cannot tell".')
    last: str | None = Field(description="Time of the last code, ISO 8601; null without any.")
    active: bool = Field(description="Whether the person has a valid token.")


class ProgressAnswer(BaseModel):
    """The progress of an assignment."""

    assignment: str = Field(description="Name of the assignment.")
    units: int = Field(description="Number of items, or of pairs.")
    complete: int = Field(description="Number of these that all their coders have coded.")
    differing: int = Field(description="Number of complete ones on which coders differ.")
    adjudicated: int = Field(description="Number of these that are decided.")
    coders: list[CoderProgress] = Field(description="Progress of each person.")


CodeValue = StrictStr | StrictInt | StrictFloat | list[StrictStr]


class NamedCode(BaseModel):
    """The code of one coder."""

    coder: str = Field(description="Name of the coder.")
    value: str | float | list[str] | None = Field(description='Code; null for "cannot tell".')


class Disagreement(BaseModel):
    """An item, or a pair, on which coders differ."""

    id: str = Field(description="Id of the item; of a pair, of its first item.")
    other: str | None = Field(description="Id of the second item of a pair; null for an item.")
    key: str = Field(description="Key of the item, or of the first of a pair, in addresses.")
    variable: str = Field(description="Name of the variable.")
    codes: list[NamedCode] = Field(description="Code of each coder.")
    decision: str | float | list[str] | None = Field(description="Code of the adjudicator; null without any.")
    decided: bool = Field(description="Whether an adjudicator has decided.")


class DisagreementList(BaseModel):
    """The items on which coders differ."""

    object: Literal["list"] = Field("list", description="Type of the object.")
    data: list[Disagreement] = Field(description="Disagreements of one variable, or of all.")
    total: int = Field(description="Number of all disagreements.")


class CodesTable(BaseModel):
    """Codes as a table."""

    layout: Literal["long", "wide", "final"] = Field(description="Layout of the table, as requested.")
    assignment: str = Field(description="Name of the assignment.")
    columns: list[str] = Field(description="Names of the columns.")
    rows: list[list[Any]] = Field(description="Rows, each with a value for each column; null for none.")
    coders: list[str] = Field(description="Names of the coders, which are columns of a wide table.")
    remarks: list[str] = Field(description="Remarks on codes that are left out.")


class LabelStudioTasks(Message):
    """Annotated tasks in the JSON format of Label Studio."""

    tasks: list[dict[str, Any]] = Field(
        min_length=1,
        max_length=20_000,
        description="Tasks: `data` has the id of the item (`id`, or the end of `image`), `annotations` the codes.",
    )
    names: dict[str, str] = Field(
        {}, max_length=1000, description="Name of the coder by the value of completed_by, as text. Left out: the value."
    )


class LabelStudioImport(BaseModel):
    """Codes that were imported."""

    codes: int = Field(description="Number of codes that were saved.")
    unchanged: int = Field(description="Number of codes that were there already.")
    remarks: list[str] = Field(description="Remarks on tasks and results that were left out.")
