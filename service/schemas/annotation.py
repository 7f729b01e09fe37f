"""Requests and answers of sampling, pairs, agreement and comparisons of clusterings."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, Field, StrictBool, StrictInt

from models.annotation.agreement import Level
from service.schemas.base import Message
from service.schemas.codes import MISSING_TEXTS, Code, Id
from service.schemas.items import Vectors, distinct
from service.schemas.references import ItemsOfCollection

MOST = 2**31 - 1
ClusterNumber = Annotated[int, Field(ge=-1, le=MOST)]
Place = Annotated[int, Field(ge=0, le=MOST)]
SEED = Field(0, ge=0, le=2**32 - 1, description="Same seed, same draw.")


class SampleRequest(ItemsOfCollection):
    """A corpus from which items are drawn for coding by people."""

    design: Literal["simple", "stratified", "purposive"] = Field(
        description="simple: equal probabilities. stratified: some of each stratum. purposive: the highest scores, or "
        "with `diversity` items with high scores that differ from one another."
    )
    size: int = Field(0, ge=0, le=MOST, description="Number of items to draw; 0: as many as `for_width` needs.")
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
    ids: list[str] | None = Field(
        None,
        description="Id of each item. With `collection`: the items of it that are drawn from, in this order.",
    )
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
    for_width: float | None = Field(
        None,
        gt=0,
        description="Width of the 95 % interval that the codes of the sample shall give, from its lower to its upper "
        "bound, in place of `size`: 0.03 is a share plus or minus 0.015. The size is for the design of the draw.",
        examples=[0.05],
    )
    expected_share: float | None = Field(
        None,
        gt=0,
        lt=1,
        description="Expected share of the class, for `for_width`. Left out: one half, the worst case.",
    )
    classifier: str | None = Field(
        None,
        max_length=200,
        description="Classifier whose predictions will correct the share, for `for_width`: the errors in its report "
        "determine the size, for the label that needs most.",
        examples=["protest"],
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
    stratum: list[str] | None = Field(
        None, description="Stratum of each drawn item, for design stratified; null for other designs."
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


class AgreementCoefficient(Coefficient):
    """A coefficient of agreement with its 95 % interval; null where it is not defined."""

    undefined: int = Field(
        0, ge=0, description="Number of resamples in which the coefficient is undefined; its interval is of the others."
    )


class Icc(BaseModel):
    """Intraclass correlations of a single code, items and coders both random."""

    items: int = Field(ge=0, description="Number of items that all coders have coded; others are left out.")
    agreement: AgreementCoefficient = Field(
        description="ICC(A,1) of McGraw & Wong, ICC(2,1) of Shrout & Fleiss: differences of coders' means lower it."
    )
    consistency: AgreementCoefficient = Field(
        description="ICC(C,1), or ICC(3,1): differences of coders' means do not count."
    )


class CategoryAgreement(BaseModel):
    """A category, and the coders' agreement on it."""

    category: str = Field(description="Name of the category.")
    codes: int = Field(ge=0, description="Number of its codes, by all coders.")
    items: int = Field(
        ge=0, description="Number of items with two or more codes, of which one at least is this category."
    )
    agreement: AgreementCoefficient = Field(
        description="Specific agreement: probability that another coder gives the category to an item to which a coder "
        "has given it. Of two categories, positive and negative agreement. Null bounds and value: no item is coded "
        "twice."
    )


class CoderCodes(BaseModel):
    """The codes of one coder."""

    coder: str = Field(description="Name of the coder.")
    codes: int = Field(ge=0, description="Number of the coder's codes.")
    counts: list[int] = Field(
        description="Number of the coder's codes of each category, in the order of `categories`; empty where there are "
        "too many."
    )


class CodeRow(BaseModel):
    """The items to which one coder has given a category, by the codes of another coder."""

    category: str = Field(description="Category that the first coder has given.")
    counts: list[int] = Field(
        description="Number of these items by the second coder's code, in the order of `categories`."
    )


