"""What all requests have in common."""

from pydantic import BaseModel, ConfigDict


class Message(BaseModel):
    """A request, or a part of one. A field that is not known is an error: it would be an option that does nothing."""

    model_config = ConfigDict(extra="forbid")
