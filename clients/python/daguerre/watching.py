"""The part of the client that sends videos ahead."""

import asyncio
import errno
import os
import re
import shutil
import stat
import tempfile
from collections.abc import AsyncIterator, Mapping
from typing import Any, BinaryIO, Literal, TypeAlias

from daguerre.clip_results import How
from daguerre.clips import AsyncClip
from daguerre.coding import Coding
from daguerre.core import retried
from daguerre.errors import APIError, ItemError, ItemFailedError
from daguerre.progress import Progress
from daguerre.uploads import PIECE

VideoLike: TypeAlias = str | os.PathLike[str] | bytes | bytearray | memoryview | BinaryIO | Any
Seconds: TypeAlias = float | str  # 2, 0.5, "2s", "500ms", "1m", "1h"
THUMBNAIL = 160  # pixels of the longest side
LARGE = 8 * 2**20  # bytes from which an upload has a progress bar
UNUSABLE = ("unsupported_video", "invalid_video", "video_too_large", "invalid_file", "file_too_large")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}


class Watching(Coding):
    """Videos, on what a client has."""

    default_model: str | None
    clips: set[AsyncClip]  # those whose files are on the server

    async def video(
        self,
        source: VideoLike,
        *,
        every: Seconds | None = None,
        frames: int | None = None,
        shots: Literal["first", "middle"] | bool = False,
        keyframes: bool | Seconds = False,
        find_shots: bool = False,
        detector: Literal["adaptive", "content"] | Mapping[str, Any] | None = None,
        drop_within: int | None = None,
        pooling: How = "mean",
        top_k: int = 3,
        thumbnail: int | None = THUMBNAIL,
        name: str | None = None,
        progress: bool | None = None,
    ) -> AsyncClip:
        """Send a video ahead: streamed, of any size. Its frames are looked at when you ask about them.

        Parameters
        ----------
        source : a path, bytes, or an open binary file, read from where it stands.
        every : a frame each so many seconds: 2, "2s", "500ms", "1m". Left out like the next three: each second.
        frames : so many, evenly.
        shots : one a shot, at its "middle" (or True) or its "first".
        keyframes : those that are compressed whole, which is fastest; "5s": at least so far apart.
        find_shots : look for shots too, for results by shot. Reads the video twice.
        detector : what counts as a cut: "adaptive" or "content", or {"method": …, "threshold": …}.
        drop_within : drop a frame whose perceptual hash is within so many bits (0 to 63) of the last one's.
        pooling : of frames to shots and to the video: "mean"; "max": does it occur at all; "top_k": the mean of the
            `top_k` highest. Vectors are always pooled by their mean.
        thumbnail : pixels (16 to 512) of the longest side of a small JPEG of each frame, for the timeline; None for
            none.
        name : in place of the file's. It stays on this machine.
        progress : a progress bar, in place of the client's setting.

        Returns
        -------
        Clip : `.zero_shot(labels)`, `.embed()`, `.predict(classifier)`, `.facts`, `.close()`.

        Raises
        ------
        ItemFailedError : it is no video that the server reads, or too large.
        DaguerreError : any other of the tree in daguerre.errors.
        OSError, TypeError, ValueError : for what is not there, is no video, or asks for two things at once.

        Examples
        --------
        >>> with client.video("news.mp4", every="2s", find_shots=True) as clip:
        ...     told = clip.zero_shot(["a street", "a studio"])
        >>> told.to_pandas()
        """
        sampling = sampled(every=every, frames=frames, shots=shots, keyframes=keyframes) | _rest(
            find_shots, detector, drop_within, pooling, top_k, thumbnail, looked_for=bool(find_shots or shots)
        )
        called = name or _name(source)
        shown = Progress.wanted(self.progress if progress is None else progress)
        sent = await asyncio.to_thread(_Sent, source, called, shown)
        try:
            said = await retried(lambda: self.transport.upload(sent, "video"), retry_for=self.limits.retry_for)
        except APIError as exc:
            if exc.code in UNUSABLE:
                failed = ItemError(0, called, exc.code, exc.message)
                raise ItemFailedError(failed, request_id=exc.request_id) from exc
            raise
        finally:
            sent.close()
        if not said.get("video"):
            await self.transport.delete_file(said["id"])
            failed = ItemError(0, called, "invalid_file", "is an array, no video; client.upload takes it")
            raise ItemFailedError(failed)
        clip = AsyncClip(self, said, called, sampling)
        self.clips.add(clip)
        return clip


