"""Requests and answers of coders, who see neither ids nor columns nor the codes of others."""

from typing import Any, Literal

from pydantic import BaseModel, Field, StrictFloat, StrictInt, StrictStr

from service.schemas.base import Message


class CodeInput(Message):
    """A code of one variable: a value, "cannot tell", or neither to take it back."""

    value: StrictStr | StrictInt | StrictFloat | list[StrictStr] | None = Field(
        None,
        description="Category, list of categories, number or text; of pairs first, second, equal, same or different.",
        examples=["yes"],
    )
    cannot_tell: bool = Field(False, description="Whether the coder cannot tell, in place of a value.")


class CodesRequest(Message):
    """Codes of one item or pair, which are saved together."""

    codes: dict[str, CodeInput] = Field(
        {},
        max_length=100,
        description="Codes by variable; other variables keep theirs.",
        examples=[{"protest": {"value": "yes"}}],
    )
    note: str | None = Field(None, max_length=10_000, description="Note on the item; an empty one removes it.")
    following: int = Field(
        2, ge=0, le=20, description="Number of items in `next`, whose pictures can be fetched ahead."
    )


class OwnCode(BaseModel):
    """A code of the caller."""

    value: str | float | list[str] | None = Field(description='Code; null for "cannot tell".')
    cannot_tell: bool = Field(description="Whether the coder could not tell.")


class DifferingCodes(BaseModel):
    """Codes that differ, without the names of coders."""

    variable: str = Field(description="Name of the variable.")
    codes: list[OwnCode] = Field(description="Codes, in the order of their values.")


class Unit(BaseModel):
    """An item, or a pair of items, to be coded."""

    key: str = Field(description="Key of the item or pair in addresses.")
    pictures: list[str] = Field(description="Keys of the pictures: one, or two of a pair; empty for texts.")
    texts: list[str] = Field(description="Texts of items without pictures: one, or two of a pair; empty for pictures.")
    done: bool = Field(description="Whether all required variables are coded.")
    codes: dict[str, OwnCode] = Field(description="Codes of the caller, by variable.")
    note: str = Field(description="Note of the caller; empty without one.")
    differing: list[DifferingCodes] = Field(description="Codes to decide between, for adjudicators; else empty.")


class OwnProgress(BaseModel):
    """The progress of the caller."""

    assigned: int = Field(description="Number of items or pairs.")
    done: int = Field(description="Number of these that are coded.")


class CodingAnswer(BaseModel):
    """The caller's assignment."""

    study: str = Field(description="Title of the study, or its name.")
    assignment: str = Field(description="Name of the assignment.")
    coder: str = Field(description="Name of the caller.")
    role: Literal["coder", "adjudicator"] = Field(description="Role of the caller.")
    kind: Literal["items", "pairs"] = Field(description="Whether items or pairs of items are coded.")
    version: int | None = Field(description="Version of the codebook; null without one.")
    codebook: dict[str, Any] | None = Field(
        description="Codebook with the variables of this assignment; its examples are keys of pictures."
    )
    progress: OwnProgress = Field(description="Progress of the caller.")


class UnitList(BaseModel):
    """Items or pairs of the caller."""

    object: Literal["list"] = Field("list", description="Type of the object.")
    data: list[Unit] = Field(description="Items or pairs: those to be coded next, or all, in the caller's own order.")
    progress: OwnProgress = Field(description="Progress of the caller.")


class SavedCodes(BaseModel):
    """The codes that were saved, and what comes next."""

    saved: int = Field(description="Number of codes that changed; 0 if all were there already.")
    unit: Unit = Field(description="Item or pair with the caller's codes.")
    next: list[Unit] = Field(description="Items or pairs to be coded next, in the caller's own order.")
    progress: OwnProgress = Field(description="Progress of the caller.")


class UndoneCodes(BaseModel):
    """The item or pair whose last codes were taken back."""

    undone: int = Field(description="Number of codes that were taken back; 0 if there were none.")
    unit: Unit | None = Field(description="Item or pair with the codes that hold now; null if there were none.")
    progress: OwnProgress = Field(description="Progress of the caller.")
