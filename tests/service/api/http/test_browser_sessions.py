"""Sessions of a browser: who signed a cookie, until when, and which requests by cookie are answered."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.api.http import browser_sessions as sessions
from service.errors import Forbidden, Unauthorized

KEYS = (b"first", b"second")


def later() -> int:
    return int(time.time()) + 100


@pytest.mark.parametrize("key", KEYS)
def test_a_session_stands_for_its_key_and_does_not_contain_it(key):
    value = sessions.session_of(key, later())
    assert sessions.key_of_session(KEYS, value) == key
    assert key.decode() not in value


def test_a_session_ends_with_its_time_and_with_its_key():
    for value in (sessions.session_of(b"first", int(time.time()) - 1), sessions.session_of(b"removed", later())):
        with pytest.raises(Unauthorized, match="has ended"):
            sessions.key_of_session(KEYS, value)


@given(st.text(max_size=100) | st.from_regex(r"[0-9]{1,12}\.[0-9a-f]{64}", fullmatch=True))
def test_nothing_else_is_a_session(value):
    with pytest.raises(Unauthorized):
        sessions.key_of_session(KEYS, value)


def test_a_longer_time_needs_another_signature():
    expires = later()
    signature = sessions.session_of(b"first", expires).partition(".")[2]
    with pytest.raises(Unauthorized):
        sessions.key_of_session(KEYS, f"{expires + 1}.{signature}")


COOKIE = {b"cookie": b"other=1; daguerre_session=1.ab"}


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_a_change_by_cookie_needs_the_header_of_the_page(method):
    with pytest.raises(Forbidden, match="daguerre-page"):
        sessions.session_cookie(COOKIE, method)
    assert sessions.session_cookie({**COOKIE, b"daguerre-page": b"1"}, method) == "1.ab"
    assert sessions.session_cookie(COOKIE, "GET") == "1.ab"
    assert sessions.session_cookie({}, method) is None


@pytest.mark.parametrize("site", [b"cross-site", b"same-site", b"other"])
def test_requests_of_other_pages_are_refused(site):
    for headers in ({**COOKIE, b"daguerre-page": b"1"}, {b"daguerre-coder": b"01234567"}):
        read = sessions.coder_cookie if b"daguerre-coder" in headers else lambda h: sessions.session_cookie(h, "GET")
        with pytest.raises(Forbidden, match="another web page"):
            read({**headers, b"sec-fetch-site": site})


def test_the_cookie_of_a_coder_is_chosen_by_the_header():
    tags = {token: sessions.tag_of(token) for token in ("one", "two")}
    cookie = "; ".join(f"{sessions.CODER_COOKIE}{tag}={token}" for token, tag in tags.items()).encode()
    for token, tag in tags.items():
        assert sessions.coder_cookie({b"cookie": cookie, b"daguerre-coder": tag.encode()}) == token
    assert sessions.coder_cookie({b"cookie": cookie}) is None
    for unknown in (b"00000000", b"session", b"\xff"):
        with pytest.raises(Unauthorized, match="open the link"):
            sessions.coder_cookie({b"cookie": cookie, b"daguerre-coder": unknown})
