"""The type of a method of the gRPC service."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

from google.protobuf.message import Message

Call: TypeAlias = Callable[[Any, str | None], Awaitable[Message]]  # takes the message and the owner
Method: TypeAlias = tuple[str, str, type[Any], Call]  # name, operation for metrics, request type, handler
