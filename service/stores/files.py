"""Uploaded files: arrays of vectors and videos, streamed to disk and kept for their owner until they expire.

<home>/files/file_…/data.npy     the uploaded bytes; data.video for a video
                   meta.json     written last; a folder without it is not a file
"""

import asyncio
import json
import os
import secrets
import shutil
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from models.errors import InvalidVideo, UnsupportedVideo
from models.video.containers import HEAD, sniff
from models.video.info import probe
from service.errors import BadRequest, NotFound, TooLarge, Unprocessable, quoted
from service.schemas.video import facts
from service.settings import Settings
from service.stores.disk_budget import DiskBudget

DATA, META = "data.npy", "meta.json"
VIDEO = "data.video"
BUFFER = 4 * 2**20  # bytes that are buffered before they are written
UNFINISHED = 24 * 3600.0  # seconds after which an incomplete upload is removed


@dataclass(frozen=True, kw_only=True)
class File:
    """An uploaded file. Times are seconds since 1970."""

    id: str
    name: str
    bytes: int
    shape: tuple[int, int] | None  # of an array
    dtype: str | None
    created: float
    expires: float
    owner: str | None
    path: Path
    video: Mapping[str, Any] | None = None  # the fields of VideoFacts

    def rows(self) -> NDArray[np.floating]:
        """The array, (n, d), memory-mapped."""
        array: NDArray[np.floating] = np.load(self.path, mmap_mode="r", allow_pickle=False)
        return array


class FileStore:
    """The files of one DAGUERRE_HOME. Any process may use it."""

    def __init__(self, settings: Settings) -> None:
        self._folder = settings.home / "files"
        self._limit, self._disk = settings.max_file_bytes, DiskBudget(settings)
        self._keep = settings.file_days * 86400
        self._limits = settings.video_limits
        self._uploads = settings.home / UPLOADS

    async def receive(self, chunks: AsyncIterator[bytes], *, name: str, owner: str | None) -> File:
        """Write `chunks` to disk as they arrive, and check that they are an array or a video.

        Raises TooLarge, Unprocessable, VideoError, after removing what was written.
        """
        id = f"file_{secrets.token_hex(16)}"
        folder = self._folder / id
        await asyncio.to_thread(self._begin, folder)
        try:
            size = 0
            chunks_to_write: list[bytes] = []
            buffered = 0
            with (folder / DATA).open("wb") as file:
                async for chunk in chunks:
                    size += len(chunk)
                    if size > self._limit:
                        raise TooLarge(
                            f"the file has more than {self._limit:,} bytes, which is the limit; send it in parts, or "
                            "raise DAGUERRE_MAX_FILE_BYTES",
                            code="file_too_large",
                        )
                    chunks_to_write.append(chunk)
                    buffered += len(chunk)
                    if buffered >= BUFFER:
                        await asyncio.to_thread(self._write, file, chunks_to_write, size)
                        chunks_to_write, buffered = [], 0
                await asyncio.to_thread(self._write, file, chunks_to_write, size)
                await asyncio.to_thread(file.truncate, size)
                await asyncio.to_thread(_synced, file)
            return await asyncio.to_thread(self._finish, folder, id, name, size, owner)
        except BaseException:
            await asyncio.shield(asyncio.to_thread(shutil.rmtree, folder, True))
            raise

    def _begin(self, folder: Path) -> None:
        self.sweep()
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.mkdir(mode=0o700)

    def _write(self, file: IO[bytes], chunks: Sequence[bytes], size: int) -> None:
        """Write chunks, after which the file has `size` bytes. Raises TooLarge."""
        self._disk.extend(file, size)
        file.writelines(chunks)

    def _finish(self, folder: Path, id: str, name: str, size: int, owner: str | None) -> File:
        path, shape, dtype, video = folder / DATA, None, None, None
        if _is_array(path):
            shape, dtype = _checked(path, size)
        else:
            video = dict(facts(probe(path, limits=self._limits)))
            path = path.replace(folder / VIDEO)
        now = time.time()
        file = File(
            id=id,
            name=name,
            bytes=size,
            shape=shape,
            dtype=dtype,
            created=now,
            expires=now + self._keep,
            owner=owner,
            path=path,
            video=video,
        )
        meta = asdict(file)
        del meta["path"]
        part = folder / f"{META}.part"
        with part.open("w") as stream:
            json.dump(meta, stream)
            _synced(stream)
        part.replace(folder / META)
        return file

    def get(self, id: str, owner: str | None) -> File:
        """The file. Raises NotFound, also for a file of another owner."""
        file = self._read(id) if id.startswith("file_") and id[5:].isalnum() else None
        if file is None or (file.owner is not None and file.owner != owner):
            raise NotFound(
                f"file: there is no {quoted(id)} here; files expire after some days, and GET /v1/files lists them",
                code="unknown_file",
                param="file",
            )
        return file

    def array(self, id: str, owner: str | None) -> File:
        """A file of vectors. Raises NotFound, or Unprocessable for a video."""
        return self._expected(id, owner, array=True)

    def video(self, id: str, owner: str | None) -> File:
        """A video. Raises NotFound, or Unprocessable for an array."""
        return self._expected(id, owner, array=False)

    def _expected(self, id: str, owner: str | None, *, array: bool) -> File:
        file = self.get(id, owner)
        if (file.video is None) != array:
            problem = "is a video; name a file of vectors" if array else "contains vectors; name a video"
            raise Unprocessable(f"file: {file.id} {problem}", code="invalid_file", param="file")
        return file

    def list(self, owner: str | None, *, limit: int, cursor: str | None) -> tuple[list[File], str | None]:
        """Files, the newest first, and the cursor of the next page."""
        files = [file for path in self._folder.glob("file_*") if (file := self._read(path.name))]
        mine = sorted((f for f in files if f.owner is None or f.owner == owner), key=lambda f: (-f.created, f.id))
        if cursor is not None:
            places = [i for i, file in enumerate(mine) if file.id == cursor]
            if not places:
                raise BadRequest(
                    f"cursor: {quoted(cursor)} is not valid; use next_cursor of the previous page", param="cursor"
                )
            mine = mine[places[0] + 1 :]
        return mine[:limit], mine[limit - 1].id if len(mine) > limit else None

    def delete(self, id: str, owner: str | None) -> File:
        """Delete a file. A request or job that has opened it is not affected. Raises NotFound."""
        file = self.get(id, owner)
        (file.path.parent / META).unlink(missing_ok=True)
        shutil.rmtree(file.path.parent, ignore_errors=True)
        return file

    def _read(self, id: str) -> File | None:
        folder = self._folder / id
        try:
            meta = json.loads((folder / META).read_text())
        except (OSError, ValueError):
            return None
        meta["shape"] = None if meta["shape"] is None else tuple(meta["shape"])
        file = File(**meta, path=folder / (VIDEO if meta.get("video") else DATA))
        return file if file.expires > time.time() and file.path.exists() else None

    def sweep(self) -> None:
        """Remove expired files and old incomplete uploads."""
        for folder in self._folder.glob("file_*"):
            with suppress(OSError):
                if self._read(folder.name) is None and (
                    (folder / META).exists() or time.time() - folder.stat().st_mtime > UNFINISHED
                ):
                    shutil.rmtree(folder, ignore_errors=True)
        for left in self._uploads.glob("upload_*"):  # of a killed process
            with suppress(OSError):
                if time.time() - left.stat().st_mtime > UNFINISHED:
                    left.unlink()


