"""The labellers of a server: who answers the questions of a codebook. The server's owner names them in a file.

A labeller has a kind. `remote` is a chat endpoint of another server, which service/inference/endpoints.py calls;
`local` is a model that this server runs itself, as one of its analysers. A request names a labeller, never an address.
"""

import os
import re
import stat
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from models.annotation.answer_likelihoods import Score
from models.errors import listed, quoted
from service.errors import Forbidden, NotFound
from service.settings import Settings

NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
NEEDED = {  # fields without a default
    "address": "the address before /chat/completions, such as http://127.0.0.1:8000/v1",
    "model": "the name that the endpoint has for the model, or of an analyser of this server",
}
LOOPBACK = ("localhost", "127.0.0.1", "::1")
SWITCH = (
    "no labeller is set up on this server: codebook labels are made by a model of the owner's choice. The server's "
    "owner names labellers in a file and sets DAGUERRE_LABELLERS to its path; docs/labels.md has an example"
)


class _NotPrivate(Exception):
    """A file that others can change, or read."""


def _require_private(path: Path, forbidden: int) -> None:
    """Raise _NotPrivate where the permissions of a file have some of the `forbidden` ones, and OSError without it."""
    mode = stat.S_IMODE(path.stat().st_mode)
    if os.name != "posix" or not mode & forbidden:
        return
    others = "change" if mode & (stat.S_IWGRP | stat.S_IWOTH) else "read"
    right = "go-w" if forbidden == stat.S_IWGRP | stat.S_IWOTH else "g-w,o-rwx"
    raise _NotPrivate(
        f"{path} has the permissions {mode:03o}, with which others than its owner can {others} it; "
        f"run chmod {right} {path}"
    )


