"""Several servers: which one is asked, which ones rest, and what must agree before results are put together."""

import asyncio
import base64
import json
import pickle
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx
import numpy as np
import pytest

from daguerre import AsyncClient, Client, RemarkWarning, errors
from daguerre.dispatch.retry import retried
from daguerre.transport import pool as pools
from daguerre.transport.http.transport import HttpTransport
from daguerre.transport.operations import EMBED, FILES, JOBS, MODELS, ZERO_SHOT
from daguerre.transport.several import SeveralTransport
from daguerre.types.common import NO_MODEL, Payload
from daguerre.types.embeddings import StoredRows, VectorBlock

KEPT = ("/v1/jobs", "/v1/files", "/v1/embeddings", "/v1/zero-shot")
OURS = {"daguerre-version": "0.1.0", "x-request-id": "r1"}
CARD = {
    **{"id": "m", "default": True, "description": "", "modalities": ["text"], "dimension": 2, "zero_shot": True},
    **{"licence": "", "source": "", "revision": "1", "weights": {}, "fingerprint_scaled": None, "precision": "fp32"},
    **{"provider": "cpu", "max_tokens": 9, "templates": None, "parity": {}, "demonstration": False, "notice": None},
    "decode": "exact",
}
ANALYSER = {
    **{"name": "faces", "kind": "objects", "default": True, "description": "", "licence": "", "labels": []},
    **{"languages": None, "options": {}},
}


class Fleet:
    """Servers by host, with a clock and a name server of their own."""

    def __init__(self, *hosts: str) -> None:
        self.state: dict[str, object] = dict.fromkeys(hosts, "up")
        self.fingerprints = dict.fromkeys(hosts, "f" * 8)
        self.analysers = dict.fromkeys(hosts, "a" * 8)
        self.asked: Counter[tuple[str, str]] = Counter()
        self.waiting: dict[str, asyncio.Event] = {}
        self.time = 0.0
        self.names: dict[str, list[str]] = {}

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        host, path = request.url.host, request.url.path
        self.asked[host, path] += 1
        state = self.state[host]
        if state == "down":
            raise httpx.ConnectError("refused")
        if isinstance(state, httpx.Response):
            return state
        if path == "/v1/models":
            return self._json({"data": [{**CARD, "fingerprint": self.fingerprints[host]}]})
        if path == "/v1/analysers":
            receipt = {"fingerprint": self.analysers[host]}
            return self._json({"data": [{**ANALYSER, "receipt": receipt}], "presets": []})
        if path != "/v1/embeddings":
            return self._json({"data": [], "next_cursor": None})
        if host in self.waiting:
            await self.waiting[host].wait()
        body = json.loads(b"".join([piece async for piece in request.stream]))
        vector = base64.b64encode(np.ones(2, "<f4").tobytes()).decode()
        receipt = {"model": "m", "revision": "1", "fingerprint": self.fingerprints[host], "precision": "fp32"}
        return self._json(
            {
                "data": [{"embedding": vector} for _ in body["input"]],
                **{"truncated": [], "dimension": 2, "usage": {"prompt_tokens": 0}},
                "receipt": {**receipt, "provider": "cpu", "decode": "exact", "demonstration": False},
            }
        )

    def _json(self, content: object) -> httpx.Response:
        return httpx.Response(200, json=content, headers=OURS)

    def http_client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(transport=httpx.MockTransport(self))

    def client(self, *urls: str, **options: object) -> AsyncClient:
        given = list(urls) or [f"http://{host}" for host in self.state]
        return AsyncClient(given, http_client=self.http_client(), progress=False, **{"retry_for": 0, **options})

    async def resolve(self, host: str, port: int) -> list[str]:
        if host not in self.names:
            raise OSError(f"unknown name {host}")
        return self.names[host]

    def embeds(self) -> dict[str, int]:
        return {host: n for (host, path), n in self.asked.items() if path == "/v1/embeddings"}


@pytest.fixture
def fleet(monkeypatch: pytest.MonkeyPatch) -> Fleet:
    """Servers a and b, whose clock and name server take the place of the real ones."""
    fleet = Fleet("a", "b")
    made = pools.Pool.__init__

    def init(self: pools.Pool, *given: object) -> None:
        made(self, *given, now=lambda: fleet.time, resolve=fleet.resolve)

    monkeypatch.setattr(pools.Pool, "__init__", init)
    return fleet


