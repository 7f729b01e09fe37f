"""Requests and answers of sampling, pairs, agreement and comparisons of clusterings."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, StrictBool, StrictFloat, StrictInt, StrictStr

from models.annotation.agreement import Level
from service.schemas.base import Message

Code = StrictStr | StrictBool | StrictInt | StrictFloat | None
Label = StrictStr | StrictInt
MOST = 2**31 - 1
ClusterNumber = Annotated[int, Field(ge=-1, le=MOST)]
Place = Annotated[int, Field(ge=0, le=MOST)]
SEED = Field(0, ge=0, le=2**32 - 1, description="Same seed, same draw.")


class SampleRequest(Message):
    """A corpus to draw from, so that people code what is drawn."""

    design: Literal["simple", "stratified", "purposive"] = Field(
        description="simple: each item alike. stratified: so many of each stratum. purposive: those of the best score."
    )
    size: int = Field(ge=1, le=MOST, description="Items to draw.")
    n: int | None = Field(None, ge=1, le=100_000_000, description="Of simple: items of the corpus.")
    strata: list[Label] | None = Field(None, description="Of stratified: a stratum for each item, clusters say.")
    allocation: Literal["proportional", "equal", "floor"] = Field(
        "proportional", description="As big strata are; as many of each; or proportional with at least `floor` of each."
    )
    floor: int = Field(0, ge=0, le=MOST, description="Of allocation floor.")
    scores: list[float] | None = Field(None, description="Of purposive: for each item; cosines of POST /v1/search say.")
    ids: list[str] | None = Field(None, description="A name for each item.")
    seed: int = SEED


class Stratum(BaseModel):
    stratum: str = Field(description="Its name.")
    population: int = Field(description="Items in it.")
    drawn: int = Field(description="Of them.")
    probability: float = Field(description="Of each item to be drawn.")


class SampleAnswer(BaseModel):
    design: str = Field(description="As asked for.")
    n: int = Field(description="Items of the corpus.")
    indexes: list[int] = Field(description="What was drawn, in random order; by score if purposive.")
    ids: list[str] | None = Field(description="Their names, where you gave some.")
    inclusion_prob: list[float] | None = Field(description="Of each drawn item; null: undefined, of purposive.")
    strata: list[Stratum] = Field(description="Of stratified.")
    fit_for_inference: bool = Field(description="Whether figures from it say something about the corpus.")
    remarks: list[str] = Field(description="What to be careful about.")
    seed: int = Field(description="Of the draw.")


class PairsRequest(Message):
    """Clusterings whose pairs of items people are to code: do these two belong together?"""

    clusterings: dict[str, list[ClusterNumber]] = Field(
        min_length=1, description="By name: a cluster for each item, -1 for none.", examples=[{"a": [0, 0, 1, 1, -1]}]
    )
    within: int = Field(
        ge=0, le=MOST, description="Pairs that share a cluster; of several clusterings, in all of them."
    )
    between: int = Field(ge=0, le=MOST, description="Pairs that share none, in any of them.")
    disputed: int = Field(0, ge=0, le=MOST, description="Pairs on which several clusterings differ.")
    unclustered: Literal["singletons", "exclude"] = Field(
        "singletons", description="An item of -1 is a cluster by itself, or is not drawn."
    )
    allocation: Literal["proportional", "equal"] = Field(
        "proportional", description="Of one clustering's within pairs: each pair alike, or each cluster."
    )
    ids: list[str] | None = Field(None, description="A name for each item.")
    seed: int = SEED


class Pair(BaseModel):
    a: int = Field(description="An item, by index.")
    b: int = Field(description="The other one; a < b.")
    a_id: str | None = Field(description="Its name.")
    b_id: str | None = Field(description="Its name.")
    stratum: str = Field(description="within, between or disputed.")
    cluster: int | None = Field(description="Of a within pair of one clustering.")
    inclusion_prob: float = Field(description="That the pair was drawn.")


class PairsAnswer(BaseModel):
    pairs: list[Pair] = Field(description="In random order: code them as they come.")
    n: int = Field(description="Items.")
    strata: list[Stratum] = Field(description="Pairs there are, and pairs drawn.")
    remarks: list[str] = Field(description="What to be careful about.")
    seed: int = Field(description="Of the draw.")


class AgreementRequest(Message):
    """A long table of codes; missing ones are rows that are not there."""

    coder: list[str] = Field(description="Who coded, row by row.", examples=[["anna", "ben", "anna", "ben"]])
    item: list[str] = Field(description="What.", examples=[["p1", "p1", "p2", "p2"]])
    code: list[Code] = Field(description="As what; null for nothing.", examples=[["yes", "yes", "no", "yes"]])
    level: Level = Field("nominal", description="Of measurement: nominal, ordinal or interval.")
    resamples: int = Field(1000, ge=1, le=10_000, description="Of items, for the intervals.")
    seed: int = SEED


class Coefficient(BaseModel):
    value: float | None = Field(description="Null where it is not defined: nothing varies.")
    low: float | None = Field(description="Lower end of its 95 % interval.")
    high: float | None = Field(description="Upper end.")


class AgreementAnswer(BaseModel):
    coders: list[str] = Field(description="Who.")
    items: int = Field(description="With two or more codes; only they say something.")
    level: str = Field(description="As asked for.")
    percent: Coefficient = Field(description="Share of pairs of codes of one item that are equal.")
    kappa: Coefficient | None = Field(description="Cohen's, of two coders; null of more.")
    alpha: Coefficient = Field(description="Krippendorff's.")


class ComparisonRequest(Message):
    """Coded pairs, and the clusterings to be judged by them."""

    a: list[Place] = Field(min_length=1, description="Of each coded pair: an item, by index.")
    b: list[Place] = Field(min_length=1, description="The other one.")
    same: list[StrictBool | Annotated[StrictInt, Field(ge=0, le=1)]] = Field(
        description="Whether people put the two together."
    )
    inclusion_prob: list[float] | None = Field(None, description="Of each pair, as drawn. Left out: each alike.")
    stratum: list[str] | None = Field(None, description="within, between, disputed: as drawn.")
    clusterings: dict[str, list[ClusterNumber]] = Field(min_length=1, description="By name: a cluster for each item.")
    unclustered: Literal["singletons", "exclude"] = Field("singletons", description="How -1 counts, as drawn.")
    held_out: float = Field(0.5, ge=0, lt=1, description="Share of the pairs that the winner is scored on.")
    resamples: int = Field(1000, ge=1, le=10_000, description="Of pairs, for the intervals.")
    confidence: float = Field(0.95, gt=0.5, lt=1, description="Of the intervals.")
    seed: int = SEED


class ComparisonAnswer(BaseModel):
    n_pairs: int = Field(description="Coded pairs.")
    unclustered: str = Field(description="How -1 counted.")
    configurations: list[dict[str, Any]] = Field(description="Of each, by name: precision, recall, F1, with intervals.")
    winner: dict[str, Any] | None = Field(description="Chosen on one part of the pairs, scored on the other.")
    remarks: list[str] = Field(description="What can be said, and what cannot.")