class _Sent:
    """A video in pieces, from its beginning each time: a path, bytes, an open file. One that cannot seek is copied."""

    def __init__(self, given: VideoLike, title: str, shown: bool) -> None:
        self._title, self._shown = title, shown
        self._own: BinaryIO | None = None  # to be closed
        self._start = 0
        self._data: memoryview | None = None
        if isinstance(given, str | os.PathLike):
            if not stat.S_ISREG(os.stat(given).st_mode):
                raise OSError(errno.EINVAL, "is no regular file, and videos are given one by one", os.fspath(given))
            self._file: Any = open(given, "rb")  # noqa: SIM115  # close() does
            self._own = self._file
        elif isinstance(given, bytes | bytearray | memoryview):
            self._data = memoryview(given).cast("B")
            self.size = self._data.nbytes
            return
        elif hasattr(given, "read"):
            self._file = given
            if not (hasattr(given, "seekable") and given.seekable()):
                self._own = self._file = tempfile.TemporaryFile()  # noqa: SIM115
                shutil.copyfileobj(given, self._file)
                self._file.seek(0)
            self._start = self._file.tell()
        else:
            raise TypeError(f"video: got {type(given).__name__}; give a path, bytes or an open binary file")
        self.size = self._file.seek(0, os.SEEK_END) - self._start

    async def __call__(self) -> AsyncIterator[bytes]:
        shown = self._shown and self.size >= LARGE
        with Progress(shown, total=self.size // PIECE, what=f"send {self._title}", unit="MiB") as bar:
            at = 0
            while piece := await self._piece(at):
                yield piece
                at += len(piece)
                bar.add(1 if len(piece) == PIECE else 0)

    async def _piece(self, at: int) -> bytes:
        if self._data is not None:
            return bytes(self._data[at : at + PIECE])

        def read() -> bytes:
            self._file.seek(self._start + at)
            found = self._file.read(PIECE)
            if not isinstance(found, bytes):
                raise TypeError('video: the file gives str, not bytes; open it with mode "rb"')
            return found

        return await asyncio.to_thread(read)

    def close(self) -> None:
        if self._own is not None:
            self._own.close()


def _name(given: VideoLike) -> str:
    where = given if isinstance(given, str | os.PathLike) else getattr(given, "name", None)
    return os.path.basename(os.fspath(where)) if isinstance(where, str | os.PathLike) else "video"


def sampled(
    *,
    every: Seconds | None = None,
    frames: int | None = None,
    shots: Literal["first", "middle"] | bool = False,
    keyframes: bool | Seconds = False,
) -> dict[str, Any]:
    """Which frames, as the server is asked. Raises ValueError."""
    given = [name for name, is_there in _there(every, frames, shots, keyframes) if is_there]
    if len(given) > 1:
        raise ValueError(f"give one of {' and '.join(given)}: they are different ways to choose frames")
    if every is not None:
        return {"policy": "every", "seconds": seconds(every, "every")}
    if frames is not None:
        if isinstance(frames, bool) or int(frames) != frames or frames < 1:
            raise ValueError(f"frames: got {frames!r}, it is how many: 1 or more")
        return {"policy": "evenly", "n": int(frames)}
    if shots:
        if shots not in (True, "first", "middle"):
            raise ValueError(f'shots: got {shots!r}, there are "middle" and "first"')
        return {"policy": "shots", "take": "middle" if shots is True else shots}
    if keyframes is not False:
        return {"policy": "keyframes", **({} if keyframes is True else {"apart": seconds(keyframes, "keyframes")})}
    return {"policy": "every", "seconds": 1.0}


def _there(every: Any, frames: Any, shots: Any, keyframes: Any) -> list[tuple[str, bool]]:
    chosen = (every is not None, frames is not None, bool(shots), keyframes is not False)
    return list(zip(("every", "frames", "shots", "keyframes"), chosen, strict=True))


def _rest(
    find_shots: bool, detector: Any, drop: int | None, pooling: str, top_k: int, thumbnail: int | None, looked_for: bool
) -> dict[str, Any]:
    """The other fields. What the server would refuse is refused before a long upload."""
    made: dict[str, Any] = {"find_shots": find_shots, "pooling": pooling, "top_k": top_k}
    if pooling not in ("mean", "max", "top_k"):
        raise ValueError(f'pooling: got {pooling!r}, there are "mean", "max" and "top_k"')
    for name, value, least, most in (
        ("top_k", top_k, 1, 100_000),
        ("drop_within", drop, 0, 63),
        ("thumbnail", thumbnail, 16, 512),
    ):
        if value is not None:
            if not least <= value <= most:
                raise ValueError(f"{name}: got {value}, it is {least} to {most:,}")
            made[name] = value
    if detector is not None:
        if not looked_for:
            raise ValueError("detector: is for shots; say find_shots=True, or shots=True")
        made["detector"] = {"method": detector} if isinstance(detector, str) else dict(detector)
    return made


def seconds(given: Seconds, what: str) -> float:
    """2, 0.5, "2s", "500ms", "1m" or "1h" in seconds. Raises ValueError."""
    found = re.fullmatch(r"([0-9]*\.?[0-9]+)\s*([a-z]*)", str(given).strip().lower())
    number = float(found[1]) * _UNITS.get(found[2] or "s", float("nan")) if found else float("nan")
    if not 0 < number <= 86_400:
        raise ValueError(f'{what}: got {given!r}; it is seconds, or a text such as "2s", "500ms", "1m", "1h"')
    return number
