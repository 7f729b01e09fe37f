"""The choice of a transport by the scheme of the server's address."""

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from daguerre.transport.addresses import DNS, server_addresses
from daguerre.transport.base import Transport

if TYPE_CHECKING:
    import httpx

AT_ONE = 8  # servers whose requests one of them may get


def connect(
    url: str | Sequence[str] | None,
    api_key: str | None,
    *,
    timeout: float,
    in_flight: int,
    patient: bool = False,
    http_client: "httpx.AsyncClient | None" = None,
) -> tuple[str | list[str], Transport]:
    """An address, or several, and the transport; what is left out comes from the environment. Nothing is sent yet.

    Parameters
    ----------
    patient : whether to wait for a server of this machine where nobody listens yet.

    Raises
    ------
    ValueError : for an address without a known scheme, one that is there twice, two protocols, a key that no header can
        hold, a timeout of nothing, an HTTP client for an address of gRPC.
    TypeError : for an HTTP client that is not asynchronous.
    """
    if not timeout > 0:
        raise ValueError(f"timeout: got {timeout}, it must be more than 0 seconds")
    addresses = server_addresses(url)
    key = (api_key or os.environ.get("DAGUERRE_API_KEY") or "").strip()  # a file's last line break is not part of it
    if not (key.isascii() and key.isprintable()):
        raise ValueError("api_key: has characters that no header may have; is it the key, the whole key?")
    several = len(addresses) > 1 or addresses[0].startswith(DNS)

    def open_one(address: str) -> Transport:
        requests = in_flight * max(len(addresses), AT_ONE) if several else in_flight  # all, where the others are away
        return _transport(address, key or None, timeout, requests, http_client)

    transport: Transport
    if several:
        from daguerre.transport.several import SeveralTransport

        transport = SeveralTransport(addresses, open_one)
    else:
        transport = open_one(addresses[0])
    transport.patient = patient
    return addresses if several else addresses[0], transport


def _transport(
    url: str, api_key: str | None, timeout: float, in_flight: int, http_client: "httpx.AsyncClient | None"
) -> Transport:
    scheme, found, _ = url.partition("://")
    if found and scheme in ("http", "https"):
        from daguerre.transport.http.transport import HttpTransport

        return HttpTransport(url, api_key=api_key, timeout=timeout, concurrency=in_flight, client=http_client)
    if found and scheme in ("grpc", "grpcs"):
        if http_client is not None:
            raise ValueError(f"http_client: is for http:// and https:// addresses (got {url!r}); leave it out")
        try:
            from daguerre.transport.grpc.transport import GrpcTransport
        except ModuleNotFoundError as exc:
            raise ModuleNotFoundError(
                f"grpc:// addresses need more packages ({exc.name} is missing); pip install 'daguerre[grpc]'",
                name=exc.name,
            ) from exc

        return GrpcTransport(url, api_key=api_key, timeout=timeout)
    raise ValueError(f"url: {url!r} has no scheme that is known; begin it with http://, https://, grpc:// or grpcs://")
