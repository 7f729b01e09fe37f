"""The base class of all requests."""

from pydantic import BaseModel, ConfigDict


class Message(BaseModel):
    """A request, or a part of one.

    An unknown field is an error, because it would have no effect, and so is a number that is not finite.
    """

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)
