"""The body of an error."""

from pydantic import BaseModel, Field


class ErrorItem(BaseModel):
    """One unusable item of a refused request."""

    index: int = Field(description="Position of the item in `input`, from 0.")
    id: str | None = Field(description="Id of the item; null without one.")
    code: str = Field(description="Error code for programs.", examples=["invalid_image"])
    message: str = Field(description="Error message for people: the value, the rule and a remedy.")


class ErrorBody(BaseModel):
    """The error of a request."""

    code: str = Field(description="Error code for programs.", examples=["invalid_items"])
    message: str = Field(description="Error message for people: the value, the rule and a remedy.")
    param: str | None = Field(description="Name of the invalid field; null if the error is not about one field.")
    request_id: str = Field(description="Id of the request, also in the X-Request-ID header and in the server's log.")
    items: list[ErrorItem] = Field(description="All unusable items.")


class ErrorAnswer(BaseModel):
    """The body of every error."""

    error: ErrorBody = Field(description="The error, with a remedy in its message.")
