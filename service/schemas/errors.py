"""The error shape."""

from pydantic import BaseModel, Field


class ErrorItem(BaseModel):
    index: int = Field(description="The item's place in `input`.")
    id: str | None = Field(description="The item's id, where it had one.")
    code: str = Field(description="For programs.", examples=["invalid_image"])
    message: str = Field(description="For people: the value, the rule, the way out.")


class ErrorBody(BaseModel):
    code: str = Field(description="For programs.", examples=["invalid_items"])
    message: str = Field(description="For people: the value, the rule, the way out.")
    param: str | None = Field(description="The field at fault, where there is one.")
    request_id: str = Field(description="Also in the X-Request-ID header, and in the server's log.")
    items: list[ErrorItem] = Field(description="Every unusable item.")


class ErrorAnswer(BaseModel):
    """The one error shape."""

    error: ErrorBody = Field(description="What is wrong, and what to do.")
