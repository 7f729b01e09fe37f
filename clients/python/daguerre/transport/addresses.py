"""Addresses of servers: which are this machine's own, which proxy is on the way, and how they are shown."""

import os
import socket
from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit, urlunsplit

GRPC_PROXIES = ("grpc_proxy", "https_proxy", "http_proxy")  # the environment variables that gRPC reads, in its order
LOCAL_NAMES = ("localhost", "localhost.localdomain", "ip6-localhost")

URL = "http://127.0.0.1:3000"
DNS = "dns+"  # before an address: each address that its name has is a server
PORTS = {"http": 80, "https": 443, "grpc": 3001, "grpcs": 443}


def server_addresses(given: str | Sequence[str] | None) -> list[str]:
    """Addresses of one server or several, each once and without a slash at its end; None: $DAGUERRE_URL, or URL.

    A text may hold several, with commas between them.

    Raises
    ------
    TypeError : for anything but a text or texts.
    ValueError : for an empty entry, an address that is there twice, two protocols, a name that cannot be resolved to
        several servers.
    """
    if given is None or given == "":
        given = os.environ.get("DAGUERRE_URL") or URL
    entries = [given] if isinstance(given, str) else list(given)
    if not entries:
        raise ValueError("url: an empty list names no server; give at least one address")
    for each in entries:
        if not isinstance(each, str):
            raise TypeError(f"url: got {each!r:.60} as an address; give a text such as {URL!r}, or several")
    addresses = [part.strip().rstrip("/") for each in entries for part in each.split(",")]
    if not all(addresses):
        raise ValueError(f"url: {','.join(map(without_password, addresses))!r} has an empty entry; leave it out")
    if len(addresses) == 1 and not addresses[0].startswith(DNS):
        return addresses  # connect checks it
    places: dict[tuple[str, str, int], str] = {}
    for address in addresses:
        shown, parts = without_password(address), urlsplit(address.removeprefix(DNS))
        if parts.scheme not in PORTS or not parts.hostname:
            raise ValueError(
                f"url: {shown!r} is no address of a server; begin it with http://, https://, grpc:// or grpcs:// (a "
                "comma inside of an address is written %2C)"
            )
        if address.startswith(DNS) and parts.scheme not in ("http", "grpc"):
            raise ValueError(
                f"url: {shown!r} would check a certificate against addresses in digits, which it does not have; use "
                f"dns+http:// or dns+grpc:// inside of a private network, or name each server with {parts.scheme}://"
            )
        place = (DNS if address.startswith(DNS) else "", parts.hostname.lower() + parts.path, port_of(address))
        if place in places:
            raise ValueError(f"url: {places[place]!r} and {shown!r} are one server; name each server once")
        places[place] = shown
    kinds = sorted({urlsplit(each.removeprefix(DNS)).scheme.removesuffix("s") for each in addresses})
    if len(kinds) > 1:
        raise ValueError("url: has addresses of HTTP and of gRPC; use the same protocol for all servers")
    return addresses


def port_of(address: str) -> int:
    """The port of an address, or that of its protocol. Raises ValueError for one that is no number below 65536."""
    parts = urlsplit(address.removeprefix(DNS))
    try:
        return parts.port or PORTS[parts.scheme]
    except ValueError as exc:
        raise ValueError(f"url: {without_password(address)!r}: {exc}; write a number from 1 to 65535") from exc


def is_loopback(host: str | None) -> bool:
    """Whether a host is this machine itself: localhost, 127.0.0.0/8, ::1, or the address of all interfaces."""
    name = (host or "").strip("[]").rstrip(".").lower().partition("%")[0]
    if name in LOCAL_NAMES or name.endswith(".localhost"):
        return True
    import ipaddress

    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        try:
            address = ipaddress.ip_address(socket.inet_aton(name))  # "127.1" is 127.0.0.1
        except (OSError, UnicodeError):
            return False
    mapped = getattr(address, "ipv4_mapped", None)
    return any(each.is_loopback or each.is_unspecified for each in (address, mapped) if each is not None)


def proxy_note(url: str) -> str:
    """A sentence about the proxy between this machine and a server; empty where there is none."""
    found = _proxy(url)
    if found is None:
        return ""
    name, proxy = found
    host = urlsplit(url).hostname
    return f" (through the proxy {without_password(proxy)} of {name}; to go past it, add {host} to NO_PROXY)"


def _proxy(url: str) -> tuple[str, str] | None:
    """The proxy for a server: its setting and its address."""
    parts = urlsplit(url)
    if is_loopback(parts.hostname):
        return None
    if parts.scheme in ("grpc", "grpcs"):
        if _is_excepted(parts.hostname or "", os.environ):
            return None
        return next(((name, os.environ[name]) for name in GRPC_PROXIES if os.environ.get(name)), None)
    from urllib.request import getproxies, proxy_bypass  # not at the top: it loads much, and few need it

    if proxy_bypass(parts.netloc.rpartition("@")[2]):
        return None
    proxies = getproxies()
    scheme = next((scheme for scheme in (parts.scheme, "all") if proxies.get(scheme)), None)
    if scheme is None:
        return None
    names = (f"{scheme}_proxy", f"{scheme}_proxy".upper())
    return next((name for name in names if os.environ.get(name)), "the system's settings"), proxies[scheme]


def _is_excepted(host: str, environment: Mapping[str, str]) -> bool:
    """Whether gRPC goes past its proxy to a host, by the endings in no_grpc_proxy or no_proxy."""
    endings = environment.get("no_grpc_proxy") or environment.get("no_proxy") or ""
    return any(host.endswith(ending.strip()) for ending in endings.split(",") if ending.strip())


def without_password(url: str) -> str:
    """An address as it may be shown: a user name and a password in it are left out."""
    parts = urlsplit(url if "://" in url else f"//{url}")
    host = parts.netloc.rpartition("@")[2]
    return url if host == parts.netloc else urlunsplit(parts._replace(netloc=host)).removeprefix("//")
