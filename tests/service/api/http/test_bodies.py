"""Bodies to requests: what is wrong with them in words, forms, and limits on what is held in memory."""

import asyncio
import gc
import json
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError
from starlette.requests import Request

from service.api.http.bodies import Bodies
from service.body_budget import BodyBudget
from service.errors import BadRequest, BodyTooSlow, Overloaded, ServiceError, TooLarge, Unprocessable, UnsupportedMedia
from service.inference.analyses import Analyses
from service.pipelines.items import Item
from service.schemas.embeddings import EmbeddingsOptions, EmbeddingsRequest
from service.schemas.validation import explain
from service.schemas.zero_shot import ZeroShotOptions, ZeroShotRequest
from service.settings import Settings
from service.stores.files import FileStore

SMALL = {"max_items": 4, "max_body_bytes": 2000, "max_bodies_bytes": 5000}


def request(content: bytes, headers: dict[str, str], *, chunk: int = 100, ends: bool = True) -> Request:
    """A request whose body comes in chunks; with `ends` False the caller leaves before its end."""
    parts = [content[i : i + chunk] for i in range(0, len(content), chunk)]
    messages: list[dict[str, Any]] = [{"type": "http.request", "body": part, "more_body": True} for part in parts]
    messages.append({"type": "http.request", "body": b"", "more_body": False} if ends else {"type": "http.disconnect"})
    coming = iter(messages)

    async def receive() -> dict[str, Any]:
        return next(coming)

    raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/",
        "headers": raw,
        "query_string": b"",
        "state": {"owner": None},
    }
    return Request(scope, receive)


def of_httpx(**body: Any) -> Request:
    made = httpx.Request("POST", "http://localhost/", **body)
    return request(made.read(), dict(made.headers))


def bodies_of(settings: Settings) -> Bodies:
    return Bodies(settings, BodyBudget(settings), FileStore(settings), Analyses(2))


def read(made: Request, whole: Any = EmbeddingsRequest, options: Any = EmbeddingsOptions, **limits: Any) -> Any:
    return asyncio.run(bodies_of(Settings(**limits)).read(made, whole, options))


def zero_shot(made: Request, **limits: Any) -> Any:
    return read(made, ZeroShotRequest, ZeroShotOptions, **limits)


def said(body: Any, whole: Any = EmbeddingsRequest) -> Unprocessable:
    """What a JSON body is told."""
    with pytest.raises(ServiceError) as caught:
        read(of_httpx(json=body), whole, whole)
    return caught.value


# JSON


def test_a_json_body_becomes_items_and_options():
    options, items, _ = read(
        of_httpx(json={"input": ["a", {"text": "b", "id": "1"}, {"image": "aGk="}], "on_error": "skip", "user": "me"})
    )
    assert items == [Item(text="a"), Item(text="b", id="1"), Item(image="aGk=")]
    assert (options.on_error, options.encoding_format, options.model) == ("skip", "float", None)


@pytest.mark.parametrize("given", ["a", {"text": "a"}, ["a"], [{"text": "a"}]])
def test_one_item_needs_no_list(given):
    assert read(of_httpx(json={"input": given}))[1] == [Item(text="a")]


@pytest.mark.parametrize("kind", ["application/json", "application/json; charset=utf-8", "APPLICATION/JSON", None])
def test_a_body_without_a_type_is_json(kind):
    made = request(b'{"input": "a"}', {"content-type": kind} if kind else {})
    assert read(made)[1] == [Item(text="a")]


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "image/jpeg", "application/jsonp"])
def test_a_body_of_another_type_is_refused_by_name(kind):
    with pytest.raises(UnsupportedMedia) as caught:
        read(request(b'{"input": "a"}', {"content-type": kind}))
    assert repr(kind) in caught.value.message
    assert "send application/json or multipart/form-data" in caught.value.message


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b'{"input": "a"', b"input=a", b"\xff\xfe", b'{"input": "\\ud800"', b'["\\udc00",]', b"{'a': 1}"],
)
def test_what_is_no_json_is_malformed(body):
    with pytest.raises(BadRequest, match="the body is not JSON: ") as caught:
        read(request(body, {"content-type": "application/json"}))
    assert caught.value.status == 400
    assert "Invalid JSON" not in caught.value.message


# words: the value, the rule, the way out


