"""The base class of all requests."""

from pydantic import BaseModel, ConfigDict


class Message(BaseModel):
    """A request, or a part of one. An unknown field is an error, because it would have no effect."""

    model_config = ConfigDict(extra="forbid")
