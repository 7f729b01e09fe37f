"""The codebook of a study: variables, their categories, and the values that a code may have."""

from typing import Any, Literal, Self

from pydantic import BaseModel, Field, model_validator

from service.schemas.base import Message

VariableKind = Literal["binary", "categorical", "ordinal", "continuous", "text", "more", "same"]
PAIRED: tuple[VariableKind, ...] = ("more", "same")
YES_NO = ("yes", "no")
CHOICES = {"more": ("first", "second"), "same": ("same", "different")}
TIE = "equal"


class Category(Message):
    """A category of a variable."""

    name: str = Field(min_length=1, max_length=200, pattern=r"\S", description="Category name, which is the code.")
    definition: str = Field("", max_length=10_000, description="Definition of the category, for coders.")
    examples: list[str] = Field([], max_length=20, description="Ids of items that are examples of the category.")


class Variable(Message):
    """A variable that coders code for each item, or for each pair of items."""

    name: str = Field(
        pattern=r"^\w[\w .-]{0,63}$", description="Name of the variable, as in tables of codes.", examples=["protest"]
    )
    kind: VariableKind = Field(
        description="binary: one of two categories, the first is the positive one. categorical: one or several "
        "categories. ordinal: one of several categories in order. continuous: a number between `low` and `high`. text: "
        "free text. more: the item of a pair that is or has more. same: whether the items of a pair are the same."
    )
    question: str = Field("", max_length=1000, description="Question that coders read.")
    definition: str = Field("", max_length=10_000, description="Definition of the variable, for coders.")
    categories: list[Category] = Field(
        [],
        max_length=200,
        description="Categories of binary (left out: yes and no), categorical and ordinal variables, in order.",
    )
    multiple: bool = Field(False, description="Whether several categories may be chosen; for kind categorical.")
    low: float | None = Field(None, description="Lowest number; for kind continuous.")
    high: float | None = Field(None, description="Highest number; for kind continuous.")
    step: float | None = Field(None, gt=0, description="Step of the slider; for kind continuous.")
    ties: bool = Field(False, description="Whether coders may answer that both have equally much; for kind more.")
    cannot_tell: bool = Field(True, description='Whether coders may answer "cannot tell".')
    required: bool | None = Field(
        None, description="Whether an item counts as coded only with this code. Left out: for all kinds but text."
    )
    examples: list[str] = Field([], max_length=20, description="Ids of items that are examples of the variable.")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        names = [category.name for category in self.categories]
        if len(set(names)) < len(names):
            raise ValueError(f"variable {self.name!r} has a category twice; give each one once")
        least = {"categorical": 2, "ordinal": 2}.get(self.kind, 0)
        if len(names) < least:
            raise ValueError(f"variable {self.name!r}: kind {self.kind} needs at least {least} categories")
        if self.kind == "binary" and len(names) not in (0, 2):
            raise ValueError(f"variable {self.name!r}: kind binary has two categories, got {len(names)}")
        if names and self.kind not in ("binary", "categorical", "ordinal"):
            raise ValueError(f"variable {self.name!r}: kind {self.kind} has no categories; leave them out")
        if self.multiple and self.kind != "categorical":
            raise ValueError(f"variable {self.name!r}: multiple is for kind categorical; leave it out")
        if self.ties and self.kind != "more":
            raise ValueError(f"variable {self.name!r}: ties is for kind more; leave it out")
        bounds = (self.low, self.high)
        if self.kind == "continuous" and (self.low is None or self.high is None or self.low >= self.high):
            raise ValueError(
                f"variable {self.name!r}: kind continuous needs low and high, and low < high; got {bounds}"
            )
        if self.kind != "continuous" and (bounds != (None, None) or self.step is not None):
            raise ValueError(f"variable {self.name!r}: low, high and step are for kind continuous; leave them out")
        return self

    def choices(self) -> tuple[str, ...]:
        """The values of a variable with categories, in order; none for numbers and texts."""
        if self.kind in CHOICES:
            return (*CHOICES[self.kind], *((TIE,) if self.ties else ()))
        return tuple(category.name for category in self.categories) or (YES_NO if self.kind == "binary" else ())

    @property
    def is_paired(self) -> bool:
        """Whether it is coded for pairs of items."""
        return self.kind in PAIRED

    @property
    def is_required(self) -> bool:
        """Whether an item counts as coded only with this code."""
        return self.kind != "text" if self.required is None else self.required


class Codebook(Message):
    """A codebook: its variables are coded for each item, or for each pair."""

    title: str = Field("", max_length=500, description="Title of the codebook.")
    instructions: str = Field("", max_length=50_000, description="Instructions for coders, in plain text.")
    variables: list[Variable] = Field(
        min_length=1, max_length=100, description="Variables in the order of coding, each with a name of its own."
    )

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        names = [variable.name for variable in self.variables]
        if twice := [name for name in names if names.count(name) > 1]:
            raise ValueError(f"the variable {twice[0]!r} is there twice; give each one a name of its own")
        return self

    def of_kind(self, kind: str) -> list[Variable]:
        """The variables of an assignment of kind `items` or `pairs`."""
        return [variable for variable in self.variables if variable.is_paired == (kind == "pairs")]


class CodebookAnswer(BaseModel):
    """A version of a study's codebook."""

    version: int = Field(description="Number of the version, from 1.")
    versions: int = Field(description="Number of versions that there are.")
    saved: str = Field(description="Time at which the version was saved, ISO 8601.")
    codebook: dict[str, Any] = Field(description="Codebook as it was sent, with its defaults.")
    remarks: list[str] = Field([], description="Remarks on codes that the version does not take any more.")