def refusal(status: int, retry_after: str | None = None) -> httpx.Response:
    error = {"code": "c", "message": "m", "param": None, "request_id": "r", "items": []}
    return httpx.Response(
        status, json={"error": error}, headers={**OURS, **({"retry-after": retry_after} if retry_after else {})}
    )


async def embed(client: AsyncClient, n: int = 1):
    return await client.embed(texts=["t"] * n)


def test_the_server_with_the_fewest_items_under_way_is_asked(fleet: Fleet):
    async def main():
        async with fleet.client(chunk_items=4, in_flight=3) as client:
            fleet.waiting["a"] = asyncio.Event()
            running = asyncio.create_task(embed(client, 40))
            while fleet.embeds().get("b", 0) < 4:
                await asyncio.sleep(0)
            at_a = fleet.embeds()["a"]  # waits, while b has ever more of them
            fleet.waiting["a"].set()
            found = await running
            return at_a, found, client.transport.served

    at_a, found, served = asyncio.run(main())
    assert at_a <= 3
    assert sum(found.servers.values()) == 40
    assert found.servers == dict(served)
    assert set(found.servers) == {"http://a", "http://b"}
    assert fleet.asked["a", "/v1/models"] == fleet.asked["b", "/v1/models"] == 1


def test_six_requests_are_under_way_at_two_servers(fleet: Fleet):
    async def main():
        fleet.waiting = {"a": asyncio.Event(), "b": asyncio.Event()}
        async with fleet.client(chunk_items=1, in_flight=3) as client:
            running = asyncio.create_task(embed(client, 20))
            while sum(fleet.embeds().values()) < 6:
                await asyncio.sleep(0.001)
            await asyncio.sleep(0.02)
            under_way = fleet.embeds()
            for event in fleet.waiting.values():
                event.set()
            await running
            return under_way

    assert asyncio.run(main()) == {"a": 3, "b": 3}


def test_a_server_that_fails_rests_and_comes_back(fleet: Fleet):
    async def main():
        async with fleet.client() as client:
            await embed(client)
            fleet.state["a"] = "down"
            with pytest.warns(RemarkWarning, match="other servers do the part of http://a until"):
                await asyncio.gather(embed(client), embed(client))
            asked = fleet.asked["a", "/v1/embeddings"]
            await embed(client)
            assert fleet.asked["a", "/v1/embeddings"] == asked == 2  # it rests
            fleet.time += pools.REST + 1
            fleet.state["a"] = "up"
            before = fleet.asked["a", "/v1/models"]
            await embed(client)
            await asyncio.sleep(0.01)
            assert fleet.asked["a", "/v1/models"] == before + 1  # looked at, beside the request
            await embed(client)
            assert fleet.asked["a", "/v1/embeddings"] == 3

    asyncio.run(main())


@pytest.mark.parametrize("state", ["down", refusal(503), refusal(429, "7"), refusal(502)])
def test_the_next_server_is_asked_at_once(fleet: Fleet, state: object):
    async def main():
        async with fleet.client() as client:
            await client.models()
            fleet.state["a"] = state
            return [(await embed(client)).servers for _ in range(3)]

    with pytest.warns(RemarkWarning) if state == "down" else _nothing():
        assert asyncio.run(main()) == 3 * [{"http://b": 1}]
    assert fleet.embeds()["a"] <= 1


@contextmanager
def _nothing() -> Iterator[None]:
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RemarkWarning)
        yield


@pytest.mark.filterwarnings("ignore::daguerre.DaguerreWarning")
def test_retry_after_of_all_servers_is_obeyed(fleet: Fleet):
    slept: list[float] = []

    class Clock:
        def now(self) -> float:
            return fleet.time

        async def sleep(self, seconds: float) -> None:
            slept.append(seconds)
            fleet.time += seconds
            if fleet.time >= 7:
                fleet.state["b"] = "up"

    async def main():
        async with fleet.client() as client:
            await client.models()
            fleet.state |= {"a": refusal(429, "60"), "b": refusal(429, "7")}
            ask = lambda: client.transport.call(EMBED, {}, items=[Payload(text="t")])  # noqa: E731
            answer = await retried(ask, retry_for=30, clock=Clock(), chance=lambda: 0.0)
            return answer.servers

    assert asyncio.run(main()) == {"http://b": 1}
    assert slept == [7.0]
    assert fleet.embeds() == {"a": 1, "b": 2}


