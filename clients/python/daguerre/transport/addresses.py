"""Addresses of servers: which are this machine's own, which proxy is on the way, and how they are shown."""

import os
import socket
from collections.abc import Mapping
from urllib.parse import urlsplit, urlunsplit

GRPC_PROXIES = ("grpc_proxy", "https_proxy", "http_proxy")  # the environment variables that gRPC reads, in its order
LOCAL_NAMES = ("localhost", "localhost.localdomain", "ip6-localhost")


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