@pytest.mark.parametrize(
    ("body", "param", "message"),
    [
        ({}, "input", "input: is missing; it is required"),
        ([1], None, "the body: got a list, should be an object"),
        ({"input": "a", "on_error": "z"}, "on_error", "on_error: got 'z', should be 'fail' or 'skip'"),
        (
            {"input": "a", "dimensions": "q"},
            "dimensions",
            "dimensions: got 'q', should be a valid integer, unable to parse string as an integer",
        ),
        ({"input": [1.5]}, "input[0]", "input[0]: got 1.5, should be an object"),
        ({"input": ["a", None]}, "input[1]", "input[1]: got null, should be an object"),
        ({"input": [{"text": 3}]}, "input[0].text", "input[0].text: got 3, should be a valid string"),
        ({"input": "a", "model": ["m"]}, "model", "model: got a list, should be a valid string"),
        ({"input": ["a", {}]}, "input[1]", 'input[1]: an item has either "text", "image" or "video"'),
        ({"input": {"text": "a", "image": "b"}}, "input[0]", 'input[0]: an item has either "text", "image" or "video"'),
        (
            {"input": 3},
            "input",
            'input: is a string, an item {"text": …}, {"image": …} or {"video": …}, or a list of these',
        ),
        (
            {"input": [[1, 2], [3]]},
            "input",
            "input: token arrays are not taken, since tokens differ between models; send the text (with LangChain's "
            "OpenAIEmbeddings, set check_embedding_ctx_length=False)",
        ),
        (
            {"input": [1, 2]},
            "input",
            "input: token arrays are not taken, since tokens differ between models; send the text (with LangChain's "
            "OpenAIEmbeddings, set check_embedding_ctx_length=False)",
        ),
        (
            {"input": [{"text": "a", "txt": "b"}]},
            "input[0].txt",
            "input[0].txt: no such field here; there are crop, id, image, sampling, text, video",
        ),
        (
            {"input": "a", "inputs": "b"},
            "inputs",
            "inputs: no such field here; there are decode, dimensions, encoding_format, input, mode, model, "
            "on_error, sampling, user",
        ),
    ],
)
def test_an_embeddings_body_is_told_what_is_wrong_with_it(body, param, message):
    exc = said(body)
    assert (exc.status, exc.code, exc.param, exc.message) == (422, "invalid_request", param, message)


@pytest.mark.parametrize(
    ("change", "param", "message"),
    [
        ({"labels": ["a", 3]}, "labels[1]", "labels[1]: got 3, should be a valid string"),
        ({"labels": 5}, "labels", "labels: got 5, should be a valid array"),
        (
            {"multi_label": "maybe"},
            "multi_label",
            "multi_label: got 'maybe', should be a valid boolean, unable to interpret input",
        ),
        (
            {"none_of_these": {"min": 1}},
            "none_of_these.min",
            "none_of_these.min: no such field here; there are min_cosine, text",
        ),
        ({"none_of_these": {}}, "none_of_these", 'none_of_these: has either "text" or "min_cosine"'),
        (
            {"none_of_these": {"min_cosine": 2}},
            "none_of_these.min_cosine",
            "none_of_these.min_cosine: got 2, should be less than or equal to 1",
        ),
        ({"none_of_these": 3}, "none_of_these", "none_of_these: got 3, should be an object"),
    ],
)
def test_a_zero_shot_body_is_told_what_is_wrong_with_it(change, param, message):
    exc = said({"input": "x", "labels": ["a", "b"], **change}, ZeroShotRequest)
    assert (exc.param, exc.message) == (param, message)


def test_more_than_one_fault_is_counted():
    assert said({"input": "a", "x": 1, "y": 2}).message.endswith("(and 1 more)")


def test_a_long_value_is_shown_in_part():
    message = said({"input": "a", "on_error": "z" * 500}).message
    assert "zzz…, should be" in message
    assert len(message) < 150


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 5)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["text", "image", "id", "min_cosine", "x"]), inner, max_size=3)
    ),
    max_leaves=8,
)
FIELDS = st.sampled_from([*ZeroShotRequest.model_fields, "dimensions", "encoding_format", "x", "0"])


@settings(max_examples=300, deadline=None)
@given(st.sampled_from([EmbeddingsRequest, ZeroShotRequest]), st.dictionaries(FIELDS, JSON, max_size=6) | JSON)
def test_whatever_is_sent_gets_words_and_no_python(schema, body):
    try:
        schema.model_validate_json(json.dumps(body))
    except ValidationError as exc:
        told = explain(exc, schema)
        assert told.status == 422
        assert "Input should" not in told.message
        assert not any(
            word in told.message for word in ("Value error", "pydantic", "Traceback", "instance of", "NoneType")
        )
        assert told.message.startswith(f"{told.param or 'the body'}: ")


# forms


def test_a_form_becomes_items_in_order_with_their_files_names():
    made = of_httpx(
        files=[("input", ("a.jpg", b"\xff\xd8")), ("input", ("b b.png", b"\x89PNG")), ("input", (None, "a text"))],
        data={"encoding_format": "base64", "on_error": "skip"},
    )
    options, items, _ = read(made)
    assert items == [Item(image=b"\xff\xd8", id="a.jpg"), Item(image=b"\x89PNG", id="b b.png"), Item(text="a text")]
    assert (options.encoding_format, options.on_error) == ("base64", "skip")