def test_a_server_of_429_and_one_that_is_away(fleet: Fleet):
    async def main():
        async with fleet.client() as client:
            await client.models()
            fleet.state |= {"a": "down", "b": refusal(429, "7")}
            for _ in range(2):
                with pytest.raises(errors.OverloadedError) as caught:
                    await embed(client)
                assert caught.value.retry_after == pytest.approx(7)

    asyncio.run(main())


def test_an_error_names_all_servers_that_are_away(fleet: Fleet):
    fleet.state = {"a": "down", "b": "down"}

    async def main():
        async with fleet.client() as client:
            await embed(client)

    with pytest.raises(errors.ConnectError, match=r"none of 2 servers.*http://a cannot.*http://b cannot"):
        asyncio.run(main())


def test_other_errors_are_not_asked_twice(fleet: Fleet):
    async def main():
        async with fleet.client() as client:
            await client.models()
            fleet.state = dict.fromkeys("ab", refusal(422))
            with pytest.raises(errors.InvalidRequestError):
                await embed(client)

    asyncio.run(main())
    assert sum(fleet.embeds().values()) == 1


def test_different_models_are_refused_with_both_fingerprints(fleet: Fleet):
    fleet.fingerprints["b"] = "0" * 8

    async def main():
        async with fleet.client() as client:
            with pytest.raises(errors.FingerprintMismatchError) as caught:
                await embed(client)
            assert fleet.embeds() == {}
            return caught.value

    message = str(asyncio.run(main()))
    for part in ("http://a has m ffffffff", "http://b has m 00000000", "DAGUERRE_MODELS", "leave one server out"):
        assert part in message


def test_a_server_that_was_down_is_compared_when_it_answers(fleet: Fleet):
    fleet.state["b"], fleet.fingerprints["b"] = "down", "0" * 8

    async def main():
        async with fleet.client() as client:
            assert (await embed(client)).servers == {"http://a": 1}
            fleet.state["b"] = "up"
            await embed(client)  # b still rests
            fleet.time += pools.REST
            await embed(client)
            await asyncio.sleep(0.01)
            with pytest.raises(errors.FingerprintMismatchError):
                await embed(client)

    asyncio.run(main())
    assert fleet.embeds().get("b") is None


def test_analysers_are_compared_where_they_are_asked_for(fleet: Fleet):
    fleet.analysers["b"] = "0" * 8

    async def main():
        async with fleet.client() as client:
            await embed(client)
            with pytest.raises(errors.FingerprintMismatchError, match="analyser objects aaaaaaaa"):
                await client.analyse([b"x"], ["objects"])

    asyncio.run(main())


def test_what_has_state_goes_to_the_first(fleet: Fleet):
    fleet.state["a"] = refusal(503)

    async def main():
        async with fleet.client() as client:
            for operation in (JOBS, FILES):
                with pytest.raises(errors.UnavailableError):
                    await client.transport.entries(operation)
            with pytest.raises(errors.UnavailableError):
                await client.transport.call(EMBED.reading(EMBED.read, mode="job"), {}, items=[Payload(text="t")])
            stored = {"rows": StoredRows("posts", ["1"], 2), "model": "m", "fingerprint": "f" * 8, "receipt": NO_MODEL}
            with pytest.raises(errors.UnavailableError):  # the items of a collection
                await client.transport.call(ZERO_SHOT, vectors=[VectorBlock(modality="image", **stored)])
            assert await client.transport.call(MODELS)

    asyncio.run(main())
    assert {host for host, path in fleet.asked if path in KEPT} == {"a"}


def test_a_wrong_key_and_a_redirect_end_it_at_the_start(fleet: Fleet):
    for state, kind in [
        (refusal(401), errors.AuthenticationError),
        (httpx.Response(301, headers={"location": "http://a"}), errors.InvalidRequestError),
    ]:
        fleet.state["b"] = state

        async def main():
            async with fleet.client() as client:
                await embed(client)

        with pytest.raises(kind):
            asyncio.run(main())
    assert fleet.embeds() == {}


