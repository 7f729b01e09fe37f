"""Transfer of rows from an entry process to a runner, and of their answers back, through shared memory.

A channel is a Unix socket and an arena: anonymous shared memory, whose descriptor is sent once over the socket. The
entry writes a bundle of rows into the arena and sends a short header; the runner computes on the arena, writes the
answers next to the rows and sends a short header back. A bundle and its answers are one or several arrays. A killed
process leaves nothing behind but the file of its socket, since the memory has no name.
"""

import logging
import mmap
import os
import socket
import struct
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.errors import ModelUnavailable

Arrays = tuple[NDArray[Any], ...]
Layout = Sequence[tuple[tuple[int, ...], "np.dtype[Any]"]]  # shape and dtype of each array
logger = logging.getLogger("daguerre.channel")

VECTOR = 64 * 1024  # bytes reserved for a raw vector of at most 16,384 numbers
MOST = 16  # arrays of a bundle, and of its answers
ALIGNED = 64  # bytes to a multiple of which each array begins
LONGEST_PATH = 103  # bytes in the path of a Unix socket, on the most restrictive system
AXES = 4  # of an array, with that of the batch
_VERSION = 2
_HELLO = struct.Struct("<4sIQQ")  # magic, version, bytes for answers, bytes for rows
_MAGIC = b"dgrr"
_WELCOME = b"\x01"
_ASK = struct.Struct("<HBB")  # graph, alone, number of arrays; a header for each follows
_ANSWER = struct.Struct("<BI")  # outcome; then the number of arrays, or the length of a message
_ARRAY = struct.Struct("<BB4I")  # dtype, axes, shape
_DONE, _FAILED, _UNAVAILABLE = 0, 1, 2
_DTYPES = (np.dtype(np.uint8), np.dtype(np.int64), np.dtype(np.float32), np.dtype(np.bool_), np.dtype(np.int32))


class RunFailed(Exception):
    """The runner could not run a bundle because of a row in it."""


class Ask(NamedTuple):
    """A bundle as the runner receives it. `stacks` are in the arena and are overwritten by the next bundle."""

    graph: int  # position among all graphs, service/inference/sessions.py
    alone: bool  # nothing else waits in the entry process
    stacks: Arrays  # (n, …) each


class Arena:
    """Shared memory of two processes for one bundle and its answer.

    Parameters
    ----------
    descriptor : file descriptor of the memory, which the caller may close afterwards.
    answers, rows : number of bytes for answers, which come first, and for rows.
    """

    def __init__(self, descriptor: int, answers: int, rows: int) -> None:
        self._map = mmap.mmap(descriptor, answers + rows)
        whole = np.frombuffer(self._map, np.uint8)
        self._answers, self._rows = whole[:answers], whole[answers:]

    def rows(self, layout: Layout) -> Arrays:
        """Views for the arrays of a bundle. Raises ValueError if they do not fit."""
        return _views(self._rows, layout)

    def answers(self, layout: Layout) -> Arrays:
        """Views for the arrays of the answers. Raises ValueError if they do not fit."""
        return _views(self._answers, layout)

    def message(self, size: int) -> NDArray[np.uint8]:
        """A view for the bytes of a message."""
        return self._answers[:size]


