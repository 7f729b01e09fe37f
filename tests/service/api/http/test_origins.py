"""Requests that another web page may have sent are refused where there are no keys, and no others are."""

import socket
from contextlib import suppress
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.api.http.origins import OriginCheck
from service.errors import BadRequest, Forbidden
from service.settings import Settings

LOOPBACK = OriginCheck(Settings())
INSECURE = OriginCheck(Settings(insecure=True, host="0.0.0.0"))
ALLOWED = OriginCheck(Settings(allowed_hosts="hub.example.org, *.lab.example, lan.example:8443, [2001:db8::7]"))
KEYS = OriginCheck(Settings(api_keys="k"))
LINK = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}


def check(
    of: OriginCheck, *pairs: tuple[str, str], method: str = "POST", path: str = "/v1/x", scheme: str = "http", **headers
):
    """Check a request with the headers `pairs` and `headers`, in which an underscore is a hyphen."""
    sent = [*pairs, *((name.replace("_", "-"), value) for name, value in headers.items())]
    raw = [(name.encode(), value.encode("latin-1")) for name, value in sent]
    of.check({"type": "http", "method": method, "path": path, "scheme": scheme, "headers": raw})


def refused(of: OriginCheck, *pairs, match: str = "DAGUERRE_API_KEYS", **options):
    with pytest.raises(Forbidden, match=match) as caught:
        check(of, *pairs, **options)
    assert caught.value.status == 403


OWN = [
    "localhost",
    "localhost:3000",
    "LOCALHOST:8080",
    "localhost.",
    "localhost:",
    "daguerre.localhost:3000",
    "127.0.0.1",
    "127.0.0.1:49152",  # a port of an SSH tunnel or of a container
    "127.8.9.10:3000",
    "127.1:3000",
    "0x7f.1",
    "2130706433:3000",
    "017700000001",
    "127.0.0.1.",
    "[::1]",
    "[::1]:3000",
    "[0:0:0:0:0:0:0:1]:3000",
    "[::ffff:127.0.0.1]:3000",
    "[::ffff:7f00:1]",
]
OTHER_NAMES = [
    "evil.example",
    "evil.example:3000",
    "localhost.evil.example",
    "127.0.0.1.evil.example",
    "127.0.0.1.nip.io:3000",
    "localhost.evil",
    "notlocalhost",
    "xlocalhost:3000",
    "localhost:3000:80",
    "localhost@evil.example",
    "evil.example@localhost",
    "localhost/",
    "localhost, evil.example",
    "local host",
    "localhost\x00",
    "[::1",
    "[::1]evil.example",
    "[localhost]",
    "::2",
    "127.0.0.256",
    "127.0.0.1x",
    "128.0.0.1",
    "1.0.0.127",
    "[::2]",
    "[::ffff:8.8.8.8]",
    "127.0.0.1:port",
    "xn--lcalhost-54a",
    ".localhost.evil.example",
    ":3000",
    "*",
    "éxample",
]


@pytest.mark.parametrize("host", OWN)
@pytest.mark.parametrize("of", [LOOPBACK, INSECURE, ALLOWED])
def test_every_spelling_of_this_machine_is_answered(of, host):
    check(of, host=host)
    check(of, host=host, method="GET")


@pytest.mark.parametrize("host", OTHER_NAMES)
def test_other_names_are_refused(host):
    for method in ("GET", "POST", "DELETE", "HEAD", "OPTIONS", "PUT"):
        refused(LOOPBACK, host=host, method=method, match="DAGUERRE_ALLOWED_HOSTS")
    refused(LOOPBACK, host=host, origin=f"http://{host}", sec_fetch_site="same-origin")
    refused(LOOPBACK, ("host", host), *LINK.items(), method="GET")
    check(KEYS, host=host)


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:3000", "a.b", "127.0.0.1.nip.io", "my.local.evil.example"]
)
def test_a_server_for_other_machines_answers_no_name_that_somebody_can_register(host):
    refused(INSECURE, host=host)


def test_a_server_for_other_machines_answers_to_addresses_and_to_private_names():
    for host in ("192.0.2.7:3000", "10.1.2.3", "[2001:db8::1]:3000", "[fe80::1%25eth0]:3000", "gpu1:3000", "daguerre"):
        check(INSECURE, host=host)
    for host in ("gpu1.local", "daguerre.default.svc.cluster.local:3000", "gpu1.corp.internal", "nas.home.arpa"):
        check(INSECURE, host=host)
        refused(LOOPBACK, host=host)
    check(INSECURE, host=socket.gethostname())


def test_a_request_without_a_host_is_no_browsers():
    check(LOOPBACK)
    check(LOOPBACK, host="")
    refused(LOOPBACK, origin="http://localhost:3000")


def test_two_hosts_are_malformed():
    with pytest.raises(BadRequest, match="2 Host headers"):
        check(LOOPBACK, ("host", "localhost"), ("host", "localhost"))


ORIGINS = [
    "https://evil.example",
    "null",
    "",
    "http://localhost",
    "http://localhost:3001",
    "https://localhost:3000",
    "http://127.0.0.1:3000",
    "http://localhost:3000.evil.example",
    "http://localhost:3000@evil.example",
    "http://localhost:3000 http://evil.example",
    "http://evil.example#http://localhost:3000",
    "file://",
    "chrome-extension://abcdefghijklmnop",
    "localhost:3000",
    "//localhost:3000",
]


@pytest.mark.parametrize("origin", ORIGINS)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "OPTIONS", "PUT"])
def test_pages_of_other_origins_are_refused(origin, method):
    for of in (LOOPBACK, INSECURE):
        refused(of, host="localhost:3000", origin=origin, method=method)
        refused(of, ("origin", "http://localhost:3000"), host="localhost:3000", origin=origin, method=method)
    check(KEYS, host="localhost:3000", origin=origin, method=method)


