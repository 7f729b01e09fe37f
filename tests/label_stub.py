"""A chat endpoint of OpenAI's form, over real HTTP on this machine: it answers by a rule, or misbehaves as it is told.

`python -m tests.label_stub FOLDER` starts it and writes FOLDER/labellers.toml; it ends with its standard input.
"""

import hashlib
import json
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

KEY = "sk-not-to-be-seen-0123456789"
Answer = Callable[["Asked"], Any]  # a text, or an Action


@dataclass(frozen=True)
class Asked:
    """One request: its number from 0, its headers and its body."""

    number: int
    path: str
    headers: Mapping[str, str]
    body: Mapping[str, Any]

    @property
    def parts(self) -> Sequence[Mapping[str, Any]]:
        """The parts of the user's message."""
        content = self.body["messages"][-1]["content"]
        return [{"type": "text", "text": content}] if isinstance(content, str) else content

    @property
    def system(self) -> str:
        return str(self.body["messages"][0]["content"])

    @property
    def pictures(self) -> list[str]:
        return [part["image_url"]["url"] for part in self.parts if part["type"] == "image_url"]

    @property
    def item(self) -> str:
        """A hash of the last picture, or the text of the item."""
        if self.pictures:
            return hashlib.sha256(self.pictures[-1].encode()).hexdigest()
        return str(self.parts[-1]["text"].rpartition("The item to be coded:")[2]).strip()

    @property
    def schema(self) -> Mapping[str, Any]:
        return self.body["response_format"]["json_schema"]["schema"]


@dataclass(frozen=True)
class Action:
    """An answer that is none: a status with headers, or bytes as they are; `run` takes the handler itself."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes = b""
    run: Callable[["_Handler"], None] | None = None


def completion(text: str | None, **more: Any) -> dict[str, Any]:
    """The body of a chat completion."""
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    choice |= {name: more.pop(name) for name in ("finish_reason", "logprobs") if name in more}
    if "refusal" in more:
        choice["message"]["refusal"] = more.pop("refusal")  # type: ignore[index]
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 0,
        "model": "stub-2026-11",
        "system_fingerprint": "fp_stub",
        "choices": [choice],
        "usage": {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110},
        **more,
    }


def by_hash(asked: Asked) -> str:
    """Values that fit the schema, chosen by a hash of the item: no answer depends on the order of categories."""

    def value(name: str, rule: Mapping[str, Any]) -> Any:
        number = int(hashlib.sha256(f"{asked.item} {name}".encode()).hexdigest(), 16)
        if "anyOf" in rule:
            rule = rule["anyOf"][0]
        if "enum" in rule:
            own = sorted(each for each in rule["enum"] if each != "cannot tell")
            return own[number % len(own)]
        if rule["type"] == "array":
            own = sorted(rule["items"]["enum"])
            return [own[number % len(own)]]
        if "number" in rule["type"]:
            return rule["minimum"] + (rule["maximum"] - rule["minimum"]) * (number % 101) / 100
        return f"text {number % 1000}"

    return json.dumps({name: value(name, rule) for name, rule in asked.schema["properties"].items()})


class Stub:
    """A running endpoint.

    Attributes
    ----------
    answer : function that answers; it may be replaced at any time.
    asked : all requests, in order.
    answered : items to which a whole answer was sent, in order.
    """

    def __init__(self, answer: Answer = by_hash) -> None:
        self.answer = answer
        self.asked: list[Asked] = []
        self.answered: list[str] = []
        self.most_at_once = 0
        self._at_once = 0
        self.lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"stub": self}))
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/v1"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    @contextmanager
    def counted(self) -> Iterator[None]:
        with self.lock:
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            yield
        finally:
            with self.lock:
                self._at_once -= 1

    def labeller(self, **fields: Any) -> dict[str, Any]:
        """The fields of a labeller of this endpoint."""
        return {"kind": "remote", "address": self.address, "model": "stub-vlm", **fields}


class _Handler(BaseHTTPRequestHandler):
    stub: Stub
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers["content-length"]))
        stub = self.stub
        with stub.counted():
            with stub.lock:
                asked = Asked(len(stub.asked), self.path, dict(self.headers.items()), json.loads(content))
                stub.asked.append(asked)
            answer = stub.answer(asked)
            if isinstance(answer, Action):
                self._act(answer)
                return
            body = completion(answer) if isinstance(answer, str) else answer
            self._send(200, {"content-type": "application/json"}, json.dumps(body).encode())
            with stub.lock:
                stub.answered.append(asked.item)

    do_GET = do_POST

    def _act(self, action: Action) -> None:
        if action.run is not None:
            with suppress(OSError):
                action.run(self)
            self.close_connection = True
            return
        self._send(action.status, {"content-type": "application/json", **action.headers}, action.content)

    def _send(self, status: int, headers: Mapping[str, str], content: bytes) -> None:
        self.send_response(status)
        for name, value in {**headers, "content-length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *arguments: Any) -> None:
        pass


def reset(handler: _Handler) -> None:
    """End the connection without an answer, by a reset."""
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    handler.connection.close()


def endless(handler: _Handler) -> None:
    """A body that does not end."""
    handler.send_response(200)
    handler.send_header("content-type", "application/json")
    handler.end_headers()
    while True:
        handler.wfile.write(b" " * 65536)


def slow(handler: _Handler) -> None:
    """A body of which a byte comes now and then."""
    handler.send_response(200)
    handler.send_header("content-type", "application/json")
    handler.end_headers()
    while True:
        handler.wfile.write(b" ")
        handler.wfile.flush()
        time.sleep(0.05)


def toml(labellers: Mapping[str, Mapping[str, Any]]) -> str:
    """A file of labellers."""
    lines = []
    for name, fields in labellers.items():
        lines.append(f"[labellers.{name}]")
        lines += [f"{key} = {json.dumps(value)}" for key, value in fields.items()]
    return "\n".join(lines) + "\n"


def write_private(path: Path, text: str) -> Path:
    """Write a file that only its owner can read and write."""
    path.touch(0o600)
    path.chmod(0o600)
    path.write_text(text)
    return path


def write_labellers(folder: Path, labellers: Mapping[str, Mapping[str, Any]]) -> Path:
    """Write FOLDER/labellers.toml, which is returned."""
    return write_private(folder / "labellers.toml", toml(labellers))


def main(folder: Path) -> None:
    stub = Stub()
    write_labellers(folder, {"qwen": stub.labeller(), "gemma": stub.labeller(model="gemma")})
    print(stub.address, flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