def test_a_name_stands_for_all_its_addresses_and_is_resolved_again(fleet: Fleet):
    fleet.state = dict.fromkeys(("10.0.0.1", "10.0.0.2", "10.0.0.3"), "up")
    fleet.fingerprints = dict.fromkeys(fleet.state, "f" * 8)
    fleet.analysers = dict.fromkeys(fleet.state, "a" * 8)
    fleet.names["pods"] = ["10.0.0.2", "10.0.0.1"]

    async def main():
        async with fleet.client("dns+http://pods:3000") as client:
            await embed(client)
            await embed(client)
            assert fleet.embeds() == {"10.0.0.1": 1, "10.0.0.2": 1}
            fleet.names["pods"] = ["10.0.0.2", "10.0.0.3"]
            fleet.time += pools.RESOLVE
            for _ in range(4):
                await embed(client)
                await asyncio.sleep(0.01)
            assert fleet.embeds()["10.0.0.1"] == 2  # once before the answer of the name server
            assert fleet.embeds()["10.0.0.3"] >= 1
            fleet.names.clear()  # the name server is away: those that are known are asked
            fleet.time += pools.RESOLVE
            for _ in range(2):
                await embed(client)
                await asyncio.sleep(0.01)
            await client.transport.entries(JOBS)
            assert fleet.asked["10.0.0.1", "/v1/jobs"] + fleet.asked["10.0.0.2", "/v1/jobs"] == 1

    asyncio.run(main())


def test_a_server_that_is_named_too_is_not_taken_twice(fleet: Fleet):
    fleet.state, fleet.names = (
        {"pod-0": "up", "10.0.0.2": "up"},
        {"pods": ["10.0.0.1", "10.0.0.2"], "pod-0": ["10.0.0.1"]},
    )
    fleet.fingerprints = dict.fromkeys(fleet.state, "f" * 8)
    fleet.analysers = dict.fromkeys(fleet.state, "a" * 8)

    async def main():
        async with fleet.client("http://pod-0:3000", "dns+http://pods:3000") as client:
            await asyncio.gather(*(embed(client) for _ in range(6)))
            await client.transport.entries(JOBS)

    asyncio.run(main())
    assert set(fleet.embeds()) == {"pod-0", "10.0.0.2"}
    assert fleet.asked["pod-0", "/v1/jobs"] == 1


def test_a_name_without_addresses_is_said(fleet: Fleet):
    async def main():
        async with fleet.client("dns+http://nobody:3000") as client:
            await embed(client)

    with pytest.raises(errors.ConnectError, match=r"dns\+http://nobody:3000: nobody cannot be resolved: "):
        asyncio.run(main())


def test_a_ping_asks_all(fleet: Fleet):
    async def main():
        async with fleet.client() as client:
            assert (await client.ping()).ready
            fleet.state["b"] = "down"
            with pytest.raises(errors.ConnectError, match="http://b"):
                await client.ping()

    asyncio.run(main())


@pytest.mark.parametrize(
    ("given", "kind", "message"),
    [
        ([], ValueError, "names no server"),
        (["http://a", ""], ValueError, "'http://a,' has an empty entry"),
        ("http://a,", ValueError, "has an empty entry"),
        ("http://a,b", ValueError, "'b' is no address of a server"),
        (["http://a/", "http://A:80"], ValueError, "'http://a' and 'http://A:80' are one server"),
        ("http://a:3000, http://a:3000", ValueError, "name each server once"),
        (["http://a", "grpc://b"], ValueError, "the same protocol"),
        (["dns+https://a"], ValueError, "certificate"),
        (["http://a", "http://b:99999"], ValueError, "from 1 to 65535"),
        (["http://a", "http://user:secret@b:x"], ValueError, r"'http://b:x'"),
        (["http://a", 3], TypeError, "got 3 as an address"),
    ],
)
def test_lists_of_servers_that_cannot_be_are_refused(given: object, kind: type[Exception], message: str):
    with pytest.raises(kind, match=message) as caught:
        AsyncClient(given)
    assert "secret" not in str(caught.value)


def test_a_list_of_the_environment_and_its_pickle(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("DAGUERRE_URL", "http://a:3000/, http://me:pw@b:3000")
    with Client() as client:
        assert repr(client) == "Client('http://a:3000,http://b:3000')"
        with pickle.loads(pickle.dumps(client)) as again:
            assert isinstance(again.asynchronous.transport, SeveralTransport)
            assert repr(again) == repr(client)
    with Client("http://c/") as one:
        assert isinstance(one.asynchronous.transport, HttpTransport)


def test_a_transport_of_several_takes_any_number() -> None:
    made: list[str] = []

    def connect(url: str) -> HttpTransport:
        made.append(url)
        return HttpTransport(url, api_key=None, timeout=1, concurrency=1)

    use: Callable[[str], HttpTransport] = connect

    async def main() -> None:
        transport = SeveralTransport([f"http://{i}" for i in range(16)], use)
        assert transport.width == 16
        await transport.close()

    asyncio.run(main())
    assert len(made) == 16