@pytest.mark.parametrize("site", ["cross-site", "same-site", "something-new", ""])
@pytest.mark.parametrize("method", ["GET", "POST", "HEAD"])
def test_what_the_browser_calls_another_site_is_refused(site, method):
    refused(LOOPBACK, host="localhost:3000", sec_fetch_site=site, method=method)
    refused(LOOPBACK, host="localhost:3000", sec_fetch_site=site, origin="http://localhost:3000", method=method)
    for target in ("image", "script", "iframe", "empty"):
        options = {"sec_fetch_dest": target, "sec_fetch_mode": "no-cors"}
        refused(LOOPBACK, host="localhost:3000", sec_fetch_site=site, method=method, **options)


def test_a_link_opens_and_a_form_does_not():
    check(LOOPBACK, ("host", "localhost:3000"), *LINK.items(), method="GET")
    refused(LOOPBACK, ("host", "localhost:3000"), *LINK.items(), method="POST")
    refused(LOOPBACK, ("host", "localhost:3000"), *{**LINK, "sec-fetch-dest": "iframe"}.items(), method="GET")


@pytest.mark.parametrize(
    "path", ["/", "/docs", "/docs/assets/swagger-ui.css", "/openapi.json", "/livez", "/client/x.whl"]
)
def test_what_is_the_same_for_everybody_may_be_read_but_not_framed(path):
    check(LOOPBACK, host="evil.example", origin="https://evil.example", path=path, method="GET")
    for target in ("iframe", "frame", "object", "embed"):
        options = {"sec_fetch_dest": target, "path": path, "method": "GET"}
        refused(LOOPBACK, host="localhost:3000", sec_fetch_site="cross-site", **options)
        check(LOOPBACK, host="localhost:3000", sec_fetch_site="same-origin", **options)
    refused(LOOPBACK, host="localhost:3000", origin="https://evil.example", path=path, method="POST")


@pytest.mark.parametrize("host", ["localhost:3000", "127.0.0.1:3000", "[::1]:3000", "localhost"])
def test_its_own_pages_are_answered(host):
    for method in ("GET", "POST", "DELETE"):
        check(LOOPBACK, host=host, origin=f"http://{host}", sec_fetch_site="same-origin", method=method)
        check(LOOPBACK, host=host, origin=f"https://{host}", scheme="https", method=method)
    check(LOOPBACK, host=host, sec_fetch_site="none", sec_fetch_mode="navigate", method="GET")


def test_the_usual_port_may_be_left_out():
    check(LOOPBACK, host="localhost:80", origin="http://localhost")
    check(LOOPBACK, host="localhost", origin="https://localhost:443", scheme="https")
    refused(LOOPBACK, host="localhost", origin="http://localhost:443")


def test_allowed_names_are_answered_and_their_pages_too():
    for host in ("hub.example.org", "HUB.example.org:3000", "a.lab.example", "b.a.lab.example:1", "lan.example:8443"):
        check(ALLOWED, host=host)
    check(ALLOWED, host="[2001:db8:0::7]:3000")
    for host in ("example.org", "x.hub.example.org", "lab.example", "evillab.example", "lan.example", "lan.example:1"):
        refused(ALLOWED, host=host)
    for origin in (
        "https://hub.example.org",
        "http://hub.example.org",
        "https://a.lab.example",
        "https://lan.example:8443",
    ):
        check(ALLOWED, host="localhost:3000", origin=origin, sec_fetch_site="same-origin")
        check(ALLOWED, host="localhost:3000", origin=origin, sec_fetch_site="cross-site")
    for origin in (
        "https://hub.example.org:8443",
        "https://lan.example",
        "https://lab.example",
        "ftp://hub.example.org",
    ):
        refused(ALLOWED, host="localhost:3000", origin=origin)


@pytest.mark.parametrize(
    "names",
    ["https://hub.example.org", "hub.example.org/x", "*", "a b", "*.", "hub..org", "*.*.org", "a:b", "[::1", "é"],
)
def test_a_setting_that_is_no_name_is_refused(names):
    with pytest.raises(ValueError, match="without https:// and path"):
        Settings(allowed_hosts=names)


LABEL = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?", fullmatch=True)


@given(labels=st.lists(LABEL, min_size=1, max_size=4), top=st.sampled_from(["example", "com", "org", "io", "evil"]))
def test_no_name_that_can_be_registered_is_answered(labels, top):
    host = ".".join([*labels, top])
    for of in (LOOPBACK, INSECURE):
        refused(of, host=host, origin=f"http://{host}", sec_fetch_site="same-origin")


@given(address=st.ip_addresses(), port=st.integers(1, 65535))
def test_addresses_are_told_apart(address, port):
    """The oracle is the standard library's own property of an address."""
    host = f"[{address}]:{port}" if address.version == 6 else f"{address}:{port}"
    mapped = getattr(address, "ipv4_mapped", None) or address
    check(INSECURE, host=host)
    if mapped.is_loopback:
        check(LOOPBACK, host=host)
    else:
        refused(LOOPBACK, host=host)


@given(text=st.text(st.characters(max_codepoint=255), max_size=40), origin=st.text(st.characters(max_codepoint=255)))
def test_whatever_is_sent_is_answered_or_refused(text, origin):
    for of in (LOOPBACK, INSECURE, ALLOWED):
        for headers in ({"host": text}, {"host": "localhost:3000", "origin": origin}):
            with suppress(Forbidden):
                check(of, **headers)
                if "origin" in headers:
                    assert urlsplit(origin.strip()).hostname in ("localhost", "hub.example.org", "2001:db8::7")