def test_a_forms_lists_and_objects():
    made = of_httpx(
        files=[("input", ("a", b"x"))],
        data={
            "labels": ["a cat", "a dog, asleep", "猫"],
            "templates": "a {}",
            "negatives": ["n"],
            "multi_label": "true",
            "none_of_these": '{"min_cosine": 0.25}',
        },
    )
    options, items, _ = zero_shot(made)
    assert options.labels == ["a cat", "a dog, asleep", "猫"]
    assert (options.templates, options.negatives, options.multi_label) == (["a {}"], ["n"], True)
    assert options.none_of_these.min_cosine == 0.25
    assert len(items) == 1


@pytest.mark.parametrize(
    ("fields", "param", "message"),
    [
        ([("model", (None, "a")), ("model", (None, "b"))], "model", "model: was sent twice; send it once"),
        ([("image", ("a.jpg", b"x"))], "image", "image: is a file; items, files among them, are sent as `input`"),
        (
            [("none_of_these", (None, "{no"))],
            "none_of_these",
            "none_of_these: got '{no', which is not JSON; send for example",
        ),
        ([("on_error", (None, "z"))], "on_error", "on_error: got 'z', should be 'fail' or 'skip'"),
        ([("text", (None, "z"))], "text", "text: no such field here; there are decode, "),
    ],
)
def test_a_form_is_told_what_is_wrong_with_it(fields, param, message):
    with pytest.raises(Unprocessable) as caught:
        zero_shot(of_httpx(files=[("labels", (None, "a")), ("input", (None, "x")), *fields]))
    assert caught.value.param == param
    assert caught.value.message.startswith(message)


def test_a_form_without_a_boundary_is_malformed():
    with pytest.raises(BadRequest, match="needs a boundary; let your client set it"):
        read(request(b"--x\r\n", {"content-type": "multipart/form-data"}))


def test_a_boundary_may_be_announced_in_any_case():
    """The names of a header's parameters have no case (RFC 9110, 5.6.6)."""
    made = httpx.Request("POST", "http://localhost/", files=[("input", (None, "a"))])
    kind = made.headers["content-type"].replace("boundary=", "Boundary=")
    assert read(request(made.read(), {"content-type": kind}))[1] == [Item(text="a")]


def test_a_form_that_cannot_be_read_is_malformed():
    with pytest.raises(BadRequest, match="the form cannot be read"):
        read(request(b"this is no form at all", {"content-type": "multipart/form-data; boundary=x"}))


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # starlette leaves an unfinished part's buffer to the collector
@pytest.mark.parametrize("chunk", [7, 100, 100_000])
def test_a_form_without_its_end_is_malformed_wherever_it_was_cut(chunk):
    """The parser would drop the unfinished part in silence: an item less than was sent."""
    made = httpx.Request("POST", "http://localhost/", files=[("input", (f"{i}", b"x" * 3000)) for i in range(3)])
    body = made.read()
    assert len(read(request(body, dict(made.headers), chunk=chunk))[1]) == 3
    for cut in (5, 6, 50, 2000, 4500, len(body) - 20):
        with pytest.raises(BadRequest):
            read(request(body[:-cut], dict(made.headers), chunk=chunk))
    gc.collect()  # here, while its warning is ignored


def test_too_many_files_are_refused_before_they_are_read():
    made = of_httpx(files=[("input", (str(i), b"x")) for i in range(10)])
    with pytest.raises(TooLarge, match="more than 4 items") as caught:
        read(made, **{**SMALL, "max_body_bytes": 5000})
    assert (caught.value.code, caught.value.param) == ("too_many_items", "input")


def test_a_files_name_is_cut_where_an_id_ends():
    (item,) = read(of_httpx(files=[("input", ("n" * 3000, b"x"))]))[1]
    assert item.id == "n" * 1024


# limits


@pytest.mark.parametrize("form", [False, True])
def test_a_body_that_grows_beyond_the_limit_is_cut_off(form):
    """Without a content-length too: what counts is what comes."""
    read_on: list[int] = []

    async def chunks() -> AsyncIterator[dict[str, Any]]:
        head = b'--b\r\ncontent-disposition: form-data; name="input"; filename="a"\r\n\r\n' if form else b'{"input": "'
        yield {"type": "http.request", "body": head, "more_body": True}
        for _ in range(1000):
            read_on.append(100)
            yield {"type": "http.request", "body": b"x" * 100, "more_body": True}

    coming = chunks()
    kind = b"multipart/form-data; boundary=b" if form else b"application/json"
    scope = {"type": "http", "method": "POST", "path": "/", "headers": [(b"content-type", kind)], "query_string": b""}
    with pytest.raises(TooLarge, match=r"more than 2,000 bytes") as caught:
        read(Request(scope, lambda: anext(coming)), **SMALL)
    assert (caught.value.status, caught.value.code) == (413, "body_too_large")
    assert sum(read_on) <= 2100


