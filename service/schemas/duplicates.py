"""Requests and answers of duplicate detection."""

from typing import Any, Literal

from pydantic import BaseModel, Field

from service.schemas.common import Mode, Receipt
from service.schemas.items import Encodable, Unusable


class DuplicatesRequest(Encodable):
    """A corpus whose duplicates are looked for: items, their vectors, or their hashes."""

    kind: Literal["exact", "near", "semantic"] = Field(
        description="exact: the same bytes. near: perceptual hashes that differ in few bits. semantic: cosine."
    )
    sha256: list[str] | None = Field(None, description="Of exact, in place of input: from POST /v1/images.")
    phash: list[str] | None = Field(None, description="Of near, in place of input: from POST /v1/images.")
    threshold: float = Field(0.95, gt=-1, le=1, description="Of semantic: cosine from which two are duplicates.")
    bits: int = Field(8, ge=0, le=31, description="Of near: bits of 64 that may differ.")
    linkage: Literal["single", "star"] = Field(
        "single", description="single: chains of duplicates are one group. star: all are duplicates of one."
    )
    preference: list[float] | None = Field(None, description="The highest of a group represents it; sizes, say.")
    mode: Mode = Field("sync", description="sync: the answer has the groups. job: a job, to be asked for later.")


class DuplicateGroup(BaseModel):
    representative: int = Field(description="The item to keep, by index.")
    members: list[int] = Field(description="All of the group.")
    similarity: list[float] = Field(description="Of each member to the representative.")


class DuplicatesAnswer(BaseModel):
    id: str = Field(description="That of the job which made it.")
    object: Literal["duplicates"] = Field("duplicates", description="What it is.")
    kind: str = Field(description="exact, near or semantic.")
    threshold: float | None = Field(description="Bits of near, cosine of semantic.")
    linkage: str = Field(description="single or star.")
    n: int = Field(description="Items.")
    ids: list[str] = Field(description="A name for each item.")
    groups: list[DuplicateGroup] = Field(description="The biggest first.")
    extra: int = Field(description="Items that could go: members that represent no group.")
    unusable: list[Unusable] = Field(description="Items that could not be used.")
    model: str | None = Field(description="The model of the vectors, of semantic.")
    receipt: Receipt | dict[str, Any] | None = Field(description="How they were made.")
