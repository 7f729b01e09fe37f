"""Bodies of HTTP to validated requests, within limits: JSON and multipart."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

import orjson
from pydantic import BaseModel, ValidationError
from python_multipart.multipart import parse_options_header
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request

from service.errors import BadRequest, TooLarge, Unprocessable, UnsupportedMedia
from service.pipelines.encode import Input
from service.room import Room
from service.schema import Item
from service.settings import Settings
from service.validation import in_words, validated

Options = TypeVar("Options", bound=BaseModel)
TAIL = 4096  # bytes of a form that its last boundary is looked for in
LISTS = frozenset({"labels", "templates", "negatives"})  # form fields that may come several times
FILES = frozenset({"image_vectors", "text_vectors"})  # .npy files
OBJECTS = frozenset({"none_of_these"})  # form fields that hold JSON


class Bodies:
    """Reads bodies."""

    def __init__(self, settings: Settings, room: Room) -> None:
        self._each = settings.max_body_bytes
        self._max_items = settings.max_items
        self._room = room

    def hold(self, request: Request) -> AbstractContextManager[None]:
        """Keep room for the body of `request` until its answer is made."""
        return self._room.hold(int(request.headers.get("content-length") or self._each))

    async def read(
        self, request: Request, whole: type[BaseModel], options: type[Options]
    ) -> tuple[Options, list[Input]]:
        """The options and the items of a request.

        Parameters
        ----------
        whole : the schema of a JSON body, `options` with `input`.
        options : the schema of the other fields; those of a form.
        """
        if _is_form(request):
            return await self._form(request, options)
        parsed: Any = _json(await self._body(request), whole)
        items: list[Item] = parsed.input
        return parsed, [Input(text=item.text, image=item.image, id=item.id) for item in items]

    async def message(self, request: Request, schema: type[Options]) -> tuple[Options, "Files"]:
        """A `schema`, and files: a JSON body, or a form whose part `request` is that JSON, beside files and texts."""
        if not _is_form(request):
            return _json(await self._body(request), schema), Files()
        async with self._parsed(request) as form:
            said, files = await _divided(form)
        return _json(said, schema), files

    async def _body(self, request: Request) -> bytes:
        return b"".join([chunk async for chunk in self._chunks(request)])

    async def _chunks(self, request: Request) -> AsyncIterator[bytes]:
        size = 0
        try:
            async for chunk in request.stream():
                size += len(chunk)
                if size > self._each:
                    raise TooLarge(
                        f"the body has more than {self._each:,} bytes, which is the limit; send fewer items at once",
                        code="body_too_large",
                    )
                yield chunk
        except ClientDisconnect as exc:
            raise BadRequest("the body ended early") from exc

    async def _form(self, request: Request, options: type[Options]) -> tuple[Options, list[Input]]:
        async with self._parsed(request) as form:
            inputs, fields = await _sort(form)
        return validated(options, fields), inputs

    @asynccontextmanager
    async def _parsed(self, request: Request) -> AsyncIterator[FormData]:
        boundary = parse_options_header(request.headers["content-type"])[1].get(b"boundary")
        if not boundary:
            raise BadRequest("content-type: multipart/form-data needs a boundary; let your client set it")
        end = b""

        async def remembered() -> AsyncIterator[bytes]:
            nonlocal end
            async for chunk in self._chunks(request):
                end = (end + chunk if len(chunk) < TAIL else chunk)[-TAIL:]
                yield chunk

        parser = _StrictParser(
            request.headers,
            remembered(),  # type: ignore[arg-type]
            max_files=self._max_items + 1,
            max_fields=self._max_items + 10_000,
            max_part_size=self._each,
        )
        parser.spool_max_size = self._each  # in memory: what is sent is people's faces, and disks remember
        try:
            form = await parser.parse()
        except MultiPartException as exc:
            if exc.message.startswith("Too many"):
                raise TooLarge(
                    f"input: has more than {self._max_items} items, which is the limit; send several requests",
                    code="too_many_items",
                    param="input",
                ) from exc
            raise BadRequest(f"the form cannot be read: {exc.message}") from exc
        try:
            if b"--" + boundary + b"--" not in end:  # the parser drops an unfinished part in silence
                raise BadRequest("the form ends before its last boundary; send it whole")
            yield form
        finally:
            await form.close()


@dataclass(frozen=True)
class Files:
    """The files and texts of a form: items in their order, and what has a name of its own."""

    inputs: tuple[Input, ...] = ()
    named: Mapping[str, bytes] = field(default_factory=dict)


def _is_form(request: Request) -> bool:
    """Whether the body is a form. Raises UnsupportedMedia where it is neither that nor JSON."""
    if request.headers.get("content-encoding", "identity") != "identity":
        raise UnsupportedMedia("content-encoding: compressed bodies are not read here; send it uncompressed")
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in ("application/json", "multipart/form-data", ""):
        raise UnsupportedMedia(f"content-type: {kind!r} is not read here; send application/json or multipart/form-data")
    return kind == "multipart/form-data"


def _json(body: bytes, schema: type[Options]) -> Options:
    try:
        return schema.model_validate_json(body)
    except ValidationError as exc:
        raise in_words(exc, schema) from exc


async def _divided(form: FormData) -> tuple[bytes, Files]:
    """The part `request`, and the others."""
    said: bytes | None = None
    inputs: list[Input] = []
    named: dict[str, bytes] = {}
    for name, value in form.multi_items():
        content = await value.read() if isinstance(value, UploadFile) else value.encode()
        if name == "input":
            id = (value.filename or "")[:1024] or None if isinstance(value, UploadFile) else None
            inputs.append(
                Input(image=content, id=id) if isinstance(value, UploadFile) else Input(text=content.decode())
            )
        elif name == "request" and said is None:
            said = content
        elif name in FILES and name not in named:
            named[name] = content
        else:
            known = ", ".join(("request", "input", *sorted(FILES)))
            raise Unprocessable(f"{name}: no such part here, or it was sent twice; there are {known}", param=name)
    return b"{}" if said is None else said, Files(tuple(inputs), named)


class _StrictParser(MultiPartParser):
    """Starlette's, which reads a text that is not in its charset as Latin-1, without a word."""

    def on_part_end(self) -> None:
        part = self._current_part
        if part.file is None:
            try:
                bytes(part.data).decode(self._charset)
            except (UnicodeDecodeError, LookupError) as exc:
                raise MultiPartException(f"a text of it is not {self._charset}; send UTF-8") from exc
        super().on_part_end()


async def _sort(form: FormData) -> tuple[list[Input], dict[str, Any]]:
    inputs: list[Input] = []
    fields: dict[str, Any] = {}
    for name, value in form.multi_items():
        if name == "input":
            if isinstance(value, UploadFile):
                inputs.append(Input(image=await value.read(), id=(value.filename or "")[:1024] or None))
            else:
                inputs.append(Input(text=value))
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
                raise Unprocessable(f'{name}: is not JSON; send for example {{"min_cosine": 0.1}}', param=name) from exc
        else:
            fields[name] = value
    return inputs, fields
