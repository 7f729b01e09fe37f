"""Requests and answers of duplicate detection."""

from typing import Any, Literal

from pydantic import BaseModel, Field

from service.schemas.common import Index, Mode, Receipt
from service.schemas.items import Encodable, Unusable
from service.schemas.references import ItemsOfCollection


class DuplicatesRequest(Encodable, ItemsOfCollection):
    """A corpus in which duplicates are searched: items, their vectors, or their hashes."""

    kind: Literal["exact", "near", "semantic"] = Field(
        description="exact: the same bytes. near: perceptual hashes that differ in few bits. "
        "semantic: vectors with a high cosine."
    )
    sha256: list[str] | None = Field(
        None, description="SHA-256 of each item, in place of input, for kind exact; from POST /v1/images."
    )
    phash: list[str] | None = Field(
        None, description="Perceptual hash of each item, in place of input, for kind near; from POST /v1/images."
    )
    threshold: float | None = Field(
        None,
        gt=-1,
        le=1,
        description="Lowest cosine of two items that count as duplicates, for kind semantic. Left out: learned from "
        "the cosines of the corpus.",
    )
    bits: int = Field(
        8, ge=0, le=31, description="Highest number of differing bits, of 64, between two duplicates, for kind near."
    )
    linkage: Literal["single", "star"] = Field(
        "single",
        description="single: a chain of duplicates is one group. star: all members are duplicates of one item.",
    )
    preference: list[float] | None = Field(
        None,
        description="A number per item, for example its size: the highest of a group makes its representative, and "
        "of equal ones the most central. Left out: the number of pixels, for kind near with input.",
    )
    method: Literal["auto", "exact", "approximate"] = Field(
        "auto",
        description="Search for pairs, for kind semantic. exact: all pairs are compared. approximate: those of an "
        "index, which can miss some; needs faiss on the server. auto: exact up to 200,000 items, and above if there is "
        "no faiss.",
    )
    mode: Mode = Field("sync", description="sync: the answer has the groups. job: the answer is a job.")
    miniatures: list[str] | None = Field(
        None,
        description="Miniature of each item from POST /v1/images, beside phash or vectors: groups are then compared "
        "block by block, and pictures of one layout with different content are kept. Empty for an item without one.",
    )


class DuplicateGroup(BaseModel):
    """Items that are duplicates of each other."""

    representative: int = Field(description="Index of the item to keep.")
    members: list[int] = Field(description="Indexes of all items of the group.")
    similarity: list[float] = Field(description="Similarity of each member to the representative.")


class RelatedGroup(BaseModel):
    """Pictures that share a layout and differ in content, such as posts in one design with other words."""

    members: list[Index] = Field(description="Indexes of the items; none of them is removable because of the others.")
    contents: Index = Field(description="Number of different contents among them.")


class PairRecall(BaseModel):
    """Pairs that an approximate search has found, of all pairs with an item of a random sample."""

    rows: Index = Field(description="Number of items of the sample, each of which was compared with all others.")
    pairs: Index = Field(
        description="Number of their pairs within the threshold, without those of equal vectors, which are all found."
    )
    found: Index = Field(description="Number of those pairs that the search found.")


class DuplicatesAnswer(BaseModel):
    """Groups of duplicates."""

    id: str = Field(description="Id of the job that searched for the duplicates.")
    object: Literal["duplicates"] = Field("duplicates", description="Type of the object.")
    kind: str = Field(description="Kind of duplicates: exact, near or semantic.")
    threshold: float | None = Field(description="Threshold: bits for near, cosine for semantic, null for exact.")
    linkage: str = Field(description="Linkage: single or star.")
    n: int = Field(description="Number of items.")
    ids: list[str] = Field(description="Id of each item.")
    groups: list[DuplicateGroup] = Field(description="Groups, the largest first.")
    extra: int = Field(description="Number of removable items: members that are not representatives.")
    unusable: list[Unusable] = Field(description="Items that could not be used.")
    remarks: list[str] = Field(description="Remarks on limits of the result, and on items of which not all was read.")
    model: str | None = Field(description="Model that made the vectors, for kind semantic.")
    receipt: Receipt | dict[str, Any] | None = Field(description="Receipt of the vectors: how they were made.")
    threshold_origin: Literal["given", "corpus", "model", "fallback"] | None = Field(
        None,
        description="Origin of the threshold, for kind semantic: given in the request; learned from the corpus; from "
        "the model's cosines of unrelated pictures; or a fallback.",
    )
    threshold_reason: str | None = Field(
        None, description="Derivation of the threshold, as a sentence, for kind semantic."
    )
    related: list[RelatedGroup] = Field(
        [], description="Pictures of the same layout with different content. An item may also be in a group."
    )
    method: Literal["exact", "approximate"] | None = Field(
        None, description="Search for pairs, for kind semantic: exact, or approximate, which can miss some."
    )
    recall: PairRecall | None = Field(None, description="Share of the pairs that was found, for method approximate.")
    compared: Index = Field(0, description="Number of members of groups whose pixels were compared block by block.")
