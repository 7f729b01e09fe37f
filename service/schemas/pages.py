"""Requests and answers of pages: an answer of an operation in, one HTML file out."""

from typing import Any

from pydantic import BaseModel, Field

from service.schemas.base import Message
from service.schemas.clusters import PICTURES, PageMode
from service.schemas.items import Posts

MOST_REMARKS = 100


class AnswerPageRequest(Message):
    """An answer of an operation, to be shown as a page. Nothing of it is kept."""

    answer: dict[str, Any] = Field(
        description="JSON answer of the operation, as it came: for `duplicates` that of POST /v1/duplicates, and so on."
    )
    pictures: PageMode = PICTURES
    input: Posts | None = Field(
        None,
        description="Images and texts with the ids of items. Without them the page shows ids, and `shown` of the "
        "answer lists the items whose images or texts it would show.",
    )
    captions: dict[str, str] | None = Field(
        None, description="A line below an item, by its id: its size in pixels, for example, or its date."
    )
    remarks: list[str] | None = Field(
        None,
        max_length=MOST_REMARKS,
        description="Sentences that the page lists among its remarks, for example that the answer is of a part of a "
        "corpus.",
    )


class AnswerPage(BaseModel):
    """A page."""

    html: str = Field(description="One HTML file without scripts, which needs no network.")
    shown: list[str] = Field(
        description="Ids of the items whose images or texts the page has, or would have if they were in `input`, in "
        "the order of the page. An item without an id is named by its index."
    )
