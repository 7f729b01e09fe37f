"""Requests and answers of sampling, pairs, agreement and comparisons of clusterings."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, Field, StrictBool, StrictInt

from models.annotation.agreement import Level
from service.schemas.base import Message
from service.schemas.codes import MISSING_TEXTS, Code, Id
from service.schemas.items import Vectors, distinct

MOST = 2**31 - 1
ClusterNumber = Annotated[int, Field(ge=-1, le=MOST)]
Place = Annotated[int, Field(ge=0, le=MOST)]
SEED = Field(0, ge=0, le=2**32 - 1, description="Same seed, same draw.")


class SampleRequest(Message):
    """A corpus from which items are drawn for coding by people."""

    design: Literal["simple", "stratified", "purposive"] = Field(
        description="simple: equal probabilities. stratified: some of each stratum. purposive: the highest scores, or "
        "with `diversity` items with high scores that differ from one another."
    )
    size: int = Field(ge=1, le=MOST, description="Number of items to draw.")
    n: int | None = Field(None, ge=1, le=100_000_000, description="Number of items of the corpus, for design simple.")
    strata: list[Id] | None = Field(
        None, description="Stratum of each item, for example its cluster; for design stratified."
    )
    allocation: Literal["proportional", "equal", "floor"] = Field(
        "proportional",
        description="Sizes of the strata's samples: proportional to the strata, equal, or proportional with at least "
        "`floor` items each.",
    )
    floor: int = Field(0, ge=0, le=MOST, description="Minimum number of items per stratum, for allocation floor.")
    scores: list[float] | None = Field(
        None, description="Score of each item, for example a cosine of POST /v1/search; for design purposive."
    )
    ids: list[str] | None = Field(None, description="Id of each item.")
    seed: int = SEED
    vectors: Annotated[list[Vectors], AfterValidator(distinct)] | None = Field(
        None, min_length=1, max_length=1, description="Vectors of the items, as one block; for `diversity`."
    )
    diversity: float | None = Field(
        None,
        ge=0,
        le=1,
        description="Draw items that differ from one another, for design purposive with `vectors`: each is the "
        "candidate farthest from those before it. Of n items, the size^(1 - diversity) · n^diversity with the highest "
        "scores are candidates: 0 draws the highest scores without copies, 1 makes all items candidates. Without "
        "`scores` the candidates are drawn at random. Left out: the highest scores, copies too.",
    )


class Stratum(BaseModel):
    """One stratum of a draw."""

    stratum: str = Field(description="Stratum name.")
    population: int = Field(description="Number of units in the stratum.")
    drawn: int = Field(description="Number of units drawn from the stratum.")
    probability: float = Field(description="Inclusion probability of each unit.")


class SampleAnswer(BaseModel):
    """The items that were drawn."""

    design: str = Field(description="Design of the sample, as requested.")
    n: int = Field(description="Number of items of the corpus.")
    indexes: list[int] = Field(
        description="Indexes of the drawn items, in random order; by score for design purposive, in the order in which "
        "they were drawn with `diversity`."
    )
    ids: list[str] | None = Field(description="Ids of the drawn items; null if the request had no ids.")
    inclusion_prob: list[float] | None = Field(
        description="Inclusion probability of each drawn item; null for design purposive, where it is undefined."
    )
    strata: list[Stratum] = Field(description="Strata of the draw, for design stratified.")
    fit_for_inference: bool = Field(description="Whether estimates from the sample generalise to the corpus.")
    remarks: list[str] = Field(description="Remarks on limits of the result.")
    seed: int = Field(description="Seed of the draw.")
    candidates: int | None = Field(
        None, ge=0, description="Number of items that were compared; null without `diversity`, as are the fields below."
    )
    copies: int | None = Field(None, ge=0, description="Number of candidates left out as copies of a drawn item.")
    smallest_distance: float | None = Field(
        None, description="Smallest cosine distance between two drawn items; null for one item."
    )


class PairsRequest(Message):
    """Clusterings from which pairs of items are drawn for coding: do these two belong together?"""

    clusterings: dict[str, list[ClusterNumber]] = Field(
        min_length=1,
        description="Clusterings by name: the cluster of each item, -1 for none.",
        examples=[{"a": [0, 0, 1, 1, -1]}],
    )
    within: int = Field(
        ge=0,
        le=MOST,
        description="Number of pairs whose items share a cluster; with several clusterings, in all of them.",
    )
    between: int = Field(
        ge=0, le=MOST, description="Number of pairs whose items share no cluster in any of the clusterings."
    )
    disputed: int = Field(0, ge=0, le=MOST, description="Number of pairs on which the clusterings differ.")
    unclustered: Literal["singletons", "exclude"] = Field(
        "singletons",
        description="Treatment of items without a cluster. singletons: each is its own cluster. exclude: never drawn.",
    )
    allocation: Literal["proportional", "equal"] = Field(
        "proportional",
        description="Allocation of the `within` pairs of a single clustering. proportional: equal probability for "
        "each pair. equal: the same number from each cluster.",
    )
    ids: list[str] | None = Field(None, description="Id of each item.")
    seed: int = SEED


class Pair(BaseModel):
    """Two items to be compared."""

    a: int = Field(description="Index of the first item.")
    b: int = Field(description="Index of the second item; a < b.")
    a_id: str | None = Field(description="Id of the first item; null if the request had no ids.")
    b_id: str | None = Field(description="Id of the second item; null if the request had no ids.")
    stratum: str = Field(description="Stratum of the pair: within, between or disputed.")
    cluster: int | None = Field(
        description="Cluster that both items share; null for other strata and with several clusterings."
    )
    inclusion_prob: float = Field(description="Probability with which the pair was drawn.")


class PairsAnswer(BaseModel):
    """Pairs to code."""

    pairs: list[Pair] = Field(description="Pairs in random order, which is the order of coding.")
    n: int = Field(description="Number of items.")
    strata: list[Stratum] = Field(description="Strata: number of existing pairs and of drawn pairs.")
    remarks: list[str] = Field(description="Remarks on limits of the result.")
    seed: int = Field(description="Seed of the draw.")


class AgreementRequest(Message):
    """A long table of codes, one row per coder and item; a missing code is a missing row."""

    coder: list[Id] = Field(description="Coder of each row.", examples=[["anna", "ben", "anna", "ben"]])
    item: list[Id] = Field(description="Item of each row.", examples=[["p1", "p1", "p2", "p2"]])
    code: list[Code] = Field(description="Code of each row; null: no code.", examples=[["yes", "yes", "no", "yes"]])
    missing: list[str] | None = MISSING_TEXTS
    level: Level = Field("nominal", description="Level of measurement: nominal, ordinal or interval.")
    resamples: int = Field(
        1000, ge=1, le=10_000, description="Number of bootstrap resamples of items, for the intervals."
    )
    seed: int = SEED


class Coefficient(BaseModel):
    """A coefficient with its 95 % interval; null where it is not defined."""

    value: float | None = Field(description="Value of the coefficient; null if the codes do not vary.")
    low: float | None = Field(description="Lower bound of the 95 % interval.")
    high: float | None = Field(description="Upper bound of the 95 % interval.")


class AgreementAnswer(BaseModel):
    """The agreement of coders."""

    coders: list[str] = Field(description="Names of the coders.")
    items: int = Field(description="Number of items with two or more codes, on which the coefficients rest.")
    level: str = Field(description="Level of measurement, as requested.")
    percent: Coefficient = Field(
        description="Percent agreement: share of equal codes among pairs of codes of one item."
    )
    kappa: Coefficient | None = Field(description="Cohen's kappa of two coders; null with more coders.")
    alpha: Coefficient = Field(description="Krippendorff's alpha.")
    missing: int = Field(ge=0, description="Number of rows without a code.")
    remarks: list[str] = Field(description="Remarks on codes that count as missing, and on ids that lost zeros.")


class CodedPairs(Message):
    """Pairs of items that people have coded, and the options of a comparison by them."""

    a: list[Place] = Field(min_length=1, description="Index of the first item of each coded pair.")
    b: list[Place] = Field(min_length=1, description="Index of the second item of each coded pair.")
    same: list[StrictBool | Annotated[StrictInt, Field(ge=0, le=1)]] = Field(
        description="Whether the coders put the two items together."
    )
    inclusion_prob: list[float] | None = Field(
        None, description="Inclusion probability of each pair, as drawn. Left out: equal probabilities."
    )
    stratum: list[str] | None = Field(None, description="Stratum of each pair, as drawn: within, between or disputed.")
    unclustered: Literal["singletons", "exclude"] = Field(
        "singletons", description="Treatment of items without a cluster, as in the draw."
    )
    held_out: float = Field(0.5, ge=0, lt=1, description="Share of the pairs that is held out to score the winner.")
    resamples: int = Field(
        1000, ge=1, le=10_000, description="Number of bootstrap resamples of pairs, for the intervals."
    )
    confidence: float = Field(0.95, gt=0.5, lt=1, description="Confidence level of the intervals.")
    seed: int = SEED


class ComparisonRequest(CodedPairs):
    """Coded pairs, and the clusterings to be evaluated with them."""

    clusterings: dict[str, list[ClusterNumber]] = Field(
        min_length=1, description="Clusterings by name: the cluster of each item."
    )


class ComparisonAnswer(BaseModel):
    """The figures of each clustering."""

    n_pairs: int = Field(description="Number of coded pairs.")
    unclustered: str = Field(description="Treatment of items without a cluster, as requested.")
    configurations: list[dict[str, Any]] = Field(
        description="Figures of each clustering, by name: precision, recall and F1 with intervals."
    )
    winner: dict[str, Any] | None = Field(
        description="Best clustering, chosen on one part of the pairs and scored on the other."
    )
    remarks: list[str] = Field(description="Remarks on limits of the comparison.")
