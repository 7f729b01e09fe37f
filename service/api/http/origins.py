"""Refusal of requests that other web pages send to a service without API keys.

Without keys, whoever reaches the service may use it, and a browser reaches it on behalf of every page that it shows.
Browsers send three headers that a page cannot change. They are checked before anything else is read:

- `Host` is the name in the address. A page can point its own name at this machine (DNS rebinding); its requests then
  look like those of the service's own pages, but for that name. An address in digits needs no DNS.
- `Origin` and `Sec-Fetch-Site` describe the page that sends the request. Other programs send neither.

With keys nothing is checked: a browser does not send an API key by itself.
"""

import ipaddress
import re
import socket
from contextlib import suppress
from typing import NamedTuple

from starlette.types import Scope

from models.errors import quoted
from service.auth import is_loopback, is_open
from service.errors import BadRequest, Forbidden
from service.settings import Settings

PORTS = {"http": 80, "https": 443}
FRAMES = ("iframe", "frame", "object", "embed", "fencedframe")
PRIVATE = (".local", ".internal", ".home.arpa")  # reserved for private networks: nobody can register a name below them
_AUTHORITY = re.compile(r"(\[[^\[\]\s]+\]|[^\s:/@?#,\[\]]+)(?::([0-9]{0,5}))?")
_NUMBER = r"(?:0x[0-9a-f]+|[0-9]+)"
_IPV4 = re.compile(rf"{_NUMBER}(?:\.{_NUMBER}){{0,3}}", re.IGNORECASE)


class Authority(NamedTuple):
    """Host and port of a URL, the host in lower case or, for an address, in its usual form."""

    host: str
    port: int


def authority(text: str, scheme: str) -> Authority | None:
    """The host and port of `text`, such as `localhost:3000` or `[::1]`, or None if it is neither a name nor an address.

    Without a port, it is that of `scheme`, or 0 for another scheme.
    """
    found = _AUTHORITY.fullmatch(text)
    if not found:
        return None
    host = found[1].lower().removesuffix(".")
    try:
        if host.startswith("["):
            host = str(ipaddress.IPv6Address(host[1:-1].partition("%")[0]))
        elif _IPV4.fullmatch(host):  # with the short and hexadecimal forms that browsers and curl accept
            host = str(ipaddress.IPv4Address(socket.inet_aton(host)))
    except (ValueError, OSError):
        return None
    return Authority(host, int(found[2] or PORTS.get(scheme, 0)))


class OriginCheck:
    """The check of `Host`, `Origin` and `Sec-Fetch-*`, for a service with `settings`."""

    def __init__(self, settings: Settings) -> None:
        self._off = bool(settings.keys())
        self._insecure = settings.insecure
        self._allowed = [host for entry in settings.allowed_hosts if (host := authority(entry, ""))]
        self._machine = socket.gethostname().lower()

    def check(self, scope: Scope) -> None:
        """Raise Forbidden if a page of another site may have sent the request, BadRequest for two Host headers.

        What is the same for everybody (probes, the API page) may be read by anybody, but not shown within another
        page, which could guide the user's clicks.
        """
        headers: dict[bytes, list[str]] = {}
        for name, value in scope["headers"]:
            headers.setdefault(name, []).append(value.decode("latin-1").strip())
        method, scheme = scope["method"], scope.get("scheme", "http")
        target = headers.get(b"sec-fetch-dest", [""])[0]
        if self._off or (method in ("GET", "HEAD") and is_open(scope["path"]) and target not in FRAMES):
            return
        host = self._own_host(headers.get(b"host", []), scheme)
        if method == "GET" and target == "document" and headers.get(b"sec-fetch-mode") == ["navigate"]:
            return  # a link: the user sees the answer, and the other page does not
        origins = headers.get(b"origin", [])
        for origin in origins:
            if not (self._is_allowed_origin(origin) or (host and _page(origin) == (scheme, host))):
                raise Forbidden(
                    f"Origin: {quoted(origin)} is not this service, which has no API keys and so answers no other web "
                    "pages; set DAGUERRE_API_KEYS or, if the page is yours, add its host to DAGUERRE_ALLOWED_HOSTS"
                )
        for site in headers.get(b"sec-fetch-site", []):
            if site not in ("same-origin", "none") and not any(map(self._is_allowed_origin, origins)):
                raise Forbidden(
                    f"Sec-Fetch-Site: {quoted(site)}, so another web page requests or embeds this, and the service has "
                    "no API keys and so answers no other pages; open the address itself, or set DAGUERRE_API_KEYS"
                )

    def _own_host(self, values: list[str], scheme: str) -> Authority | None:
        """The value of the Host header; None without one, which no browser does."""
        if len(values) > 1:
            raise BadRequest(f"the request has {len(values)} Host headers; send one")
        if not values or not values[0]:
            return None
        host = authority(values[0], scheme)
        if host is None or not (self._is_own_name(host.host) or self._is_allowed(host)):
            names = "localhost and its addresses, such as 127.0.0.1"
            if self._insecure:
                names = "addresses in digits, this machine's name, and names of private networks"
            raise Forbidden(
                f"Host: {quoted(values[0])} may be the name of another web site; a service without API keys answers "
                f"only to {names}; add the name to DAGUERRE_ALLOWED_HOSTS, or set DAGUERRE_API_KEYS"
            )
        return host

    def _is_own_name(self, host: str) -> bool:
        with suppress(ValueError):
            return is_loopback(str(ipaddress.ip_address(host))) or self._insecure
        if host == "localhost" or host.endswith(".localhost"):
            return True
        return self._insecure and ("." not in host or host == self._machine or host.endswith(PRIVATE))

    def _is_allowed(self, host: Authority) -> bool:
        return any(_fits(host.host, name) and port in (0, host.port) for name, port in self._allowed)

    def _is_allowed_origin(self, origin: str) -> bool:
        """Whether DAGUERRE_ALLOWED_HOSTS names the origin; without a port, it names the usual one of the scheme."""
        scheme, page = _page(origin)
        return page is not None and any(
            _fits(page.host, name) and page.port == (port or PORTS[scheme]) for name, port in self._allowed
        )


def _page(origin: str) -> tuple[str, Authority | None]:
    """Scheme and authority of an Origin header; no authority for `null` and schemes of other programs."""
    scheme, _, rest = origin.partition("://")
    return scheme, authority(rest, scheme) if scheme in PORTS else None


def _fits(host: str, name: str) -> bool:
    return host.endswith(name[1:]) if name.startswith("*.") else host == name
