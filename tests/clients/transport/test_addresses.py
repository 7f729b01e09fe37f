"""Addresses of this machine, and the proxies on the way to others."""

import asyncio
import socket

import pytest

from daguerre import AsyncClient, Client, errors
from daguerre.transport.addresses import is_loopback, proxy_note, without_password
from tests.clients.conftest import address
from tests.e2e.harness import Server

PROXIES = [
    name
    for scheme in ("http", "https", "all", "grpc", "no", "no_grpc")
    for name in (f"{scheme}_proxy", f"{scheme}_proxy".upper())
]


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)


HERE = ["localhost", "LOCALHOST.", "api.localhost", "127.0.0.1", "127.8.9.1", "127.1", "::1", "[::1]", "0.0.0.0", "::"]
HERE += ["::ffff:127.0.0.1", "0:0:0:0:0:0:0:1"]
ELSEWHERE = [
    "server",
    "localhost.example.org",
    "10.0.0.1",
    "128.0.0.1",
    "::2",
    "fe80::1%eth0",
    "",
    None,
    "127.x",
    "192.168",
]


@pytest.mark.parametrize("host", HERE)
def test_this_machine_is_known_by_all_its_names(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ELSEWHERE)
def test_another_machine_is_none(host: str | None) -> None:
    assert not is_loopback(host)


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "grpc_proxy"])
@pytest.mark.parametrize("proxy", ["http://127.0.0.1:9", "socks5h://127.0.0.1:9"])
def test_this_machine_is_reached_past_every_proxy(
    inline: Server, monkeypatch: pytest.MonkeyPatch, name: str, proxy: str
) -> None:
    monkeypatch.setenv(name, proxy)
    for scheme in ("http", "grpc"):
        with Client(address(inline, scheme), progress=False, retry_for=0) as client:
            assert client.ping().ready
            assert client.embed(texts="a cat").ok.all()
    with Client(inline.url.replace("127.0.0.1", "localhost"), retry_for=0) as client:
        assert client.ping().ready


@pytest.mark.parametrize(
    ("url", "name"),
    [
        *(("http://server.example:3000", name) for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY")),
        *(("grpc://server.example:3001", name) for name in ("grpc_proxy", "https_proxy", "http_proxy")),
    ],
)
def test_a_failure_through_a_proxy_names_it(monkeypatch: pytest.MonkeyPatch, url: str, name: str) -> None:
    monkeypatch.setenv(name, "http://user:secret@127.0.0.1:9")
    with Client(url, retry_for=0, timeout=10) as client, pytest.raises(errors.ConnectError) as caught:
        client.ping()
    assert "(through the proxy http://127.0.0.1:9 of " in str(caught.value)
    assert f" of {name}" in str(caught.value) or f" of {name.lower()}" in str(caught.value)
    assert "to go past it, add server.example to NO_PROXY)" in str(caught.value)
    assert "secret" not in str(caught.value)


async def _answers(status: str) -> tuple[asyncio.Server, int]:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(f"HTTP/1.1 {status}\r\ncontent-length: 4\r\nconnection: close\r\n\r\nno!\n".encode())
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    return server, server.sockets[0].getsockname()[1]


@pytest.mark.parametrize("status", ["403 Forbidden", "407 Authentication Required", "502 Bad Gateway", "302 Found"])
def test_an_answer_of_a_proxy_itself_names_it(monkeypatch: pytest.MonkeyPatch, status: str) -> None:
    async def ask() -> str:
        server, port = await _answers(status)
        monkeypatch.setenv("HTTP_PROXY", f"127.0.0.1:{port}")
        async with server, AsyncClient("http://server.example:3000", retry_for=0) as client:
            with pytest.raises(errors.APIError) as caught:
                await client.models()
        return str(caught.value)

    assert "(through the proxy " in asyncio.run(ask())


@pytest.mark.parametrize(("proxy", "word"), [("socks5://p:1", "socks"), ("ftp://p:1", "ftp")])
def test_a_proxy_that_cannot_be_used_is_a_sentence(monkeypatch: pytest.MonkeyPatch, proxy: str, word: str) -> None:
    monkeypatch.setenv("ALL_PROXY", proxy)
    with pytest.raises(ValueError, match=rf"(?is)http://server\.example cannot be reached.*{word}.*through the proxy"):
        Client("http://server.example")


@pytest.mark.parametrize("exception", ["server.example", ".example", "*", "other,server.example"])
def test_an_exception_from_the_proxies_is_none(monkeypatch: pytest.MonkeyPatch, exception: str) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://p:1")
    assert proxy_note("http://server.example:3000")
    monkeypatch.setenv("NO_PROXY", exception)
    assert proxy_note("http://server.example:3000") == ""


def test_names_and_passwords_are_not_shown() -> None:
    assert without_password("http://a:b@host:1/x") == "http://host:1/x"
    assert without_password("a:b@host:1") == "host:1"
    assert without_password("http://[::1]:3000") == "http://[::1]:3000"


def test_ipv6_addresses_are_printed_in_brackets(inline: Server) -> None:
    if not socket.has_ipv6:
        pytest.skip("needs IPv6")
    for url in ("http://[::1]:1", "grpc://[::1]:1"):
        with Client(url, retry_for=0) as client, pytest.raises(errors.ConnectError, match=r"//\[::1\]:1 cannot"):
            client.ping()
