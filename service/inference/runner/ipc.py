"""Rows from an entry process to a runner, and raw vectors back, through memory that both map.

A channel is a Unix socket and an arena, memory without a name whose descriptor travels once, over that socket. The
entry puts a bundle of rows into the arena and sends a few bytes that describe it; the runner computes on the arena
itself, puts the raw vectors beside the rows and sends a few bytes back. Whoever is killed takes along what was its
own: no segment, and no file but the socket's, has a name that could be left behind.
"""

import logging
import mmap
import os
import socket
import struct
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.catalog.spec import Modality
from models.errors import ModelUnavailable

Row = NDArray[Any]
Float = NDArray[np.float32]
logger = logging.getLogger("daguerre.channel")

VECTOR = 64 * 1024  # bytes kept for a raw vector, which may be as long as 16,384 numbers
LONGEST_PATH = 103  # of a Unix socket, on the strictest of systems
_VERSION = 1
_HELLO = struct.Struct("<4sIQQ")  # magic, version, bytes for vectors, bytes for rows
_MAGIC = b"dgrr"
_WELCOME = b"\x01"
_ASK = struct.Struct("<HBBBB4I")  # model, modality, dtype, alone, axes, shape
_ANSWER = struct.Struct("<BII")  # how it went; rows, columns, or bytes of a message, 0
_DONE, _FAILED, _UNAVAILABLE = 0, 1, 2
_MODALITIES: tuple[Modality, ...] = ("image", "text")
_DTYPES = (np.dtype(np.uint8), np.dtype(np.int64), np.dtype(np.float32))


class RunFailed(Exception):
    """The runner could not run a bundle: a row of it is at fault, not the runner."""


class Ask(NamedTuple):
    """A bundle, as the runner gets it. `stack` lies in the arena and is gone with the answer."""

    model: int  # its place in the settings' list
    modality: Modality
    alone: bool  # nothing else waits where it comes from
    stack: Row  # (n, …)


class Arena:
    """Memory for one bundle and its answer, that two processes map.

    Parameters
    ----------
    descriptor : of the memory; it is not kept.
    vectors, rows : bytes for raw vectors, which come first, and for rows.
    """

    def __init__(self, descriptor: int, vectors: int, rows: int) -> None:
        self._map = mmap.mmap(descriptor, vectors + rows)
        whole = np.frombuffer(self._map, np.uint8)
        self._vectors, self._rows = whole[:vectors], whole[vectors:]

    def rows(self, shape: tuple[int, ...], dtype: "np.dtype[Any]") -> Row:
        """Room for rows; ValueError where there is not enough."""
        return _room(self._rows, shape, dtype)

    def vectors(self, shape: tuple[int, ...]) -> Float:
        return _room(self._vectors, shape, np.dtype(np.float32))

    def words(self, size: int) -> Row:
        """Room for a message, `size` bytes of it at most."""
        return self._vectors[:size]


def _room(part: Row, shape: tuple[int, ...], dtype: "np.dtype[Any]") -> Row:
    size = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
    if size > part.size:
        raise ValueError(f"{size:,} bytes of shape {shape} do not fit into the {part.size:,} of the arena")
    return part[:size].view(dtype).reshape(shape)


def _nameless(size: int) -> int:
    """A descriptor of `size` bytes of memory that no name leads to."""
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("daguerre-rows", os.MFD_CLOEXEC)
    else:
        with tempfile.TemporaryFile() as file:
            descriptor = os.dup(file.fileno())
    os.ftruncate(descriptor, size)
    return descriptor


class Channel:
    """The entry's end, for one thread at a time.

    Parameters
    ----------
    path : of the runner's socket. OSError where nobody listens.
    most : rows in a bundle.
    row_bytes : of the largest row.
    """

    def __init__(self, path: Path, *, most: int, row_bytes: int) -> None:
        vectors, rows = most * VECTOR, most * row_bytes
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._socket.connect(str(path))
            descriptor = _nameless(vectors + rows)
            try:
                hello = _HELLO.pack(_MAGIC, _VERSION, vectors, rows)
                socket.send_fds(self._socket, [hello], [descriptor])
                self._arena: Arena | None = Arena(descriptor, vectors, rows)
            finally:
                os.close(descriptor)
            _receive(self._socket, len(_WELCOME))
        except BaseException:
            self._socket.close()
            raise

    def rows(self, shape: tuple[int, ...], dtype: "np.dtype[Any]") -> Row:
        """Where to put the rows of the next bundle, (n, …)."""
        assert self._arena, "closed"
        return self._arena.rows(shape, dtype)

    def run(self, model: int, modality: Modality, stack: Row, alone: bool) -> Float:
        """Raw vectors (n, d) of the bundle that lies in `rows(stack.shape, stack.dtype)`.

        Raises
        ------
        RunFailed : a row of it cannot be run.
        ModelUnavailable : the device has no room for it.
        OSError : the runner is gone; so is this channel.
        """
        assert self._arena, "closed"
        shape = (*stack.shape, 0, 0)[:4]
        kind = _DTYPES.index(stack.dtype)
        self._socket.sendall(_ASK.pack(model, _MODALITIES.index(modality), kind, alone, stack.ndim, *shape))
        state, n, columns = _ANSWER.unpack(_receive(self._socket, _ANSWER.size))
        if state != _DONE:
            words = self._arena.words(n).tobytes().decode(errors="replace")
            raise ModelUnavailable(words) if state == _UNAVAILABLE else RunFailed(words)
        return self._arena.vectors((n, columns)).copy()

    def close(self) -> None:
        self._socket.close()
        self._arena = None  # unmapped once nobody looks at its rows


