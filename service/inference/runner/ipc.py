"""Transfer of rows from an entry process to a runner, and of raw vectors back, through shared memory.

A channel is a Unix socket and an arena: anonymous shared memory, whose descriptor is sent once over the socket. The
entry writes a bundle of rows into the arena and sends a short header; the runner computes on the arena, writes the raw
vectors next to the rows and sends a short header back. A killed process leaves nothing behind but the file of its
socket, since the memory has no name.
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

VECTOR = 64 * 1024  # bytes reserved for a raw vector of at most 16,384 numbers
LONGEST_PATH = 103  # bytes in the path of a Unix socket, on the most restrictive system
_VERSION = 1
_HELLO = struct.Struct("<4sIQQ")  # magic, version, bytes for vectors, bytes for rows
_MAGIC = b"dgrr"
_WELCOME = b"\x01"
_ASK = struct.Struct("<HBBBB4I")  # model, modality, dtype, alone, axes, shape
_ANSWER = struct.Struct("<BII")  # outcome; then rows and columns, or the length of a message and 0
_DONE, _FAILED, _UNAVAILABLE = 0, 1, 2
_MODALITIES: tuple[Modality, ...] = ("image", "text")
_DTYPES = (np.dtype(np.uint8), np.dtype(np.int64), np.dtype(np.float32))


class RunFailed(Exception):
    """The runner could not run a bundle because of a row in it."""


class Ask(NamedTuple):
    """A bundle as the runner receives it. `stack` is in the arena and is overwritten after the answer."""

    model: int  # position in the setting `models`
    modality: Modality
    alone: bool  # nothing else waits in the entry process
    stack: Row  # (n, …)


class Arena:
    """Shared memory of two processes for one bundle and its answer.

    Parameters
    ----------
    descriptor : file descriptor of the memory, which the caller may close afterwards.
    vectors, rows : number of bytes for raw vectors, which come first, and for rows.
    """

    def __init__(self, descriptor: int, vectors: int, rows: int) -> None:
        self._map = mmap.mmap(descriptor, vectors + rows)
        whole = np.frombuffer(self._map, np.uint8)
        self._vectors, self._rows = whole[:vectors], whole[vectors:]

    def rows(self, shape: tuple[int, ...], dtype: "np.dtype[Any]") -> Row:
        """A view for rows. Raises ValueError if they do not fit."""
        return _view(self._rows, shape, dtype)

    def vectors(self, shape: tuple[int, ...]) -> Float:
        """A view for raw vectors. Raises ValueError if they do not fit."""
        return _view(self._vectors, shape, np.dtype(np.float32))

    def message(self, size: int) -> Row:
        """A view for the bytes of a message."""
        return self._vectors[:size]


def _view(part: Row, shape: tuple[int, ...], dtype: "np.dtype[Any]") -> Row:
    size = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
    if size > part.size:
        raise ValueError(f"{size:,} bytes of shape {shape} do not fit into the {part.size:,} bytes of the arena")
    return part[:size].view(dtype).reshape(shape)


def _anonymous_memory(size: int) -> int:
    """A file descriptor of `size` bytes of memory without a name."""
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("daguerre-rows", os.MFD_CLOEXEC)
    else:
        with tempfile.TemporaryFile() as file:
            descriptor = os.dup(file.fileno())
    os.ftruncate(descriptor, size)
    return descriptor


class Channel:
    """The entry process's end of a channel, for one thread at a time.

    Parameters
    ----------
    path : path of the runner's socket. Raises OSError if no process listens.
    most : maximum number of rows in a bundle.
    row_bytes : size of the largest row in bytes.
    """

    def __init__(self, path: Path, *, most: int, row_bytes: int) -> None:
        vectors, rows = most * VECTOR, most * row_bytes
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._socket.connect(str(path))
            descriptor = _anonymous_memory(vectors + rows)
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
        """The view into which to write the next bundle, (n, …)."""
        assert self._arena, "closed"
        return self._arena.rows(shape, dtype)

    def run(self, model: int, modality: Modality, stack: Row, alone: bool) -> Float:
        """Raw vectors (n, d) of the bundle in `rows(stack.shape, stack.dtype)`.

        Raises
        ------
        RunFailed : the model cannot run a row of it.
        ModelUnavailable : the device lacks memory for it.
        OSError : the runner has ended, and the channel cannot be used again.
        """
        assert self._arena, "closed"
        shape = (*stack.shape, 0, 0)[:4]
        kind = _DTYPES.index(stack.dtype)
        self._socket.sendall(_ASK.pack(model, _MODALITIES.index(modality), kind, alone, stack.ndim, *shape))
        state, n, columns = _ANSWER.unpack(_receive(self._socket, _ANSWER.size))
        if state != _DONE:
            message = self._arena.message(n).tobytes().decode(errors="replace")
            raise ModelUnavailable(message) if state == _UNAVAILABLE else RunFailed(message)
        return self._arena.vectors((n, columns)).copy()

    def close(self) -> None:
        self._socket.close()
        self._arena = None  # unmapped when the last view is deleted


class Listener:
    """The runner's end of all channels, with one thread per channel.

    Parameters
    ----------
    path : path of the socket to create; one that a killed runner has left is replaced.
    run : Ask → raw vectors (n, d). Called from the channels' threads; its errors are sent to the entry.
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
        """Number of open channels."""
        return len(self._open)

    def close(self) -> None:
        """Close the socket and all channels."""
        self._closed = True
        self._path.unlink(missing_ok=True)
        for open_socket in (self._socket, *list(self._open)):
            with suppress(OSError):
                open_socket.shutdown(socket.SHUT_RDWR)  # wakes the thread that reads from it
        self._socket.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError as exc:
                if self._closed:
                    return
                logger.warning("a channel could not be opened: %s", exc)  # for example, too many open files
                time.sleep(0.1)
                continue
            self._open.add(connection)
            threading.Thread(target=self._serve, args=(connection,), name="channel", daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            with connection, suppress(OSError):  # the entry process has ended
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
            answer = _error_answer(arena, _UNAVAILABLE, exc.message)
        except Exception as exc:
            answer = _error_answer(arena, _FAILED, f"{type(exc).__name__}: {exc}")
        connection.sendall(answer)


def _error_answer(arena: Arena, state: int, message: str) -> bytes:
    text = np.frombuffer(message.encode()[:2000], np.uint8)
    arena.message(text.size)[:] = text
    return _ANSWER.pack(state, text.size, 0)


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
    """Receive `size` bytes. Raises ConnectionError if the other process has ended."""
    received = b""
    while len(received) < size:  # a signal may interrupt a call
        part = connection.recv(size - len(received), socket.MSG_WAITALL)
        if not part:
            raise ConnectionError("the other process has closed the connection")
        received += part
    return received
