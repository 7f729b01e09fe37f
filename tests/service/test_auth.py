"""Who may call: one of the keys, or somebody on this machine where there are none."""

import hashlib
import hmac

import pytest

from service.auth import Auth, is_loopback, is_open, require_keys
from service.errors import Forbidden, Unauthorized
from service.settings import Settings

KEYS = Settings(api_keys="first,second,third")


@pytest.mark.parametrize("key", ["first", "second", "third"])
def test_each_key_is_let_in_under_a_name_that_is_not_the_key(key):
    owner = Auth(KEYS).check(f"Bearer {key}", reached_at="192.0.2.1")
    assert owner == hashlib.sha256(key.encode()).hexdigest()[:8]


@pytest.mark.parametrize("header", ["bearer second", "BEARER second", "Bearer   second ", "Bearer second"])
def test_the_scheme_may_be_written_in_any_case(header):
    assert Auth(KEYS).check(header, reached_at="127.0.0.1")


@pytest.mark.parametrize(
    "header",
    ["Bearer firs", "Bearer firstt", "Bearer First", "Bearer first,second", "Bearer first second", "Bearer \xff"],
)
def test_anything_else_is_refused(header):
    with pytest.raises(Unauthorized, match="not known to the server") as caught:
        Auth(KEYS).check(header, reached_at="127.0.0.1")
    assert caught.value.status == 401
    assert header.split()[1] not in caught.value.message


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "Basic Zmlyc3Q=", "first", "Token first"])
def test_no_key_is_told_how_to_send_one(header):
    with pytest.raises(Unauthorized, match="Authorization: Bearer <key>"):
        Auth(KEYS).check(header, reached_at="127.0.0.1")


@pytest.mark.parametrize("given", ["first", "third", "none"])
def test_every_key_is_compared_in_constant_time_whichever_fits(monkeypatch, given):
    compared = []

    def compare(a, b):
        compared.append((a, b))
        return a == b

    monkeypatch.setattr(hmac, "compare_digest", compare)
    auth = Auth(KEYS)
    if given == "none":
        with pytest.raises(Unauthorized):
            auth.check(f"Bearer {given}", reached_at=None)
    else:
        auth.check(f"Bearer {given}", reached_at=None)
    assert [{a, b} - {given.encode()} or {given.encode()} for a, b in compared] == [{b"first"}, {b"second"}, {b"third"}]


@pytest.mark.parametrize("insecure", [False, True])
def test_with_keys_nobody_comes_in_without_one(insecure):
    settings = Settings(api_keys="k", insecure=insecure)
    for address in ("127.0.0.1", "", None, "192.0.2.1"):
        with pytest.raises(Unauthorized):
            Auth(settings).check(None, reached_at=address)


LOOPBACK = ["127.0.0.1", "127.0.0.2", "127.255.255.254", "::1", "localhost", ""]
OUTSIDE = [
    "0.0.0.0",
    "::",
    "192.0.2.1",
    "10.0.0.1",
    "2001:db8::1",
    "fe80::1%eth0",
    "example.org",
    "127.0.0.1.example.org",
    " ",
]


@pytest.mark.parametrize("address", [*LOOPBACK, "::ffff:127.0.0.1"])
def test_this_machines_own_addresses_are_known(address):
    assert is_loopback(address)
    assert Auth(Settings()).check(None, reached_at=address) is None
    require_keys(Settings(host=address))


@pytest.mark.parametrize("address", [*OUTSIDE, "::ffff:192.0.2.1"])
def test_without_a_key_nothing_is_served_beyond_this_machine(address):
    assert not is_loopback(address)
    with pytest.raises(Forbidden, match="DAGUERRE_API_KEYS") as caught:
        Auth(Settings()).check(None, reached_at=address)
    assert caught.value.status == 403
    with pytest.raises(Forbidden, match=r"DAGUERRE_API_KEYS_FILE, or --insecure"):
        require_keys(Settings(host=address))


def test_a_key_or_insecure_opens_the_door_to_the_outside():
    require_keys(Settings(host="0.0.0.0", api_keys="k"))
    require_keys(Settings(host="0.0.0.0", insecure=True))
    assert Auth(Settings(insecure=True)).check(None, reached_at="192.0.2.1") is None


@pytest.mark.parametrize(
    "path", ["/livez", "/readyz", "/healthz", "/", "/code", "/web/app/main.js", "/openapi.json", "/docs", "/docs/a.css"]
)
def test_health_and_documentation_need_no_key(path):
    assert is_open(path)


@pytest.mark.parametrize(
    "path", ["/metrics", "/v1/models", "/v1/embeddings", "/docsx", "/livez/x", "//", "", "/openapi.json/", "/v1/docs"]
)
def test_everything_else_does(path):
    assert not is_open(path)
