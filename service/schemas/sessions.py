"""Answers about sessions of a browser."""

from typing import Literal

from pydantic import BaseModel, Field


class SessionCard(BaseModel):
    """A session of a browser."""

    object: Literal["session"] = Field("session", description="Type of the object.")
    keys: bool = Field(description="Whether the service has API keys; without any, no session is needed.")
    expires: str | None = Field(None, description="Time at which a new session ends, ISO 8601; null for others.")


class CoderSession(BaseModel):
    """A coder's session of a browser."""

    object: Literal["session"] = Field("session", description="Type of the object.")
    tag: str = Field(
        description="Tag of the token; requests by cookie have it as the header Daguerre-Coder.", examples=["0123abcd"]
    )


class EndedSession(BaseModel):
    """A session that was ended."""

    object: Literal["session"] = Field("session", description="Type of the object.")
    ended: Literal[True] = Field(True, description="Always true.")
