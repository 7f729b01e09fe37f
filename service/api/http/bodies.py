"""Reading of HTTP bodies, JSON and multipart, into validated requests, within limits."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any, TypeVar

import orjson
from pydantic import BaseModel
from python_multipart.multipart import parse_options_header
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException
from starlette.requests import ClientDisconnect, Request

from models.errors import LONGEST_QUOTE, quoted
from models.stopping import Check
from service.api.http.inputs import FormParts, items_of
from service.api.http.multipart import Parser, is_video, path_of, require_text_codec
from service.api.http.responses import while_connected
from service.api.json_body import Counter, is_small, parse
from service.body_budget import BodyBudget, Reservation
from service.context import Context
from service.errors import BadRequest, BodyTooSlow, TooLarge, Unprocessable, UnsupportedMedia
from service.inference.analyses import Analyses
from service.pipelines.frames import VideoInput
from service.pipelines.items import Item
from service.schemas.validation import (
    require_whole_characters,
    validated,
    validated_in_pieces,
    validated_json,
)
from service.schemas.video import Sampling
from service.settings import Settings
from service.stores.claims import release
from service.stores.files import FileStore

Options = TypeVar("Options", bound=BaseModel)
STALLED = 30.0  # seconds without a byte of a body
SLOWEST = 1000  # bytes per second of a body, on average
TAIL = 4096  # bytes at the end of a form that are searched for its last boundary
LISTS = frozenset({"labels", "templates", "negatives", "ids"})  # form fields that may be repeated
FILES = re.compile("image_vectors|text_vectors|face_vectors")  # names of parts that are .npy files
NUMBERED = re.compile(r"vectors\[(0|[1-9]\d{0,2})\]")  # the same where there are several of a modality
PARTS = {FILES: ("image_vectors", "text_vectors", "face_vectors"), NUMBERED: ("vectors[0]", "vectors[1]", "…")}
OBJECTS = {  # form fields that hold JSON, each with an example
    "analysers": '{"text": {}, "objects": {}}',
    "none_of_these": "",
    "sampling": '{"policy": "every", "seconds": 2}',
    "where": '{"year": {"gte": 2020}}',
    "vectors": '[{"modality": "image", "model": …, "fingerprint": …, "dimension": …}]',
}


class Bodies:
    """Reader of request bodies."""

    def __init__(self, settings: Settings, budget: BodyBudget, store: FileStore, parsing: Analyses) -> None:
        self._settings = settings
        self._store = store
        self._each = settings.max_body_bytes
        self._max_items = settings.max_items
        self._budget = budget
        self._parsing = parsing

    @classmethod
    def of(cls, context: Context) -> "Bodies":
        return cls(context.settings, context.budget, context.files, context.parsing)

    @contextmanager
    def hold(self, request: Request, *, file: bool = False) -> Iterator[None]:
        """Reserve memory for the body of `request` as it arrives, and keep its files on disk, until it is answered.

        `file`: the body is one file, and neither JSON nor a form.
        """
        request.state.uploads = []
        _refuse_compressed(request)
        try:
            if file or not _is_form(request):
                self._budget.check(int(request.headers.get("content-length") or 0))
            with self._budget.arriving(_caller(request)) as request.state.reservation:
                yield
        finally:
            for path in request.state.uploads:
                path.unlink(missing_ok=True)
                release(path)

    async def read(
        self, request: Request, whole: type[BaseModel], options: type[Options]
    ) -> tuple[Options, Sequence[Item], FormParts]:
        """Read the options, the items and the vectors of a request.

        Parameters
        ----------
        whole : schema of a JSON body, `options` with `input`.
        options : schema of the other fields, which are the fields of a form. With `vectors` among them, the form may
            have all fields as JSON in its part `request`, as in `message`.
        """
        parsed: Any
        files, content = FormParts(), None
        if not _is_form(request):
            parsed = await self._read_json(request, whole)
        else:
            vectors = "vectors" in options.model_fields
            async with self._parsed(request) as form:
                if vectors and "request" in form:
                    content, files = await _divided(form, FILES)
                else:
                    fields, files = await _sort(form, vectors=vectors)
            parsed = validated(options, fields) if content is None else await self._counted(request, content, options)
        posts = getattr(parsed, "input", None)
        return parsed, await items_of(posts, files, parsed, self._store, request.state.owner) or [], files

    async def message(
        self, request: Request, schema: type[Options], *, numbered: bool = False
    ) -> tuple[Options, FormParts]:
        """Read a `schema` and files: a JSON body, or a form with that JSON as its part `request`, files and texts.

        `numbered`: vectors are in the parts `vectors[0]`, `vectors[1]`, …, and not in a part for each modality.
        """
        if not _is_form(request):
            return await self._read_json(request, schema), FormParts()
        async with self._parsed(request) as form:
            content, files = await _divided(form, NUMBERED if numbered else FILES)
        return await self._counted(request, content, schema), files

    async def file(self, request: Request) -> bytes:
        """Read a body that is one file."""
        return b"".join([chunk async for chunk in self._chunks(request)])

    async def _counted(self, request: Request, content: bytes, schema: type[Options]) -> Options:
        """Read the part of a form that is JSON."""
        counter = Counter()
        counter.add(content)
        return await self._json(request, content, counter.values, schema)

    async def only_json(self, request: Request, schema: type[Options], *, optional: bool = False) -> Options:
        """Read a JSON body; an `optional` one that is empty has no fields. Raises UnsupportedMedia for a form."""
        if _is_form(request):
            raise UnsupportedMedia("content-type: a form is not read here; send application/json")
        return await self._read_json(request, schema, optional=optional)

    async def _read_json(self, request: Request, schema: type[Options], *, optional: bool = False) -> Options:
        """Read a JSON body, whose values are counted while it arrives."""
        counter = Counter()
        body = bytearray()
        async for chunk in self._chunks(request):
            counter.add(chunk)
            body += chunk
        return await self._json(request, body if body or not optional else b"{}", counter.values, schema)

    async def _json(self, request: Request, body: bytes | bytearray, values: int, schema: type[Options]) -> Options:
        """A validated request; a large one is parsed in a thread, in pieces."""
        if is_small(body, values):
            return validated_json(schema, bytes(body))

        def work(check: Check) -> Options:
            fields, cut = parse(body)
            check()
            if cut:
                require_whole_characters(fields)
            return validated_in_pieces(schema, fields, max_items=self._max_items)

        return await while_connected(request, self._settings.request_timeout, self._parsing.compute(work))

    async def _chunks(self, request: Request, elsewhere: Callable[[], int] = lambda: 0) -> AsyncIterator[bytes]:
        """The chunks of the body; `elsewhere` returns how many of its bytes are not in memory."""
        size = 0
        async for chunk in arriving(request):
            size += len(chunk)
            held = size - elsewhere()
            if held > self._each:
                raise TooLarge(
                    f"the body has more than {self._each:,} bytes, which is the limit; send fewer items at once",
                    code="body_too_large",
                )
            reservation: Reservation | None = getattr(request.state, "reservation", None)
            if reservation is not None:
                reservation.add(max(held - reservation.size, 0))
            yield chunk

    @asynccontextmanager
    async def _parsed(self, request: Request) -> AsyncIterator[FormData]:
        parameters = parse_options_header(request.headers["content-type"])[1]
        boundary = parameters.get(b"boundary")
        if not boundary:
            raise BadRequest("content-type: multipart/form-data needs a boundary; let your client set it")
        end = b""

        async def remembered() -> AsyncIterator[bytes]:
            nonlocal end
            async for chunk in self._chunks(request, lambda: parser.on_disk):
                end = (end + chunk if len(chunk) < TAIL else chunk)[-TAIL:]
                yield chunk

        parser = Parser(request, remembered(), self._settings)
        request.state.uploads = parser.paths
        try:
            require_text_codec(parameters.get(b"charset", b"utf-8").decode("latin-1"))
            form = await parser.parse()
        except TooLarge:
            parser.close()
            raise
        except MultiPartException as exc:
            if exc.message.startswith("Too many"):
                raise TooLarge(
                    f"input: has more than {self._max_items} items, which is the limit; send several requests",
                    code="too_many_items",
                    param="input",
                ) from exc
            raise BadRequest(f"the form cannot be read: {exc.message}") from exc
        try:
            if b"--" + boundary + b"--" not in end:  # the parser silently drops an unfinished part
                raise BadRequest("the form ends before its last boundary; send it whole")
            yield form
        finally:
            await form.close()


async def arriving(request: Request) -> AsyncIterator[bytes]:
    """The chunks of a body. Raises BodyTooSlow if it makes no progress, BadRequest if the caller leaves."""
    loop = asyncio.get_running_loop()
    chunks = request.stream()
    size, waited = 0, 0.0  # seconds spent waiting for the caller, not on its chunks
    while True:
        began = loop.time()
        try:
            chunk = await asyncio.wait_for(anext(chunks, None), STALLED)
        except TimeoutError as exc:
            raise BodyTooSlow(f"no byte of the body arrived for {STALLED:g} seconds; send it again") from exc
        except ClientDisconnect as exc:
            raise BadRequest("the body ended early") from exc
        if chunk is None:
            return
        size, waited = size + len(chunk), waited + loop.time() - began
        if waited > STALLED and size < SLOWEST * waited:
            raise BodyTooSlow(
                f"the body arrives at {size / waited:,.0f} bytes per second, and at least {SLOWEST:,} are needed; send "
                "it over a faster connection"
            )
        yield chunk


def _caller(request: Request) -> str | None:
    """The caller among whom memory is shared: its key, or else its address."""
    owner: str | None = request.state.owner
    return owner or (request.client.host if request.client else None)


def _refuse_compressed(request: Request) -> None:
    if request.headers.get("content-encoding", "").strip().lower() not in ("", "identity"):
        raise UnsupportedMedia("content-encoding: compressed bodies are not read here; send it uncompressed")


def _is_form(request: Request) -> bool:
    """Whether the body is a form. Raises UnsupportedMedia if it is neither a form nor JSON."""
    _refuse_compressed(request)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in ("application/json", "multipart/form-data", ""):
        raise UnsupportedMedia(
            f"content-type: {quoted(kind)} is not read here; send application/json or multipart/form-data"
        )
    return kind == "multipart/form-data"


async def _divided(form: FormData, arrays: re.Pattern[str]) -> tuple[bytes, FormParts]:
    """Separate the part `request` from the others, which are items, and `arrays` by their names."""
    body: bytes | None = None
    inputs: list[Item] = []
    named: dict[str, bytes] = {}
    for name, value in form.multi_items():
        if name == "input":
            inputs.append(await _item(value))
            continue
        content = await value.read() if isinstance(value, UploadFile) else value.encode()
        if name == "request" and body is None:
            body = content
        elif arrays.fullmatch(name) and name not in named:
            named[name] = content
        else:
            raise Unprocessable(_misplaced(name, value, arrays), param=name)
    return b"{}" if body is None else body, FormParts(tuple(inputs), named)


def _misplaced(name: str, value: UploadFile | str, arrays: re.Pattern[str]) -> str:
    """The message about a part of a form whose fields are JSON in its part `request`."""
    if name == "request" or arrays.fullmatch(name):
        return f"{name}: was sent twice; send it once"
    known = ", ".join(("request", "input", *PARTS[arrays]))
    if isinstance(value, UploadFile):
        return f"{name}: no such part here; there are {known}. Items, files among them, are sent as `input`"
    field = json.dumps(name[:LONGEST_QUOTE], ensure_ascii=False)
    return f"{name}: no such part here; there are {known}. Write fields as JSON into the part `request`: {{{field}: …}}"


async def _item(value: UploadFile | str) -> Item:
    """Convert a form part to an item: a text, or a file whose name becomes the id."""
    if isinstance(value, str):
        return Item(text=value)
    id = (value.filename or "")[:1024] or None
    if is_video(value):
        return Item(video=VideoInput(path_of(value), Sampling()), id=id)
    return Item(image=await value.read(), id=id)


def _json_hint(name: str, value: str) -> str:
    """An example of a field that holds JSON, with the text that was sent in its place."""
    return OBJECTS[name] or json.dumps({"text": value[:LONGEST_QUOTE]}, ensure_ascii=False)


async def _sort(form: FormData, *, vectors: bool) -> tuple[dict[str, Any], FormParts]:
    """The fields of a form and its items; with `vectors`, the arrays of its .npy files too."""
    inputs: list[Item] = []
    named: dict[str, bytes] = {}
    fields: dict[str, Any] = {}
    for name, value in form.multi_items():
        if name == "input":
            inputs.append(await _item(value))
        elif vectors and FILES.fullmatch(name) and name not in named:
            named[name] = await value.read() if isinstance(value, UploadFile) else value.encode()
        elif isinstance(value, UploadFile):
            raise Unprocessable(f"{name}: is a file; items, files among them, are sent as `input`", param=name)
        elif name in LISTS:
            fields.setdefault(name, []).append(value)
        elif name in fields:
            raise Unprocessable(f"{name}: was sent twice; send it once", param=name)
        elif name in OBJECTS:
            try:
                fields[name] = orjson.loads(value)
            except orjson.JSONDecodeError as exc:
                raise Unprocessable(
                    f"{name}: got {quoted(value)}, which is not JSON; send for example {_json_hint(name, value)}",
                    param=name,
                ) from exc
        else:
            fields[name] = value
    return fields, FormParts(tuple(inputs), named)