class RemoteLabeller(BaseModel):
    """An OpenAI-compatible chat endpoint.

    Attributes
    ----------
    address : address before `/chat/completions`, such as http://127.0.0.1:8000/v1.
    key_file : file with the key; read at each request, so that it may be replaced.
    structured : how the endpoint is made to answer in JSON.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    name: str
    kind: Literal["remote"]
    address: str
    model: str = Field(min_length=1, max_length=300)
    key_file: Path | None = None
    allow_http_key: bool = False
    ca_file: Path | None = None
    proxy: str | None = None
    structured: Literal["json_schema", "json_object", "none"] = "json_schema"
    logprobs: bool = False
    top_logprobs: int = Field(20, ge=1, le=100)
    send_seed: bool = True
    send_temperature: bool = True
    length_field: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    example_pictures: bool = True
    concurrency: int = Field(4, ge=1, le=256)
    requests_per_minute: float | None = Field(None, gt=0, le=1_000_000)
    max_side: int = Field(768, ge=64, le=4096)
    jpeg_quality: int = Field(90, ge=50, le=100)
    timeout: float = Field(120.0, gt=0, le=3600)
    tries: int = Field(5, ge=1, le=20)
    answer_tries: int = Field(3, ge=1, le=10)
    longest_wait: float = Field(60.0, gt=0, le=3600)
    max_answer_bytes: int = Field(2**20, ge=1000, le=2**26)
    input_price: float | None = Field(None, ge=0)
    output_price: float | None = Field(None, ge=0)
    currency: str = Field("USD", min_length=1, max_length=10)
    pixels_per_token: float = Field(784.0, gt=0)
    kept_there: str = Field("", max_length=1000)

    @field_validator("address", "proxy")
    @classmethod
    def _http(cls, value: str | None) -> str | None:
        if value is None:
            return None
        try:
            parts = urlsplit(value)
            usable = parts.scheme in ("http", "https") and parts.hostname and (parts.port or 1) > 0
        except ValueError:
            usable = False
        if not usable or re.search(r"\s", value):
            raise ValueError(
                f"got {value!r:.100}; an address begins with http:// or https://, such as http://127.0.0.1:8000/v1"
            )
        if parts.username is not None or parts.password is not None or parts.query or parts.fragment:
            raise ValueError("has a user name, a key, a query or a fragment; give the key as key_file")
        return value

    @field_validator("address")
    @classmethod
    def _with_path(cls, value: str) -> str:
        if not urlsplit(value).path:
            raise ValueError(
                f"got {value!r:.100}, which has no path; that of most engines is {value[:100]}/v1, and one with "
                f"/chat/completions at its root is written {value[:100]}/"
            )
        return value.rstrip("/")

    @field_validator("key_file", "ca_file")
    @classmethod
    def _absolute(cls, value: Path | None) -> Path | None:
        return None if value is None else value.expanduser().absolute()

    @model_validator(mode="after")
    def _fits(self) -> "RemoteLabeller":
        parts = urlsplit(self.address)
        open_key = self.key_file is not None and parts.scheme == "http" and parts.hostname not in LOOPBACK
        if open_key and not self.allow_http_key:
            raise ValueError(
                f"key_file: would be sent to {parts.hostname} over http://, unencrypted; use https://, or set "
                "allow_http_key: true in a network that you trust"
            )
        if (self.input_price is None) != (self.output_price is None):
            raise ValueError("input_price and output_price belong together; give both, per million tokens, or none")
        return self

    @property
    def host(self) -> str:
        """The host, and the port if the address has one."""
        return urlsplit(self.address).netloc

    @property
    def stage(self) -> str:
        """The stage of a job, for people."""
        return f"asking {self.host}"

    def key(self) -> str | None:
        """The key, from its file. Raises ValueError, which never quotes it."""
        if self.key_file is None:
            return None
        try:
            _require_private(self.key_file, stat.S_IWGRP | stat.S_IWOTH | stat.S_IROTH)
            lines = self.key_file.read_text(encoding="utf-8").split("\n")
        except (OSError, UnicodeDecodeError) as exc:
            reason = getattr(exc, "strerror", None) or "is not UTF-8"
            raise ValueError(
                f"key_file: {self.key_file} cannot be read ({reason}); give a file with the key on a line"
            ) from None
        except _NotPrivate as exc:
            raise ValueError(f"key_file: {exc}") from None
        keys = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
        if len(keys) != 1 or not re.fullmatch(r"[\x21-\x7e]{8,}", keys[0]):
            raise ValueError(
                f"key_file: {self.key_file} does not have one line with a key of at least 8 ASCII characters"
            )
        return keys[0]


class LocalLabeller(BaseModel):
    """A vision-language model that this server runs.

    Attributes
    ----------
    model : name of an analyser of this server that can chat.
    max_side : pixels of the longer side at which pictures are given to the model's own preprocessing.
    score : score of an answer by which categories are compared: mean log-probability of its tokens, or their sum.
    concurrency : items in progress at once, for all callers together; their rows share batches.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    name: str
    kind: Literal["local"]
    model: str = Field(min_length=1, max_length=300)
    example_pictures: bool = True
    score: Score = "mean"
    concurrency: int = Field(8, ge=1, le=256)
    max_side: int = Field(768, ge=64, le=4096)
    pixels_per_token: float = Field(784.0, gt=0)

    @property
    def stage(self) -> str:
        """The stage of a job, for people."""
        return f"labelling by {self.model}"


Labeller = RemoteLabeller | LocalLabeller
KINDS: Mapping[str, type[RemoteLabeller] | type[LocalLabeller]] = {"remote": RemoteLabeller, "local": LocalLabeller}


def read_labellers(settings: Settings) -> Mapping[str, Labeller]:
    """The labellers of DAGUERRE_LABELLERS by name, in the order of the file; none where it is unset.

    Raises
    ------
    ValueError : a file or a value in it that cannot be used; names the field, the value and the rule.
    """
    path = settings.labellers
    if path is None:
        return {}
    content = _parsed(path)
    rows = content.get("labellers") if isinstance(content, dict) else None
    if not isinstance(rows, dict) or not rows or set(content) != {"labellers"}:
        raise ValueError(f"labellers: {path} names no labeller; write each below `labellers:`, by its name")
    try:
        return {str(name): _labeller(str(name), fields, settings) for name, fields in rows.items()}
    except ValueError as exc:
        raise ValueError(f"{exc} (in {path})") from None


def find_labeller(labellers: Mapping[str, Labeller], name: str | None) -> Labeller:
    """The labeller of that name, the first for None.

    Raises Forbidden where the server has none, NotFound for an unknown name.
    """
    if not labellers:
        raise Forbidden(SWITCH, code="switched_off", param="labeller")
    if name is None:
        return next(iter(labellers.values()))
    if name not in labellers:
        raise NotFound(
            f"labeller: there is no {quoted(name)} here; there are: {listed(list(labellers), 20)}. Only the server's "
            "owner adds labellers",
            code="unknown_model",
            param="labeller",
        )
    return labellers[name]