@pytest.mark.parametrize("kind", ["application/json", "multipart/form-data; boundary=b"])
def test_a_body_that_ends_early_is_malformed(kind):
    with pytest.raises(BadRequest, match="the body ended early"):
        read(request(b"--b\r\n", {"content-type": kind}, ends=False))


def sized(size: int | None) -> Request:
    return request(b"", {} if size is None else {"content-length": str(size)})


def test_a_body_announced_too_large_is_refused_unread():
    with (
        pytest.raises(TooLarge, match=r"2,001 bytes, the limit is 2,000") as caught,
        bodies_of(Settings(**SMALL)).hold(sized(2001)),
    ):
        raise AssertionError("it was let in")
    assert caught.value.code == "body_too_large"


def sent(size: int, owner: str | None = "a") -> Request:
    """A JSON body of `size` bytes that declares no length."""
    made = request(b" " * (size - 2) + b"{}", {})
    made.scope["state"]["owner"] = owner
    return made


def arrived(bodies: Bodies, size: int, owner: str | None = "a") -> ExitStack:
    """A body that was read and is not answered yet. Raises Overloaded."""
    with ExitStack() as stack:
        made = sent(size, owner)
        stack.enter_context(bodies.hold(made))
        asyncio.run(bodies._read_json(made, Nothing))
        return stack.pop_all()
    raise AssertionError


class Nothing(BaseModel):
    pass


def test_bodies_that_arrived_are_bounded_together_and_room_is_given_back():
    bodies = bodies_of(Settings(**SMALL))
    with arrived(bodies, 2000), arrived(bodies, 2000, "b"):
        with pytest.raises(Overloaded) as caught, arrived(bodies, 1001, "c"):
            pass
        assert caught.value.retry_after is not None
        with arrived(bodies, 1000, "c"):
            pass
    with arrived(bodies, 2000), arrived(bodies, 2000, "b"), arrived(bodies, 1000, "c"):
        pass


def test_a_body_that_does_not_arrive_takes_nothing_from_others():
    bodies = bodies_of(Settings(**SMALL))
    with ExitStack() as stack:
        for _ in range(9):
            stack.enter_context(bodies.hold(sized(2000)))  # announced
            stack.enter_context(bodies.hold(sized(None)))  # in chunks
        with arrived(bodies, 2000), arrived(bodies, 2000, "b"):
            pass


def test_a_caller_leaves_a_quarter_of_the_memory_to_others():
    bodies = bodies_of(Settings(**SMALL))
    with arrived(bodies, 2000), arrived(bodies, 1700):
        with pytest.raises(Overloaded), arrived(bodies, 100):
            pass
        with arrived(bodies, 1300, "b"):
            pass


def test_a_body_without_progress_is_dropped(monkeypatch):
    monkeypatch.setattr("service.api.http.bodies.STALLED", 0.2)

    async def receive(pause: float) -> dict[str, Any]:
        await asyncio.sleep(pause)
        return {"type": "http.request", "body": b" ", "more_body": True}

    scope = {"type": "http", "method": "POST", "path": "/", "headers": [], "query_string": b"", "state": {}}
    for pause, message in ((10, "no byte of the body"), (0.02, "bytes per second")):
        with pytest.raises(BodyTooSlow, match=message) as caught:
            read(Request(dict(scope), lambda pause=pause: receive(pause)))
        assert (caught.value.status, caught.value.code) == (408, "body_too_slow")


def test_a_single_body_is_let_in_even_where_the_bound_on_all_is_smaller():
    with arrived(bodies_of(Settings(max_body_bytes=2000, max_bodies_bytes=10)), 2000):
        pass


@given(st.lists(st.tuples(st.integers(0, 2000), st.sampled_from("abc")), max_size=30), st.data())
def test_what_is_held_is_bounded_whatever_comes_and_goes(sizes, data):
    budget = BodyBudget(Settings(**SMALL))
    inside: list[tuple[Callable[..., Any], int, str]] = []
    for size, caller in sizes:
        holding = budget.hold(size, caller=caller)
        together = sum(held for _, held, _ in inside)
        own = sum(held for _, held, of in inside if of == caller)
        try:
            holding.__enter__()
        except Overloaded:
            assert together + size > (3750 if own + size > 2500 else 5000)
        else:
            inside.append((holding.__exit__, size, caller))
            assert together + size <= 5000 or not together
        if inside and data.draw(st.booleans()):
            inside.pop(0)[0](None, None, None)
    for leave, _, _ in inside:
        leave(None, None, None)
    with budget.hold(2000):
        pass
