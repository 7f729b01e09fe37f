"""Requests to endpoints that misbehave: bounded tries, limits that hold for all callers, and a key that never leaks."""

import asyncio
import json
import logging
import time
from collections.abc import Iterator
from dataclasses import asdict

import pytest

from service.inference.endpoints import Endpoint, NoAnswer, Reply
from service.inference.fair_turns import FairTurns
from service.inference.labellers import RemoteLabeller
from tests.label_stub import KEY, Action, Asked, Stub, completion, endless, reset, slow, write_private

BODY = {"messages": [{"role": "system", "content": ""}, {"role": "user", "content": "The item to be coded: x"}]}


@pytest.fixture
def stub() -> Iterator[Stub]:
    stub = Stub(lambda asked: "{}")
    yield stub
    stub.close()


def ask(stub: Stub, n: int = 1, **fields) -> list[Reply | NoAnswer]:
    """The outcomes of n requests at once."""
    made = {"tries": 2, "longest_wait": 0.05, "timeout": 5.0, "name": "stub", **fields}
    labeller = RemoteLabeller.model_validate(stub.labeller(**made))

    async def run() -> list[Reply | NoAnswer]:
        endpoint = Endpoint(labeller)
        try:
            return await asyncio.gather(*(endpoint.ask(BODY, caller=None) for _ in range(n)), return_exceptions=True)
        finally:
            await endpoint.close()

    return asyncio.run(run())


def status(number: int, content: bytes = b"", **headers: str) -> Action:
    return Action(number, {name.replace("_", "-"): value for name, value in headers.items()}, content)


MISBEHAVIOUR = {
    "rate limit": (status(429, Retry_After="1000000"), "labeller_busy", 2),
    "rate limit with a date": (status(429, Retry_After="Wed, 21 Oct 2099 07:28:00 GMT"), "labeller_busy", 2),
    "server error": (status(500, b"oops"), "labeller_failed", 2),
    "reset": (Action(run=reset), "labeller_unreachable", 2),
    "wrong key": (status(401, f"Incorrect API key provided: {KEY}".encode()), "labeller_refused", 1),
    "bad request": (status(400, b'{"error": "no pictures"}'), "labeller_refused", 1),
    "redirect": (status(307, Location="http://127.0.0.1:9/v1"), "labeller_refused", 1),
    "truncated JSON": (Action(200, {}, b'{"choices": [{"message": {"conte'), "invalid_answer", 1),
    "no JSON": (Action(200, {}, b"<html>"), "invalid_answer", 1),
    "another schema": (Action(200, {}, b'{"choices": []}'), "invalid_answer", 1),
    "content of another type": (Action(200, {}, b'{"choices": [{"message": {"content": 7}}]}'), "invalid_answer", 1),
    "nested": (Action(200, {}, b"[" * 100_000), "invalid_answer", 1),
    "another content type": (Action(200, {"content-type": "text/html"}, b"{}"), "invalid_answer", 1),
    "a stream": (Action(200, {"content-type": "text/event-stream"}, b"data: {}\n\n"), "invalid_answer", 1),
    "compressed": (Action(200, {"content-encoding": "gzip"}, b"\x1f\x8b"), "invalid_answer", 1),
    "endless": (Action(run=endless), "invalid_answer", 1),
}


@pytest.mark.parametrize("name", MISBEHAVIOUR)
def test_misbehaviour_is_an_error_with_a_code_after_a_bounded_number_of_tries(name, stub, tmp_path, caplog):
    write_private(tmp_path / "key", f"# of the lab\n{KEY}\n")
    action, code, tries = MISBEHAVIOUR[name]
    stub.answer = lambda asked: action
    with caplog.at_level(logging.DEBUG):
        [error] = ask(stub, key_file=str(tmp_path / "key"), max_answer_bytes=200_000)
    assert isinstance(error, NoAnswer)
    assert (error.code, len(stub.asked)) == (code, tries), error.message
    assert stub.asked[0].headers["authorization"] == f"Bearer {KEY}"
    assert KEY not in error.message + caplog.text
    assert error.__cause__ is None  # whose text might have it


def test_a_slow_body_ends_at_the_timeout(stub):
    stub.answer = lambda asked: Action(run=slow)
    begin = time.monotonic()
    [error] = ask(stub, timeout=0.3, tries=1)
    assert isinstance(error, NoAnswer)
    assert error.code == "labeller_unreachable"
    assert time.monotonic() - begin < 5


def test_nobody_there_is_said(stub):
    stub.close()
    [error] = ask(stub)
    assert isinstance(error, NoAnswer)
    assert error.code == "labeller_unreachable"


