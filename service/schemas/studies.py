"""Requests and answers about studies, their items and their columns."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, Field, StrictBool, StrictFloat, StrictInt, StrictStr, model_validator

from service.schemas.base import Message
from service.schemas.common import OnError
from service.schemas.items import Posts

STUDY_NAME = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$"
COLUMN_NAME = r"^[^<>=!\x00-\x1f]{1,100}$"  # the others are operators of filters
CellValue = StrictStr | StrictBool | StrictInt | StrictFloat | None
MOST_ROWS = 200_000  # of one upload of columns
LONGEST_CELL = 10_000  # characters


class StudyRequest(Message):
    """A new study."""

    name: str = Field(
        pattern=STUDY_NAME,
        description="Name of the study: letters, digits, '-', '_' and '.'.",
        examples=["protest"],
    )
    title: str = Field("", max_length=500, description="Title of the study, which coders read.")
    folder: str | None = Field(
        None,
        min_length=1,
        max_length=4096,
        description="Folder below the server's DAGUERRE_DATA whose pictures are the items; they stay where they are. "
        "Left out: pictures are sent.",
        examples=["photos/2024"],
    )
    collection: str | None = Field(
        None,
        min_length=1,
        max_length=100,
        description="Name of a collection (/v1/collections) whose items, metadata, texts and vectors are copied: a "
        "study without pictures.",
        examples=[None],
    )

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if self.folder is not None and self.collection is not None:
            raise ValueError("collection: send either folder or collection")
        return self


class StudyCard(BaseModel):
    """A study."""

    name: str = Field(description="Name of the study.")
    object: Literal["study"] = Field("study", description="Type of the object.")
    title: str = Field(description="Title of the study.")
    folder: str | None = Field(
        description="Folder of the pictures below DAGUERRE_DATA; null for pictures that are sent."
    )
    collection: str | None = Field(description="Collection whose items were copied; null for pictures.")
    pictures: bool = Field(description="Whether the items are pictures.")
    created: str = Field(description="Time at which the study was made, ISO 8601.")
    items: int = Field(description="Number of items.")
    bytes: int = Field(description="Bytes of the pictures that were sent.")
    columns: dict[str, Literal["number", "text"]] = Field(description="Kind of each column of the items, by name.")
    codebook: int | None = Field(description="Version of the codebook; null without one.")
    assignments: list[str] = Field(description="Names of the assignments.")
    codes: int = Field(description="Number of codes.")
    left_out: int | None = Field(
        None,
        description="Number of files of the folder that are no pictures or lead out of it; null but for a new study.",
    )


class StudyList(BaseModel):
    """One page of the list of studies."""

    object: Literal["list"] = Field("list", description="Type of the object.")
    data: list[StudyCard] = Field(description="Studies, the newest first.")
    next_cursor: str | None = Field(None, description="Cursor of the next page; null on the last page.")


class FolderList(BaseModel):
    """Folders of the server, by name alone."""

    object: Literal["list"] = Field("list", description="Type of the object.")
    within: str = Field(description="Folder that they are in, below DAGUERRE_DATA; empty for that folder itself.")
    data: list[str] = Field(description="Names of the folders in it, one level deep, in alphabetical order.")
    truncated: bool = Field(False, description="Whether there are more folders than the answer has.")


class DeletedStudy(BaseModel):
    """A study that was deleted, and all that was deleted with it."""

    name: str = Field(description="Name of the study.")
    deleted: Literal[True] = Field(True, description="Always true.")
    items: int = Field(description="Number of items. Pictures of a folder of the server stay there.")
    pictures: int = Field(description="Number of pictures that were sent, which are deleted.")
    bytes: int = Field(description="Bytes of these pictures.")
    thumbnails: int = Field(description="Number of thumbnails.")
    vectors: int = Field(description="Number of vectors, of all models.")
    columns: list[str] = Field(description="Names of the columns.")
    codebooks: int = Field(description="Number of versions of the codebook.")
    assignments: list[str] = Field(description="Names of the assignments, whose coders' tokens are no longer valid.")
    codes: int = Field(description="Number of codes.")


class PicturesRequest(Message):
    """Pictures for a study, each with an id of its own."""

    input: Posts | None = Field(None, min_length=1, description="Pictures, unless they are parts of a form.")
    ids: list[str] | None = Field(
        None, description="Id of each picture. Left out: the ids of `input`, or the file names of the form's parts."
    )
    on_error: OnError = Field(
        "fail",
        description="Handling of unusable pictures. `fail`: none is added. `skip`: they are left out and listed.",
    )


class RefusedPicture(BaseModel):
    """A picture that was not added."""

    index: int = Field(description="Index of the picture.")
    id: str | None = Field(description="Id of the picture, if it has one.")
    code: str = Field(description="Error code, for programs.")
    message: str = Field(description="Explanation, for people.")


class PicturesAnswer(BaseModel):
    """The pictures that were added."""

    added: int = Field(description="Number of pictures that were added; those that were there already do not count.")
    items: int = Field(description="Number of items of the study.")
    refused: list[RefusedPicture] = Field(description="Pictures that were not added; only with on_error skip.")


class ItemCard(BaseModel):
    """An item of a study."""

    id: str = Field(description="Id of the item: its path below the folder, or the id that it was sent with.")
    key: str = Field(description="Key of the item in addresses.", examples=["0123456789abcdef"])
    bytes: int = Field(description="Size of the picture in bytes; 0 without one.")
    width: int | None = Field(description="Width in pixels; null for a picture of a folder, which was not opened yet.")
    height: int | None = Field(description="Height in pixels; null as the width.")
    text: str | None = Field(description="Text of the item; null without one.")
    columns: dict[str, CellValue] = Field(description="Value of each column that the item has one of.")


class ItemCode(BaseModel):
    """A code of an item."""

    assignment: str = Field(description="Name of the assignment.")
    coder: str = Field(description="Name of the coder.")
    role: Literal["coder", "adjudicator"] = Field(description="Role of the coder.")
    variable: str = Field(description="Name of the variable.")
    value: str | float | list[str] | None = Field(description='Code; null for "cannot tell".')
    version: int = Field(description="Version of the codebook that it was coded with.")
    saved: str = Field(description="Time of the code, ISO 8601.")


class WholeItem(ItemCard):
    """An item of a study, with its codes."""

    codes: list[ItemCode] = Field(description="Codes of the item alone, not of pairs.")


class ItemPage(BaseModel):
    """A page of the items of a study."""

    object: Literal["list"] = Field("list", description="Type of the object.")
    data: list[ItemCard] = Field(description="Items in the order that was asked for.")
    total: int = Field(description="Number of all items that fulfil the filters.")
    offset: int = Field(description="Number of items before the first of this page.")
    next_offset: int | None = Field(description="Offset of the next page; null on the last page.")


class ColumnsRequest(Message):
    """Values of items, as the columns of a table."""

    ids: list[str] = Field(min_length=1, max_length=MOST_ROWS, description="Id of the item of each row.")
    columns: dict[Annotated[str, Field(pattern=COLUMN_NAME)], list[CellValue]] = Field(
        min_length=1,
        max_length=200,
        description="Values of each column, one for each row: numbers, texts of up to 10,000 "
        "characters, or null. Other items keep theirs.",
        examples=[{"score": [0.5, 0.25]}],
    )

    @model_validator(mode="after")
    def _one_for_each_row(self) -> Self:
        if len(set(self.ids)) < len(self.ids):
            raise ValueError("ids has an id twice; give each item one row")
        for name, values in self.columns.items():
            if len(values) != len(self.ids):
                raise ValueError(
                    f"columns: {len(values)} values in {name!r} for {len(self.ids)} ids; give one for each"
                )
            if name in ("id", "key"):
                raise ValueError(f"columns: {name!r} is a field of every item; choose another name")
            longest = max((len(value) for value in values if isinstance(value, str)), default=0)
            if longest > LONGEST_CELL:
                raise ValueError(
                    f"columns: a text in {name!r} has {longest:,} characters, the limit is {LONGEST_CELL:,}; shorten it"
                )
        return self


class ColumnsAnswer(BaseModel):
    """The columns of a study."""

    columns: dict[str, Literal["number", "text"]] = Field(description="Kind of each column, by name.")
    rows: int = Field(description="Number of items that were written.")