class Listener:
    """The runner's end: a thread for each channel.

    Parameters
    ----------
    path : of the socket to make; one that a killed runner left is replaced.
    run : Ask → raw vectors (n, d). Called from the channels' threads; what it raises is told to the entry.
    """

    def __init__(self, path: Path, run: Callable[[Ask], Float]) -> None:
        if len(os.fsencode(path)) > LONGEST_PATH:
            raise ValueError(
                f"{path}: {len(os.fsencode(path))} bytes, a socket's path has at most {LONGEST_PATH}; "
                "set TMPDIR, or DAGUERRE_HOME, to a shorter one"
            )
        self._path = path
        self._run = run
        self._closed = False
        self._open: set[socket.socket] = set()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        path.unlink(missing_ok=True)
        self._socket.bind(str(path))
        path.chmod(0o600)
        self._socket.listen(128)
        threading.Thread(target=self._accept, name="channels", daemon=True).start()

    @property
    def channels(self) -> int:
        """Those that are open."""
        return len(self._open)

    def close(self) -> None:
        """Hear nobody any more."""
        self._closed = True
        self._path.unlink(missing_ok=True)
        for each in (self._socket, *list(self._open)):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)  # wakes the thread that reads from it
        self._socket.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError as exc:
                if self._closed:
                    return
                logger.warning("a channel could not be opened: %s", exc)  # too many files
                time.sleep(0.1)
                continue
            self._open.add(connection)
            threading.Thread(target=self._serve, args=(connection,), name="channel", daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            with connection, suppress(OSError):  # the entry has gone, and nobody waits
                arena = _greet(connection)
                while True:
                    self._answer(connection, arena)
        finally:
            self._open.discard(connection)

    def _answer(self, connection: socket.socket, arena: Arena) -> None:
        model, modality, kind, alone, axes, *shape = _ASK.unpack(_receive(connection, _ASK.size))
        try:
            stack = arena.rows(tuple(shape[:axes]), _DTYPES[kind])
            raw = self._run(Ask(model, _MODALITIES[modality], bool(alone), stack))
            n, d = raw.shape
            arena.vectors((n, d))[:] = raw
            answer = _ANSWER.pack(_DONE, n, d)
        except ModelUnavailable as exc:
            answer = _told(arena, _UNAVAILABLE, exc.message)
        except Exception as exc:
            answer = _told(arena, _FAILED, f"{type(exc).__name__}: {exc}")
        connection.sendall(answer)


def _told(arena: Arena, state: int, message: str) -> bytes:
    words = np.frombuffer(message.encode()[:2000], np.uint8)
    arena.words(words.size)[:] = words
    return _ANSWER.pack(state, words.size, 0)


def _greet(connection: socket.socket) -> Arena:
    hello, descriptors, _, _ = socket.recv_fds(connection, _HELLO.size, 1)
    try:
        magic, version, vectors, rows = _HELLO.unpack(hello)
        if (magic, version, len(descriptors)) != (_MAGIC, _VERSION, 1):
            raise ConnectionError(f"hello {magic!r}, version {version}: not an entry process of this version")
        arena = Arena(descriptors[0], vectors, rows)
    except (struct.error, ValueError) as exc:
        raise ConnectionError(f"hello of {len(hello)} bytes: {exc}") from exc
    finally:
        for descriptor in descriptors:
            os.close(descriptor)
    connection.sendall(_WELCOME)
    return arena


def _receive(connection: socket.socket, size: int) -> bytes:
    """`size` bytes; ConnectionError where the other end has gone."""
    got = b""
    while len(got) < size:  # once, but for a signal
        part = connection.recv(size - len(got), socket.MSG_WAITALL)
        if not part:
            raise ConnectionError("the other end has gone")
        got += part
    return got