def test_proxies_and_keys_of_the_environment_are_not_used(stub, monkeypatch, tmp_path):
    for name in ("HTTP_PROXY", "ALL_PROXY", "http_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password mine\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    [reply] = ask(stub)
    assert isinstance(reply, Reply)
    assert "authorization" not in stub.asked[0].headers


def test_it_goes_on_after_errors_that_pass(stub):
    actions = iter([status(429, Retry_After="0"), status(503), Action(run=reset)])
    stub.answer = lambda asked: next(actions, "{}")
    [reply] = ask(stub, tries=4)
    assert isinstance(reply, Reply)
    assert (reply.text, reply.model, reply.system_fingerprint) == ("{}", "stub-2026-11", "fp_stub")
    assert len(stub.asked) == 4


def test_a_key_that_an_answer_repeats_is_removed(stub, tmp_path):
    write_private(tmp_path / "key", KEY)
    stub.answer = lambda asked: completion(f"your key is {KEY}", refusal=f"no: {KEY}")
    [reply] = ask(stub, key_file=str(tmp_path / "key"))
    assert isinstance(reply, Reply)
    assert KEY not in json.dumps([reply.text, reply.refusal])


def test_a_key_is_removed_however_json_writes_it(stub, tmp_path):
    write_private(tmp_path / "key", KEY)
    escaped = "".join(f"\\u{ord(each):04X}" if i % 2 else each for i, each in enumerate(KEY))
    token = {"token": KEY, "logprob": -1.0, "top_logprobs": [{"token": KEY, "logprob": -1.0}]}
    split = [{"token": each, "logprob": -1.0} for each in KEY]
    told = {"model": KEY, "system_fingerprint": f"x{KEY}", "finish_reason": "x" * 290 + KEY}
    for tokens in ([token], split):
        body = completion(json.dumps({"v": KEY}), refusal=KEY, **told, logprobs={"content": tokens})
        nested = json.dumps(body).replace(KEY, escaped.replace("\\", "\\\\"))  # within the text alone it is a key
        for text in (json.dumps(body), json.dumps(body).replace(KEY, escaped), nested):
            stub.answer = lambda asked, text=text: Action(200, {}, text.encode())
            [reply] = ask(stub, key_file=str(tmp_path / "key"))
            assert isinstance(reply, Reply)
            assert reply.text == '{"v": "[key]"}'
            kept = json.dumps(asdict(reply))
            assert KEY not in kept + "".join(each for each, _, _ in reply.logprobs or ())
            assert "\\u" not in kept
            assert "sk-not" not in kept
    stub.answer = lambda asked: status(400, f'{{"error": "{escaped}"}}'.encode())
    [error] = ask(stub, key_file=str(tmp_path / "key"))
    assert isinstance(error, NoAnswer)
    assert "[key]" in error.message


def test_no_more_requests_at_once_than_permitted(stub):
    def answer(asked: Asked) -> str:
        time.sleep(0.02)
        return "{}"

    stub.answer = answer
    replies = ask(stub, n=12, concurrency=3)
    assert all(isinstance(reply, Reply) for reply in replies)
    assert 1 <= stub.most_at_once <= 3


def test_callers_take_turns():
    """A caller with one request waits for one of the other, which has fifty."""
    order: list[str] = []

    async def one(turns: FairTurns, caller: str) -> None:
        async with turns.turn(caller):
            order.append(caller)
            await asyncio.sleep(0)

    async def run() -> None:
        turns = FairTurns(1)
        many = [asyncio.ensure_future(one(turns, "many")) for _ in range(50)]
        await asyncio.sleep(0)
        await one(turns, "few")
        await asyncio.gather(*many)

    asyncio.run(run())
    assert order.index("few") <= 3
    assert len(order) == 51


def test_a_cancelled_wait_gives_its_turn_back():
    async def run() -> None:
        turns = FairTurns(1)
        async with turns.turn("a"):
            waiting = asyncio.ensure_future(turns.turn("b").__aenter__())
            await asyncio.sleep(0)
            waiting.cancel()
        async with asyncio.timeout(5), turns.turn("c"):
            pass

    asyncio.run(run())


def test_requests_of_a_minute_are_spaced():
    """By the clock of the event loop, which the test sets."""
    begun: list[float] = []

    async def run() -> None:
        loop = asyncio.get_running_loop()
        turns = FairTurns(10, per_minute=60_000)

        async def one() -> None:
            async with turns.turn(None):
                begun.append(loop.time())

        await asyncio.gather(*(one() for _ in range(20)))

    asyncio.run(run())
    assert begun[-1] - begun[0] >= 19 * 0.001 * 0.999
