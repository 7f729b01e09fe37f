"""Images as data: the Python SDK of a Daguerre service.

from daguerre import Client

client = Client("http://gpu-server:3000")
X = client.embed(images="photos/")                                        # X.vectors, X.ids, X.errors
P = client.zero_shot(images="photos/", labels=["a street protest", "a press conference"])    # P.to_pandas()
client.embed_corpus("photos/", "photos.parquet")                          # goes on where it was
"""

from daguerre.async_client import AsyncClient
from daguerre.client import Client
from daguerre.errors import (
    APIError,
    AuthenticationError,
    ConnectError,
    DaguerreError,
    DaguerreWarning,
    FingerprintMismatchError,
    IncompatibleServerError,
    InvalidRequestError,
    ItemError,
    ItemFailedError,
    NotFoundError,
    OverloadedError,
    PermissionDeniedError,
    ServerError,
    ServerTimeoutError,
    TooLargeError,
    UnavailableError,
)
from daguerre.results import Embeddings, Errors, ZeroShot
from daguerre.version import __version__
from daguerre.wire import ModelCard, Ping, Receipt

__all__ = [
    "APIError",
    "AsyncClient",
    "AuthenticationError",
    "Client",
    "ConnectError",
    "DaguerreError",
    "DaguerreWarning",
    "Embeddings",
    "Errors",
    "FingerprintMismatchError",
    "IncompatibleServerError",
    "InvalidRequestError",
    "ItemError",
    "ItemFailedError",
    "ModelCard",
    "NotFoundError",
    "OverloadedError",
    "PermissionDeniedError",
    "Ping",
    "Receipt",
    "ServerError",
    "ServerTimeoutError",
    "TooLargeError",
    "UnavailableError",
    "ZeroShot",
    "__version__",
]
