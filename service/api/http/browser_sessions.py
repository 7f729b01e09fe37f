"""Sessions of a browser: a cookie in place of the API key or of a coder's token, which scripts cannot read.

The cookie of a key is not the key: it is an expiry with a signature made by the key, so that nothing is stored, a
cookie that is stolen ends by itself, and a key that the operator removes ends its sessions. The cookie of a coder is
the token, which the owner of the study can revoke; its name ends with the token's tag, since a person may have two.

Browsers send cookies by themselves, also with requests that another page makes. So the cookies are `SameSite=Strict`,
and a request by cookie that changes something, or that is a coder's, needs a header that only a page of this service
can send: for other pages a browser asks first, and the service does not allow it.
"""

import hashlib
import hmac
import re
import time
from collections.abc import Iterable, Mapping

from starlette.requests import cookie_parser

from models.errors import quoted
from service.errors import Forbidden, Unauthorized

SESSION_COOKIE = "daguerre_session"
CODER_COOKIE = "daguerre_coder_"  # followed by the tag of the token
PAGE_HEADER, CODER_HEADER = "daguerre-page", "daguerre-coder"
SESSION_SECONDS = 30 * 24 * 3600
CODER_SECONDS = 180 * 24 * 3600
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_VALUE = re.compile(r"([0-9]{1,12})\.([0-9a-f]{64})")
_TAG = re.compile(r"[0-9a-f]{8}")
Headers = Mapping[bytes, bytes]


def session_of(key: bytes, expires: int) -> str:
    """The value of the cookie for an API key; `expires` in seconds since 1970."""
    return f"{expires}.{hmac.new(key, f'daguerre session until {expires}'.encode(), hashlib.sha256).hexdigest()}"


def key_of_session(keys: Iterable[bytes], value: str) -> bytes:
    """The API key that signed the value of a cookie. Raises Unauthorized for one that has ended or is not known."""
    parts = _VALUE.fullmatch(value)
    if parts is not None and int(parts[1]) > time.time():
        signed = [key for key in keys if hmac.compare_digest(session_of(key, int(parts[1])), value)]
        if signed:
            return signed[0]
    raise Unauthorized("the session of this browser has ended; enter the API key again", code="session_ended")


def tag_of(token: str) -> str:
    """The tag of a coder's token: the first 8 hexadecimal digits of its SHA-256."""
    return hashlib.sha256(token.encode()).hexdigest()[:8]


def session_cookie(headers: Headers, method: str) -> str | None:
    """The value of the cookie of a key; None without one. Raises Forbidden for a request that another page may send."""
    value = _cookies(headers).get(SESSION_COOKIE)
    if value is None:
        return None
    _require_own_page(headers)
    if method not in SAFE and PAGE_HEADER.encode() not in headers:
        raise Forbidden(
            f"the request is signed in by a cookie and changes something, but lacks the header {PAGE_HEADER}: 1; send "
            "it, or the key as  Authorization: Bearer <key>"
        )
    return value


def coder_cookie(headers: Headers) -> str | None:
    """The token of the coder whose tag the page sends as a header; None without one. Raises Forbidden, Unauthorized."""
    tag = headers.get(CODER_HEADER.encode(), b"").decode("latin-1")
    if not tag:
        return None
    _require_own_page(headers)
    token = _cookies(headers).get(CODER_COOKIE + tag) if _TAG.fullmatch(tag) else None
    if token is None:
        raise Unauthorized(
            f"this browser has no session for the coder {quoted(tag)}; open the link to the assignment again",
            code="session_ended",
        )
    return token


def set_cookie(name: str, value: str, *, path: str, seconds: int, secure: bool) -> str:
    """The header that stores a cookie; `seconds` 0 removes it."""
    parts = [f"{name}={value}", f"Path={path}", f"Max-Age={seconds}", "HttpOnly", "SameSite=Strict"]
    return "; ".join([*parts, "Secure"] if secure else parts)


def _cookies(headers: Headers) -> dict[str, str]:
    return cookie_parser(headers.get(b"cookie", b"").decode("latin-1"))


def _require_own_page(headers: Headers) -> None:
    site = headers.get(b"sec-fetch-site", b"none").decode("latin-1")
    if site not in ("same-origin", "none"):
        raise Forbidden(
            f"Sec-Fetch-Site: {quoted(site)}, so another web page sends this request; open the page of the service"
        )