def _parsed(path: Path) -> Any:
    try:
        _require_private(path, stat.S_IWGRP | stat.S_IWOTH)
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        reason = getattr(exc, "strerror", None) or "is not UTF-8"
        raise ValueError(f"labellers: {path} cannot be read ({reason}); give a .toml or .yaml file") from None
    except _NotPrivate as exc:
        raise ValueError(f"labellers: {exc}") from None
    if path.suffix.lower() == ".toml":
        try:
            return tomllib.loads(text)
        except (ValueError, RecursionError) as exc:  # its message may have a part of a line, and that a key
            place = re.search(r"at line (\d+), column (\d+)\)$", str(exc))
            raise _unread(path, "TOML", place and (int(place[1]), int(place[2]))) from None
    if path.suffix.lower() in (".yaml", ".yml"):
        import yaml

        try:
            return yaml.safe_load(text)
        except (yaml.YAMLError, ValueError, RecursionError) as exc:  # its message has lines, and these may have a key
            mark = getattr(exc, "problem_mark", None)
            raise _unread(path, "YAML", mark and (mark.line + 1, mark.column + 1)) from None
    raise ValueError(f"labellers: {path} ends in {path.suffix or 'nothing'}; give a .toml or .yaml file")


def _unread(path: Path, form: str, place: tuple[int, int] | None) -> ValueError:
    """The error of a file that is not of its form, by the line and the column alone."""
    where = "" if place is None else f" beyond line {place[0]}, column {place[1]}"
    return ValueError(f"labellers: {path} is no {form} that can be read{where}; docs/labels.md has an example")


def _labeller(name: str, fields: Any, settings: Settings) -> Labeller:
    at = f"labellers.{name:.80}"
    if not NAME.fullmatch(name):
        raise ValueError(f"{at}: a name has small letters, digits, dots, - and _, at most 63")
    if not isinstance(fields, dict):
        raise ValueError(f"{at}: has no fields; give at least kind and model, and the address of a remote one")
    kind = str(fields.get("kind"))
    if kind not in KINDS:
        raise ValueError(f"{at}.kind: got {kind!r:.60}, there is {listed(list(KINDS), 5)}")
    if "key" in fields or "api_key" in fields:
        raise ValueError(f"{at}: has a key; write it into a file of its own, and give its path as key_file")
    known = _fields(KINDS[kind])
    if kind == "local" and "address" in fields:
        raise ValueError(f"{at}.address: a labeller of kind local runs on this server and sends nothing; leave it out")
    if unknown := [str(field) for field in fields if field not in known]:
        raise ValueError(
            f"{at}.{unknown[0]:.60}: is no field of a labeller of kind {kind}; there are {listed(known, 40)}"
        )
    try:
        made = KINDS[kind].model_validate({"name": name, **fields})
        if isinstance(made, RemoteLabeller):
            made.key()
    except ValidationError as exc:
        raise ValueError(_explained(at, fields, exc)) from None
    except ValueError as exc:
        raise ValueError(f"{at}.{exc}") from None
    if isinstance(made, RemoteLabeller) and made.ca_file is not None and not made.ca_file.is_file():
        raise ValueError(f"{at}.ca_file: there is no file {made.ca_file}; give a file of certificates in PEM")
    if made.concurrency < settings.entry_workers:
        raise ValueError(
            f"{at}.concurrency: got {made.concurrency}, and each of {settings.entry_workers} entry processes has a "
            "share of it, of one at least; raise it, or lower DAGUERRE_ENTRY_WORKERS"
        )
    return made


def _explained(at: str, fields: Mapping[str, Any], error: ValidationError) -> str:
    """The message of the first error. It has values of choices and numbers alone, since others may be secret."""
    first = error.errors(include_url=False)[0]
    field = ".".join(map(str, first["loc"]))
    if first["type"] == "missing":
        return f"{at}.{field}: is missing; give {NEEDED[field]}"
    value = (
        fields.get(field) if field in ("structured", "score") or isinstance(fields.get(field), int | float) else None
    )
    shown = "" if value is None or first["type"] == "value_error" else f"got {value!r:.60}, "
    return f"{at}{f'.{field}' if field else ''}: {shown}{first['msg'].removeprefix('Value error, ')}"


def _fields(kind: type[BaseModel]) -> Sequence[str]:
    return [name for name in kind.model_fields if name != "name"]
