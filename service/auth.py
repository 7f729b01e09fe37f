"""Who may call: bearer keys, compared in constant time, and no door to the outside without one.

Health is exempt (probes carry no key), and so is the API page, which holds nothing but documentation.
"""

import hashlib
import hmac
import ipaddress
from collections.abc import Sequence

from service.errors import Forbidden, Unauthorized
from service.settings import Settings

OPEN_PATHS = frozenset({"/livez", "/readyz", "/healthz", "/", "/openapi.json"})
OPEN_PREFIX = "/docs"


def is_open(path: str) -> bool:
    """Whether `path` needs no key."""
    return path in OPEN_PATHS or path == OPEN_PREFIX or path.startswith(OPEN_PREFIX + "/")


class Auth:
    """Checks one call. HTTP and gRPC ask the same question here."""

    def __init__(self, settings: Settings) -> None:
        self._keys = settings.keys()
        self._insecure = settings.insecure

    def check(self, authorization: str | None, *, reached_at: str | None) -> str | None:
        """The caller's name, for what records an owner: the key's first 8 hex digits of SHA-256, or None without keys.

        Parameters
        ----------
        authorization : the header, "Bearer …", its bytes read as Latin-1.
        reached_at : the address of ours that the call came in by.
        """
        if not self._keys:
            if self._insecure or reached_at is None or is_loopback(reached_at):
                return None
            raise Forbidden(
                "this service has no API key and answers only on its own machine; "
                "set DAGUERRE_API_KEYS or DAGUERRE_API_KEYS_FILE (or DAGUERRE_INSECURE=true)"
            )
        scheme, _, given = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not given.strip():
            raise Unauthorized("no API key; send the header  Authorization: Bearer <key>")
        return _owner(self._keys, given.strip().encode("latin-1", "replace"))


def _owner(keys: Sequence[bytes], given: bytes) -> str:
    found = None
    for key in keys:  # all of them, always: the time taken tells nothing
        if hmac.compare_digest(key, given):
            found = key
    if found is None:
        raise Unauthorized("this API key is not one of ours")
    return hashlib.sha256(found).hexdigest()[:8]


def is_loopback(address: str) -> bool:
    """Whether an address, or a Unix socket's empty one, is only reached from this machine."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
        mapped = getattr(found, "ipv4_mapped", None)  # ::ffff:127.0.0.1
        return (mapped or found).is_loopback
    except ValueError:
        return address in ("", "localhost")


def refuse_open_door(settings: Settings) -> None:
    """Raise Forbidden where `settings` would serve beyond this machine without a key."""
    if not (settings.keys() or settings.insecure or is_loopback(settings.host)):
        raise Forbidden(
            f"host: {settings.host} is reached from other machines and there is no API key; "
            "set DAGUERRE_API_KEYS_FILE, or --insecure if the network is yours alone"
        )