class CoderPair(BaseModel):
    """Two coders, on the items that both have coded."""

    a: str = Field(description="Name of the first coder.")
    b: str = Field(description="Name of the second coder.")
    items: int = Field(ge=0, description="Number of items that both have coded.")
    percent: AgreementCoefficient = Field(description="Share of these items with equal codes.")
    kappa: AgreementCoefficient = Field(description="Cohen's kappa of the two.")
    table: list[CodeRow] = Field(
        description="Confusion table, the first coder's codes in rows; empty where there are too many categories."
    )
    kappa_linear: AgreementCoefficient | None = Field(
        None, description="Weighted kappa with linear weights; null for level nominal."
    )
    kappa_quadratic: AgreementCoefficient | None = Field(
        None, description="Weighted kappa with quadratic weights; null for level nominal."
    )
    ac1: AgreementCoefficient | None = Field(None, description="Gwet's AC1; null where there are too many categories.")


class DifferingItem(BaseModel):
    """An item on which coders differ, to be adjudicated."""

    item: str = Field(description="Id of the item.")
    coders: list[str] = Field(description="Names of the coders who have coded the item.")
    codes: list[str] = Field(description="Code of each of these coders.")


class AgreementAnswer(BaseModel):
    """The agreement of coders."""

    coders: list[str] = Field(description="Names of the coders.")
    items: int = Field(description="Number of items with two or more codes, on which the coefficients rest.")
    level: str = Field(description="Level of measurement, as requested.")
    percent: AgreementCoefficient = Field(
        description="Percent agreement: share of equal codes among pairs of codes of one item."
    )
    kappa: AgreementCoefficient | None = Field(
        description="Cohen's kappa of two coders; null with more coders, of whom `pairs` has it."
    )
    alpha: AgreementCoefficient = Field(description="Krippendorff's alpha.")
    missing: int = Field(ge=0, description="Number of rows without a code.")
    remarks: list[str] = Field(
        description="Remarks on coders without codes, on codes that count as missing or are written alike, on ids that "
        "lost zeros, on a category with nearly all codes, and on resamples in which a coefficient is undefined."
    )
    n_categories: int = Field(0, ge=0, description="Number of different codes.")
    categories: list[CategoryAgreement] = Field(
        [], description="Categories in order, each with its own agreement; empty for more than 50."
    )
    by_coder: list[CoderCodes] = Field([], description="Codes of each coder, of the first 1000 at most.")
    n_pairs: int | None = Field(
        None, ge=0, description="Number of pairs of coders with items in common; null for more than 200 coders."
    )
    pairs: list[CoderPair] = Field(
        [], description="Pairs of coders: the 45 with the most items in common at most; empty for more than 200 coders."
    )
    n_differ: int = Field(0, ge=0, description="Number of items on which coders differ.")
    differ: list[DifferingItem] = Field(
        [], description="Items on which coders differ, of the first 100,000 at most, in the order of the request."
    )
    kappa_linear: AgreementCoefficient | None = Field(
        None,
        description="Weighted kappa of two coders with linear weights, for level ordinal, by ranks of the codes found, "
        "or interval, by the codes; null for level nominal and with more coders, of whom `pairs` has it.",
    )
    kappa_quadratic: AgreementCoefficient | None = Field(None, description="Weighted kappa with quadratic weights.")
    ac1: AgreementCoefficient | None = Field(
        None, description="Gwet's AC1, of any number of coders; null for more than 50 different codes."
    )
    ac2_linear: AgreementCoefficient | None = Field(
        None, description="Gwet's AC2 with linear weights; null for level nominal and for more than 50 different codes."
    )
    ac2_quadratic: AgreementCoefficient | None = Field(None, description="Gwet's AC2 with quadratic weights.")
    icc: Icc | None = Field(None, description="Intraclass correlations, for level interval; null for other levels.")
    most_common: str | None = Field(None, description="Most frequent code of the items with two or more codes.")
    most_common_share: float | None = Field(
        None, description="Share of the most frequent code among these codes; from 0.9 on alpha and kappa say little."
    )


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
    confidence: float = Field(0.95, gt=0.5, le=0.9999, description="Confidence level of the intervals.")
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