def _synced(file: Any) -> None:
    file.flush()
    os.fsync(file.fileno())


def _is_array(path: Path) -> bool:
    """Whether the file is a .npy file, by its first bytes. Raises Unprocessable if it is no video either."""
    with path.open("rb") as file:
        head = file.read(HEAD)
    if head.startswith(b"\x93NUMPY"):
        return True
    try:
        sniff(head)
    except UnsupportedVideo as exc:
        raise Unprocessable(
            f"the file is neither a .npy file of vectors (numpy.save) nor a video: {exc.message}", code="invalid_file"
        ) from exc
    except InvalidVideo as exc:
        raise Unprocessable("the file is empty; send its bytes", code="invalid_file") from exc
    return False


def _checked(path: Path, size: int) -> tuple[tuple[int, int], str]:
    """Shape and dtype of a .npy file of vectors. Raises Unprocessable."""
    try:
        with path.open("rb") as file:
            version = np.lib.format.read_magic(file)
            reader = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}[version]
            shape, fortran, dtype = reader(file)
            start = file.tell()
    except (ValueError, KeyError, EOFError, OSError) as exc:
        raise Unprocessable("the file is not a valid .npy file; write it with numpy.save", code="invalid_file") from exc
    if len(shape) != 2 or 0 in shape or fortran or dtype.kind != "f" or not dtype.isnative:
        raise Unprocessable(
            f"the file contains an array of {dtype} {shape}{', column by column' if fortran else ''}; save floats "
            "(items, dimension), row by row",
            code="invalid_file",
        )
    if size != start + dtype.itemsize * shape[0] * shape[1]:
        raise Unprocessable(
            f"the file has {size:,} bytes, its header requires {start + dtype.itemsize * shape[0] * shape[1]:,}; send "
            "the whole file",
            code="invalid_file",
        )
    return (int(shape[0]), int(shape[1])), str(dtype)


UPLOADS = "uploads"  # folder below DAGUERRE_HOME for videos in forms, which are removed with their request