def _views(part: NDArray[np.uint8], layout: Layout) -> Arrays:
    """Views of arrays one after the other, each at a multiple of ALIGNED bytes."""
    views = []
    start = 0
    for shape, dtype in layout:
        end = start + int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
        if end > part.size:
            raise ValueError(f"arrays of shape {shape} end at byte {end:,} of the {part.size:,} bytes of the arena")
        views.append(part[start:end].view(dtype).reshape(shape))
        start = -(-end // ALIGNED) * ALIGNED
    return tuple(views)


def layout_of(arrays: Arrays) -> Layout:
    """The shapes and dtypes of `arrays`, of at most four axes each."""
    assert all(array.ndim <= AXES for array in arrays)
    return [(array.shape, array.dtype) for array in arrays]


def _headers(layout: Layout) -> bytes:
    return b"".join(_ARRAY.pack(_DTYPES.index(dtype), len(shape), *(*shape, 0, 0, 0, 0)[:4]) for shape, dtype in layout)


def _read_headers(connection: socket.socket, count: int) -> Layout:
    if count > MOST:
        raise ConnectionError(f"{count} arrays, at most {MOST}")
    found = _ARRAY.iter_unpack(_receive(connection, count * _ARRAY.size))
    return [(tuple(shape[:axes]), _DTYPES[kind]) for kind, axes, *shape in found]


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
    rows, answers : bytes of the largest bundle, and of its answers, without what aligns their arrays.
    """

    def __init__(self, path: Path, *, rows: int, answers: int) -> None:
        rows, answers = rows + MOST * ALIGNED, answers + MOST * ALIGNED
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._socket.connect(str(path))
            descriptor = _anonymous_memory(answers + rows)
            try:
                hello = _HELLO.pack(_MAGIC, _VERSION, answers, rows)
                socket.send_fds(self._socket, [hello], [descriptor])
                self._arena: Arena | None = Arena(descriptor, answers, rows)
            finally:
                os.close(descriptor)
            _receive(self._socket, len(_WELCOME))
        except BaseException:
            self._socket.close()
            raise

    def rows(self, layout: Layout) -> Arrays:
        """The views into which to write the arrays of the next bundle, (n, …) each."""
        assert self._arena, "closed"
        return self._arena.rows(layout)

    def run(self, graph: int, layout: Layout, alone: bool) -> Arrays:
        """The answers, (n, …) each, for the bundle in `rows(layout)`.

        Raises
        ------
        RunFailed : the graph cannot run a row of it.
        ModelUnavailable : the device lacks memory for it.
        OSError : the runner has ended, and the channel cannot be used again.
        """
        assert self._arena, "closed"
        self._socket.sendall(_ASK.pack(graph, alone, len(layout)) + _headers(layout))
        state, count = _ANSWER.unpack(_receive(self._socket, _ANSWER.size))
        if state != _DONE:
            message = self._arena.message(count).tobytes().decode(errors="replace")
            raise ModelUnavailable(message) if state == _UNAVAILABLE else RunFailed(message)
        answers = self._arena.answers(_read_headers(self._socket, count))
        return tuple(array.copy() for array in answers)

    def close(self) -> None:
        self._socket.close()
        self._arena = None  # unmapped when the last view is deleted


class Listener:
    """The runner's end of all channels, with one thread per channel.

    Parameters
    ----------
    path : path of the socket to create; one that a killed runner has left is replaced.
    run : Ask → answers, (n, …) each. Called from the channels' threads; its errors are sent to the entry.
    """

    def __init__(self, path: Path, run: Callable[[Ask], Arrays]) -> None:
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
        graph, alone, count = _ASK.unpack(_receive(connection, _ASK.size))
        layout = _read_headers(connection, count)
        try:
            answers = self._run(Ask(graph, bool(alone), arena.rows(layout)))
            for place, array in zip(arena.answers(layout_of(answers)), answers, strict=True):
                place[...] = array
            answer = _ANSWER.pack(_DONE, len(answers)) + _headers(layout_of(answers))
        except ModelUnavailable as exc:
            answer = _error_answer(arena, _UNAVAILABLE, exc.message)
        except Exception as exc:
            answer = _error_answer(arena, _FAILED, f"{type(exc).__name__}: {exc}")
        connection.sendall(answer)


def _error_answer(arena: Arena, state: int, message: str) -> bytes:
    text = np.frombuffer(message.encode()[:2000], np.uint8)
    arena.message(text.size)[:] = text
    return _ANSWER.pack(state, text.size)


def _greet(connection: socket.socket) -> Arena:
    hello, descriptors, _, _ = socket.recv_fds(connection, _HELLO.size, 1)
    try:
        magic, version, answers, rows = _HELLO.unpack(hello)
        if (magic, version, len(descriptors)) != (_MAGIC, _VERSION, 1):
            raise ConnectionError(f"hello {magic!r}, version {version}: not an entry process of this version")
        arena = Arena(descriptors[0], answers, rows)
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
