"""Authentication by API keys, which are compared in constant time; without keys, only local calls are accepted.

Health checks, the API documentation, the files of the workbench and the wheels of the Python package need no key.
Coders of a study have tokens, which are good for the paths below CODING and for nothing else, as keys are not good for
those paths.
"""

import base64
import hashlib
import hmac
import ipaddress
from collections.abc import Sequence
from contextlib import suppress

from service.errors import Forbidden, Unauthorized
from service.settings import Settings

OPEN_PATHS = frozenset({"/livez", "/readyz", "/healthz", "/", "/code", "/openapi.json"})
OPEN_FOLDERS = ("/docs", "/client", "/web")
CODING = "/v1/coding"  # paths of coders
CODER_TOKEN = "daguerre-coder_"  # begin of every token of a coder


def is_open(path: str) -> bool:
    """Whether `path` needs no key."""
    return path in OPEN_PATHS or any(path == each or path.startswith(f"{each}/") for each in OPEN_FOLDERS)


def is_coding(path: str) -> bool:
    """Whether `path` takes the token of a coder in place of a key."""
    return path == CODING or path.startswith(f"{CODING}/")


class Auth:
    """Authentication of calls over HTTP and gRPC."""

    def __init__(self, settings: Settings) -> None:
        self.keys = settings.keys()
        self._insecure = settings.insecure

    def check(self, authorization: str | None, *, reached_at: str | None) -> str | None:
        """Raise Unauthorized or Forbidden, or return the owner of what the call creates.

        The owner is the first 8 hexadecimal digits of the key's SHA-256, or None if there are no keys.

        Parameters
        ----------
        authorization : the header, "Bearer …", decoded as Latin-1.
        reached_at : the address of this machine that received the call.
        """
        key = _bearer(authorization)
        if key.startswith(CODER_TOKEN):
            raise Forbidden(f"a coder's token gives the right to code and nothing else; its paths begin with {CODING}")
        if not self.keys:
            self._require_local(reached_at)
            return None
        if not key:
            raise Unauthorized(
                "no API key; send the header  Authorization: Bearer <key>, or the key as the password of the address"
            )
        return _owner(self.keys, key.encode("latin-1", "replace"))

    def coder_token(self, authorization: str | None, *, reached_at: str | None) -> str:
        """The token of a call to a path of coders, which the study knows. Raises Unauthorized or Forbidden."""
        if not self.keys:
            self._require_local(reached_at)
        token = _bearer(authorization)
        if not token.startswith(CODER_TOKEN):
            raise Unauthorized(
                "no coder's token; send the one of the assignment as  Authorization: Bearer <token>  (an API key gives "
                "no right to code)"
            )
        return token

    def _require_local(self, reached_at: str | None) -> None:
        """Raise Forbidden for a call of another machine to a service without keys."""
        if not (self._insecure or reached_at is None or is_loopback(reached_at)):
            raise Forbidden(
                "this service has no API key and accepts calls from its own machine only; "
                "set DAGUERRE_API_KEYS or DAGUERRE_API_KEYS_FILE (or DAGUERRE_INSECURE=true)"
            )


def _bearer(authorization: str | None) -> str:
    """The key or token of a header, empty without one: "Bearer …", or the password of "Basic …".

    A program that takes nothing but an address sends the latter for http://key:PASSWORD@host.
    """
    scheme, _, key = (authorization or "").partition(" ")
    if scheme.lower() == "basic":
        with suppress(ValueError):
            return base64.b64decode(key, validate=True).decode("latin-1").partition(":")[2]
    return key.strip() if scheme.lower() == "bearer" else ""


def _owner(keys: Sequence[bytes], key: bytes) -> str:
    if not any([hmac.compare_digest(known, key) for known in keys]):  # a list: all are compared, in constant time
        raise Unauthorized("this API key is not known to the server; ask its operator for a key")
    return owner_of(key)


def owner_of(key: bytes) -> str:
    """The owner of what calls with an API key create: the first 8 hexadecimal digits of its SHA-256."""
    return hashlib.sha256(key).hexdigest()[:8]


def is_loopback(address: str) -> bool:
    """Whether only this machine reaches an address; a Unix socket's address is empty."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
        mapped = getattr(parsed, "ipv4_mapped", None)  # ::ffff:127.0.0.1
        return (mapped or parsed).is_loopback
    except ValueError:
        return address in ("", "localhost")


def require_keys(settings: Settings) -> None:
    """Raise Forbidden if `settings` would serve other machines without a key."""
    if not (settings.keys() or settings.insecure or is_loopback(settings.host)):
        raise Forbidden(
            f"host: {settings.host} can be reached from other machines, but there is no API key; "
            "set DAGUERRE_API_KEYS_FILE, or --insecure in a private network"
        )
