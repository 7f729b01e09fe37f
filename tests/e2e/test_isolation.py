"""Callers do not feel each other: not by bad items, not by leaving, not by asking for much."""

import asyncio
import json
import random
import socket
import time
from typing import Any

import httpx
import numpy as np
import pytest

from tests.e2e.harness import (
    FILES,
    Server,
    assert_error,
    cosines,
    embed,
    image,
    jpeg,
    metrics,
    vectors,
)

PATH = "/v1/embeddings"
SMALL = {name: jpeg(name, width=160) for name in FILES}
BROKEN = SMALL["chelsea"][: len(SMALL["chelsea"]) // 2]


def _batch(first: int, size: int = 32) -> list[dict[str, str]]:
    names = list(FILES)
    return [image(SMALL[names[(first + i) % len(names)]], f"{first}-{i}") for i in range(size)]


@pytest.mark.thorough
@pytest.mark.parametrize("on_error", ["fail", "skip"])
def test_a_corrupt_image_is_heard_of_by_its_own_caller_alone(
    server: Server, client: httpx.Client, on_error: str
) -> None:
    bad_caller, bad_items = 3, (5, 17)

    async def call(http: httpx.AsyncClient, caller: int) -> httpx.Response:
        items = _batch(caller)
        if caller == bad_caller:
            for i in bad_items:
                items[i] = image(BROKEN, f"broken-{i}")
        return await http.post(PATH, json={"input": items, "on_error": on_error})

    async def everybody() -> list[httpx.Response]:
        async with server.async_client() as http:
            return await asyncio.gather(*(call(http, caller) for caller in range(6)))

    alone = embed(client, _batch(0, len(FILES)))
    for caller, answer in enumerate(asyncio.run(everybody())):
        if caller == bad_caller and on_error == "fail":
            error = assert_error(answer, 422, "invalid_items")
            assert [item["index"] for item in error["items"]] == list(bad_items)
            assert [item["id"] for item in error["items"]] == [f"broken-{i}" for i in bad_items]
            assert {item["code"] for item in error["items"]} == {"invalid_image"}
            continue
        assert answer.status_code == 200, answer.text[:1000]
        data = answer.json()["data"]
        bad = bad_items if caller == bad_caller else ()
        assert [entry["index"] for entry in data if "error" in entry] == list(bad)
        good = [i for i in range(32) if i not in bad]
        made = np.array([data[i]["embedding"] for i in good])
        expected = alone[[(caller + i) % len(FILES) for i in good]]
        assert (cosines(made, expected) > 0.999999).all()


def test_one_bad_item_alone_gets_its_own_status(client: httpx.Client) -> None:
    error = assert_error(client.post(PATH, json={"input": [image(BROKEN, "mine")]}), 422, "invalid_image")
    assert [(item["index"], item["id"]) for item in error["items"]] == [(0, "mine")]


def test_all_items_may_be_bad(client: httpx.Client) -> None:
    items = [image(BROKEN), "", image(b"")]
    error = assert_error(client.post(PATH, json={"input": items}), 422, "invalid_items")
    assert [item["index"] for item in error["items"]] == [0, 1, 2]
    skipped = client.post(PATH, json={"input": items, "on_error": "skip"})
    assert skipped.status_code == 200
    assert all("error" in entry for entry in skipped.json()["data"])


def test_a_caller_that_leaves_harms_nobody_and_its_work_is_dropped(server: Server, client: httpx.Client) -> None:
    body = json.dumps({"input": _batch(0, 600)}).encode()
    head = f"POST {PATH} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    head += f"Content-Length: {len(body)}\r\n\r\n"
    before = metrics(client)
    series = 'daguerre_requests_total{operation="embeddings",status="499",transport="http"}'
    leavers = []
    for _ in range(3):
        leaver = socket.create_connection(("127.0.0.1", server.port), timeout=20)
        leaver.sendall(head.encode() + body)
        leavers.append(leaver)
    half = socket.create_connection(("127.0.0.1", server.port), timeout=20)  # leaves within its body
    half.sendall(head.encode() + body[: len(body) // 2])
    time.sleep(0.3)
    expected = embed(client, _batch(0, 4))
    for leaver in (*leavers, half):
        leaver.close()
    for _ in range(5):
        assert (cosines(embed(client, _batch(0, 4)), expected) > 0.999999).all()
    end = time.monotonic() + 30
    while (after := metrics(client)).get(series, 0) < before.get(series, 0) + 3 and time.monotonic() < end:
        time.sleep(0.1)
    assert after[series] == before.get(series, 0) + 3
    images = 'daguerre_items_total{modality="image",operation="embeddings"}'
    assert after[images] == before.get(images, 0) + 6 * 4  # none of the leavers' was answered
    ran = 'daguerre_decode_seconds_count{modality="image"}'
    assert after[ran] - before.get(ran, 0) < 3 * 600  # and not all of it was done for nobody


@pytest.mark.thorough
def test_one_image_does_not_wait_for_five_hundred(server: Server) -> None:
    async def race() -> tuple[list[float], float, int]:
        async with server.async_client() as http:
            started = time.perf_counter()
            big = asyncio.create_task(http.post(PATH, json={"input": _batch(0, 500), "encoding_format": "base64"}))
            await asyncio.sleep(0.5)
            waits = []
            while not big.done() and len(waits) < 5:
                since = time.perf_counter()
                answer = await http.post(PATH, json={"input": [image(SMALL["rocket"])]})
                assert answer.status_code == 200
                if not big.done():
                    waits.append(time.perf_counter() - since)
            assert (await big).status_code == 200
            return waits, time.perf_counter() - started, len((await big).json()["data"])

    waits, whole, answered = asyncio.run(race())
    assert answered == 500
    assert len(waits) >= 3, "the large request was over before the small ones"
    assert np.median(waits) < whole / 4


def _mix(seed: int, count: int) -> list[tuple[str, dict[str, Any]]]:
    """Requests of every kind, and what each must get; about one in fifty is bad."""
    rng = random.Random(seed)
    names = list(SMALL)
    mix: list[tuple[str, dict[str, Any]]] = []
    for i in range(count):
        kind = rng.random()
        if kind < 0.02:
            bad: list[tuple[str, dict[str, Any]]] = [
                ("invalid_image", {"input": [image(BROKEN)]}),
                ("invalid_items", {"input": [image(SMALL["coffee"]), image(BROKEN), "fine"]}),
                ("invalid_text", {"input": ""}),
                ("unknown_model", {"input": "a", "model": "nothing"}),
            ]
            mix.append(rng.choice(bad))
        elif kind < 0.60:
            mix.append(("", {"input": f"a text, number {i % 37}" + " and more of it" * rng.randrange(4)}))
        elif kind < 0.90:
            mix.append(("", {"input": [image(SMALL[rng.choice(names)])]}))
        else:
            items = [image(SMALL[name]) for name in rng.choices(names, k=3)]
            mix.append(("", {"input": [*items, "a text among them"]}))
    return mix


@pytest.mark.thorough
def test_eight_hundred_requests_of_32_clients_without_an_error(server: Server) -> None:
    """BentoML's proxy between services closes its session every 100 requests, unless told not to: this would tell."""
    waiting = _mix(seed=7, count=800)
    provoked = sum(bool(code) for code, _ in waiting)
    assert 8 <= provoked <= 30
    wrong: list[str] = []
    heard = {"good": 0, "provoked": 0}

    async def caller(http: httpx.AsyncClient) -> None:
        while waiting:
            code, body = waiting.pop()
            answer = await http.post(PATH, json={**body, "encoding_format": "base64"})
            got = "" if answer.status_code == 200 else answer.json()["error"]["code"]
            if got != code:
                wrong.append(f"{got} instead of {code or 'an answer'}: {answer.text[:300]}")
            elif code:
                heard["provoked"] += 1
            else:
                heard["good"] += 1
                size = len(body["input"]) if isinstance(body["input"], list) else 1
                assert len(answer.json()["data"]) == size

    async def everybody() -> None:
        limits = httpx.Limits(max_connections=32, max_keepalive_connections=32)
        async with server.async_client(limits=limits) as http:
            await asyncio.gather(*(caller(http) for _ in range(32)))

    asyncio.run(everybody())
    assert not wrong, f"{len(wrong)} of 800: {wrong[:5]}"
    assert heard == {"good": 800 - provoked, "provoked": provoked}


def test_a_full_queue_is_429_and_passes(strict_server: Server, strict: httpx.Client) -> None:
    """The queue holds 48 items: one request of 32 fits, two do not."""

    async def crowd() -> list[httpx.Response]:
        async with strict_server.async_client() as http:
            return await asyncio.gather(*(http.post(PATH, json={"input": _batch(i)}) for i in range(12)))

    answers = asyncio.run(crowd())
    refused = [answer for answer in answers if answer.status_code != 200]
    assert 1 <= len(refused) <= 11
    for answer in refused:
        error = assert_error(answer, 429, "overloaded")
        assert "48" in error["message"]
        assert int(answer.headers["retry-after"]) >= 1
    expected = embed(strict, _batch(0))
    for i, answer in enumerate(answers):
        if answer.status_code == 200 and i % len(FILES) == 0:
            assert (cosines(vectors(answer), expected) > 0.999999).all()
    for _ in range(3):  # every place was given back
        assert strict.post(PATH, json={"input": _batch(0)}).status_code == 200
