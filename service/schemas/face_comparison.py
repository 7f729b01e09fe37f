"""Requests and answers of comparisons of faces by their vectors: matches, persons, verification."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from models.faces.persons import MARGIN
from service.schemas.base import Message
from service.schemas.common import Index, Receipt
from service.schemas.items import Vectors

MOST_WISHED = 20
Id = Annotated[str, Field(max_length=1024)]
Wished = Annotated[float, Field(gt=0, lt=1)]


class FaceComparison(Message):
    """Vectors of faces, and the cosine from which two are one person."""

    vectors: list[Vectors] | None = Field(
        None,
        max_length=1,
        description="Vectors of the faces, as one block of modality face, from the analyser face_vectors.",
    )
    ids: list[Id] | None = Field(
        None, description="One id per face, each once. Default: the numbers of the faces, from 0.", examples=[["a#0"]]
    )
    threshold: float | None = Field(
        None,
        ge=-1,
        le=1,
        description="Cosine from which two faces count as one person. Default: that of the model (0.363 for sface).",
    )


class FaceMatchesRequest(FaceComparison):
    """Target faces, `targets`, and the faces with which they are compared, `vectors`."""

    targets: Vectors | None = Field(None, description="Vectors of the target faces.")
    target_ids: list[Id] | None = Field(None, description="One id per target. Default: their numbers, from 0.")
    top: int = Field(10, ge=1, le=10_000, description="Number of faces listed for each target, the nearest first.")


class FaceMatch(BaseModel):
    """One face that was compared with a target."""

    index: Index = Field(description="Position of the face in the request, from 0.")
    id: str = Field(description="Id of the face.")
    cosine: float = Field(description="Cosine of the two vectors, -1 to 1.")
    distance: float = Field(description="1 minus the cosine, 0 to 2.")
    match: bool = Field(description="Whether the cosine reaches the threshold.")


class TargetMatches(BaseModel):
    """The faces nearest to one target."""

    index: Index = Field(description="Position of the target in the request, from 0.")
    id: str = Field(description="Id of the target.")
    matches: Index = Field(
        description="Number of all faces whose cosine reaches the threshold, listed or not, without the target itself."
    )
    itself: Index = Field(
        description="Number of faces with a vector equal to that of the target: the same face of the same picture, or "
        "of an exact copy. They are neither listed nor counted as matches."
    )
    faces: list[FaceMatch] = Field(description="The nearest faces, by falling cosine, without the target itself.")


class _Compared(BaseModel):
    threshold: float = Field(description="Cosine from which two faces counted as one person.")
    threshold_origin: Literal["given", "model"] = Field(
        description="Origin of the threshold: given in the request, or that of the model's card."
    )
    model: str = Field(description="Model that made the vectors.")
    receipt: Receipt | dict[str, Any] = Field(description="Receipt of the vectors: how they were made.")
    notice: str = Field(description="Limits of the numbers, to be kept with them.")


class FaceMatchesAnswer(_Compared):
    """The faces nearest to each target."""

    n: Index = Field(description="Number of faces that were compared with each target.")
    data: list[TargetMatches] = Field(description="One entry per target, in order.")


class PersonsRequest(FaceComparison):
    """Faces that are grouped by average linkage, and corrections of the groups by hand."""

    same: list[list[Id]] = Field(
        [],
        description="Lists of ids of faces that are one person, whatever their cosines.",
        examples=[[["a#0", "b#0"]]],
    )
    different: list[list[Id]] = Field(
        [],
        description="Lists of ids of faces, each two of which are different people, whatever their cosines.",
        examples=[[["a#0", "c#1"]]],
    )
    margin: float = Field(
        MARGIN, ge=0, le=2, description="Difference of cosines below which a decision is reported as close."
    )


class Person(BaseModel):
    """A group of faces, which may be of one person."""

    person: Index = Field(description="Number of the person, from 0, by falling number of faces.")
    faces: list[Index] = Field(description="Positions of its faces, the most typical first.")
    cohesion: float | None = Field(description="Mean cosine of all pairs of its faces; null for a single face.")
    nearest: Index | None = Field(description="Number of the most similar other person; null without another.")
    nearest_cosine: float | None = Field(description="Mean cosine of all pairs of faces of the two.")
    close: bool = Field(description="Whether that cosine is less than the margin below the threshold, or above it.")
    corrected: bool = Field(description="Whether a correction names one of its faces.")


class PersonFace(BaseModel):
    """One face and its person."""

    id: str = Field(description="Id of the face.")
    person: Index = Field(description="Number of its person.")
    cosine: float | None = Field(description="Mean cosine to the other faces of its person; null for a single face.")
    other: Index | None = Field(description="Number of the other person that is most similar to the face.")
    other_cosine: float | None = Field(description="Mean cosine to the faces of that other person.")
    close: bool = Field(
        description="Whether `cosine`, or the threshold for a single face, is above `other_cosine` by less than the "
        "margin."
    )
    corrected: bool = Field(description="Whether a correction names the face.")
    moved: bool = Field(description="Whether it is with other faces than without the corrections.")


class PersonsAnswer(_Compared):
    """Groups of faces. They have numbers, and no names."""

    margin: float = Field(description="Difference of cosines below which a decision is close.")
    persons: list[Person] = Field(description="Persons, the one with the most faces first.")
    faces: list[PersonFace] = Field(description="One entry per face, in the order of the request.")
    remarks: list[str] = Field(description="Remarks on limits of the result.")


class CodedFacePair(Message):
    """Two faces, and whether people say that they are of one person."""

    a: Id = Field(description="Id of one face.", examples=["a#0"])
    b: Id = Field(description="Id of the other face.", examples=["b#0"])
    same: bool = Field(description="Whether both are of one person.")


class VerificationRequest(FaceComparison):
    """Faces, and pairs of them or persons that people have coded."""

    pairs: list[CodedFacePair] | None = Field(
        None, description="Coded pairs, each once. Left out: all pairs of faces that have a person."
    )
    persons: list[Id] | None = Field(
        None,
        description="Code of the person of each face, a number or any other text; empty for a face that is not coded.",
    )
    groups: list[Id] | None = Field(
        None,
        description="Group of people of each face, for rates by group; empty for none. All faces of a person have the "
        "same.",
    )
    wished: list[Wished] = Field(
        [0.01, 0.001], max_length=MOST_WISHED, description="False match rates for which thresholds are wanted."
    )


class ErrorRate(BaseModel):
    """An error rate with its 95 % interval; null where it cannot be inferred."""

    value: float | None = Field(description="Share of the pairs.")
    low: float | None = Field(description="Lower limit of the interval.")
    high: float | None = Field(description="Upper limit of the interval.")


class CountedRate(ErrorRate):
    """An error rate with the numbers behind it."""

    errors: Index = Field(description="Number of errors.")
    pairs: Index = Field(description="Number of pairs.")
    persons: Index = Field(description="Number of people in these pairs.")


class ThresholdErrors(BaseModel):
    """Error rates at one threshold."""

    threshold: float = Field(description="Cosine from which two faces count as one person.")
    false_match: ErrorRate = Field(description="Share of pairs of different people that count as one person.")
    false_non_match: ErrorRate = Field(description="Share of pairs of one person that count as two.")


class WishedThreshold(BaseModel):
    """The thresholds for a wished false match rate."""

    rate: float = Field(description="False match rate that is wished for.")
    threshold: float | None = Field(
        description="Lowest cosine at which the rate of these pairs is not above it; null with too few pairs."
    )
    false_non_match: ErrorRate = Field(description="False non-match rate there.")
    safe_threshold: float | None = Field(
        description="Lowest threshold of the curve at which the upper limit of the interval is not above it."
    )
    safe_false_non_match: ErrorRate = Field(description="False non-match rate at the safe threshold.")


class GroupErrorRates(BaseModel):
    """Error rates of pairs of which both faces are of one group."""

    group: str = Field(description="Name of the group.")
    false_match: CountedRate = Field(description="False match rate.")
    false_non_match: CountedRate = Field(description="False non-match rate.")


class GroupErrorDifference(BaseModel):
    """Rates of group `a` minus those of group `b`."""

    a: str = Field(description="Name of one group.")
    b: str = Field(description="Name of the other group.")
    false_match: ErrorRate = Field(description="Difference of the false match rates.")
    false_non_match: ErrorRate = Field(description="Difference of the false non-match rates.")


class WorstPair(BaseModel):
    """A pair of faces with an unusual cosine for its code."""

    a: str = Field(description="Id of one face.")
    b: str = Field(description="Id of the other face.")
    cosine: float = Field(description="Cosine of the two.")
    a_person: str | None = Field(None, description="Code of the person of face `a`; null where pairs were coded.")
    b_person: str | None = Field(None, description="Code of the person of face `b`; null where pairs were coded.")


class VerificationAnswer(_Compared):
    """Errors of the decision that two faces are of one person, as coded pairs show them."""

    faces: Index = Field(description="Number of faces in the request.")
    persons_origin: Literal["given", "pairs"] = Field(
        description="Origin of the persons: given, or joined by the pairs of one person."
    )
    false_match: CountedRate = Field(description="Share of pairs of different people that count as one person.")
    false_non_match: CountedRate = Field(description="Share of pairs of one person that count as two.")
    equal_error_threshold: float = Field(description="Cosine at which the two rates are nearest.")
    equal_error_rate: float = Field(description="Mean of the two rates there; it has no interval.")
    curve: list[ThresholdErrors] = Field(description="Rates at thresholds in steps of 0.01.")
    wished: list[WishedThreshold] = Field(description="Thresholds for the wished false match rates.")
    groups: list[GroupErrorRates] = Field(description="Rates by group of people; empty without `groups`.")
    differences: list[GroupErrorDifference] = Field(description="Differences of each two groups.")
    highest_different: list[WorstPair] = Field(description="Pairs of different people with the highest cosines.")
    lowest_same: list[WorstPair] = Field(description="Pairs of one person with the lowest cosines.")
    remarks: list[str] = Field(description="Remarks on limits of the result.")
