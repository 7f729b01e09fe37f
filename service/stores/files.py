"""Uploaded files: arrays of vectors and videos, streamed to disk and kept for their owner until they expire.

<home>/files/file_…/data.npy     the uploaded bytes; data.video for a video
                   data.lengths.npy   lengths of the rows, from the first search on: see lengths.py
                   meta.json     written last; a folder without it is not a file
"""

import asyncio
import hashlib
import json
import os
import secrets
import shutil
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Annotated, Any

import numpy as np
import orjson
from numpy.typing import NDArray
from pydantic import Field, TypeAdapter

from models.errors import InvalidVideo, UnsupportedVideo, quoted
from models.stopping import Check
from models.video.containers import HEAD, sniff
from models.video.info import probe
from service.errors import BadRequest, NotFound, TooLarge, Unprocessable
from service.schemas.video import VideoFacts, facts
from service.settings import Settings
from service.stores.claims import claim, release, remove_unclaimed
from service.stores.data_folder import inside
from service.stores.disk_budget import DiskBudget
from service.stores.npy import MAGIC, InvalidArray, read_header
from service.stores.vector_folders import VectorFolder, folder_files, open_folder

DATA, META = "data.npy", "meta.json"
IDS, MOST_IDS = "ids.json", 1_000_000
VIDEO = "data.video"
LATEST = 2.5e11  # seconds since 1970; Python's dates end in the year 9999
BUFFER = 4 * 2**20  # bytes that are buffered before they are written
SWEPT = 120.0  # seconds between two removals of expired files, which read the metadata of all files


Count = Annotated[int, Field(ge=1, le=2**63 - 1)]
Time = Annotated[float, Field(ge=0, le=LATEST)]


@dataclass(frozen=True, kw_only=True)
class File:
    """An uploaded file. Times are seconds since 1970."""

    id: str
    name: str
    bytes: Count
    shape: tuple[Count, Count] | None  # of an array
    dtype: str | None
    created: Time
    expires: Time
    owner: str | None
    path: Path
    video: Mapping[str, Any] | None = None  # the fields of VideoFacts
    vectors: Mapping[str, Any] | None = None  # receipt and modality of the folder of which this is a copy

    def rows(self) -> NDArray[np.floating]:
        """The array, (n, d), memory-mapped."""
        array: NDArray[np.floating] = np.load(self.path, mmap_mode="r", allow_pickle=False)
        return array

    def ids(self) -> list[str] | None:
        """The ids of the rows of a folder; None where there are none, or more than a million."""
        try:
            ids: list[str] = orjson.loads((self.path.parent / IDS).read_bytes())
        except FileNotFoundError:
            return None
        return ids


_adapter = TypeAdapter(File)


class FileStore:
    """The files of one DAGUERRE_HOME. Any process may use it."""

    def __init__(self, settings: Settings) -> None:
        self._folder = settings.home / "files"
        self._limit, self._disk = settings.max_file_bytes, DiskBudget(settings)
        self._keep = settings.file_days * 86400
        self._limits = settings.video_limits
        self._uploads = settings.home / UPLOADS
        self._swept = -SWEPT
        self._data = settings.data

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
        finally:
            release(folder)

    def _begin(self, folder: Path) -> None:
        if time.monotonic() - self._swept >= SWEPT:
            self.sweep()
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.mkdir(mode=0o700)
        while not claim(folder):  # removed as if it were left by a killed process
            folder.mkdir(mode=0o700, exist_ok=True)

    def _write(self, file: IO[bytes], chunks: Sequence[bytes], size: int) -> None:
        """Write chunks, after which the file has `size` bytes. Raises TooLarge."""
        try:
            self._disk.extend(file, size)
        except TooLarge:  # unless expired files are in the way
            self.sweep()
            self._disk.extend(file, size)
        file.writelines(chunks)

    def _finish(
        self,
        folder: Path,
        id: str,
        name: str,
        size: int,
        owner: str | None,
        *,
        vectors: Mapping[str, Any] | None = None,
    ) -> File:
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
            vectors=vectors,
        )
        meta = asdict(file)
        del meta["path"]
        part = folder / f"{META}.part"
        with part.open("w") as stream:
            json.dump(meta, stream)
            _synced(stream)
        part.replace(folder / META)
        return file

    def of_folder(self, relative: str, owner: str | None, check: Check) -> File:
        """The vectors of a folder below DAGUERRE_DATA as a file, which is made when it is first asked for.

        Call it in a thread. The copy is used again until it expires, or a part of the folder or its receipt changes.

        Raises Unprocessable, TooLarge.
        """
        path = inside(self._data, relative, "vectors", "vectors")
        assert self._data is not None
        parts, receipt = folder_files(path, self._data)
        facts = [each and (each.name, str(each.path), each.size, each.mtime_ns) for each in (*parts, receipt)]
        digest = hashlib.sha256(orjson.dumps([owner, str(path), facts])).hexdigest()
        id = f"file_{digest[:32]}"
        if (known := self._read(id)) is not None:
            return known
        vectors = open_folder(parts, receipt, most_bytes=self._limit, check=check)
        folder = self._folder / f"file_{secrets.token_hex(16)}"
        self._begin(folder)
        try:
            size = self._copy(folder, vectors, check)
            if vectors.n <= MOST_IDS:
                (folder / IDS).write_bytes(orjson.dumps(vectors.ids(check)))
            facts_of = {"receipt": vectors.receipt, "modality": vectors.modality}
            self._finish(folder, id, relative, size, owner, vectors=facts_of)
            if self._read(id) is None:
                remove_unclaimed(self._folder / id)  # an expired copy
            with suppress(OSError):  # another request has made the same one meanwhile
                folder.rename(self._folder / id)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            release(folder)
        return self.get(id, owner)

    def _copy(self, folder: Path, vectors: VectorFolder, check: Check) -> int:
        """Write the vectors of a folder as one array, and return its size in bytes. Raises TooLarge."""
        with (folder / DATA).open("wb") as file:
            shape = {"descr": "<f4", "fortran_order": False, "shape": (vectors.n, vectors.dimension)}
            np.lib.format.write_array_header_2_0(file, shape)
            size = file.tell()
            for rows in vectors.blocks(check):
                size += rows.nbytes
                self._write(file, [rows.tobytes()], size)
            file.truncate(size)
            _synced(file)
        return size

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
            meta = orjson.loads((folder / META).read_bytes())  # which refuses NaN and texts that are no Unicode
            file = _adapter.validate_python({**meta, "path": folder / (VIDEO if meta.get("video") else DATA)})
            if file.video is not None:
                VideoFacts.model_validate(file.video)
            there = file.id == id and file.path.is_file()
        except (OSError, ValueError, TypeError, AttributeError):
            return None
        return file if there and file.expires > time.time() else None

    def sweep(self) -> None:
        """Remove expired files, and what killed processes have left: incomplete uploads, videos of forms."""
        self._swept = time.monotonic()
        for folder in self._folder.glob("file_*"):
            if self._read(folder.name) is None:
                with suppress(OSError):
                    remove_unclaimed(folder)
        for left in self._uploads.glob("upload_*"):
            with suppress(OSError):
                remove_unclaimed(left)


def _synced(file: Any) -> None:
    file.flush()
    os.fsync(file.fileno())


def _is_array(path: Path) -> bool:
    """Whether the file is a .npy file, by its first bytes. Raises Unprocessable if it is no video either."""
    with path.open("rb") as file:
        head = file.read(HEAD)
    if head.startswith(MAGIC):
        return True
    try:
        sniff(head)
    except UnsupportedVideo as exc:
        raise Unprocessable(
            f"the file is neither a .npy file of vectors nor a video: it {exc.message.removeprefix('video ')}",
            code="invalid_file",
        ) from exc
    except InvalidVideo as exc:
        raise Unprocessable("the file is empty; send its bytes", code="invalid_file") from exc
    return False


def _checked(path: Path, size: int) -> tuple[tuple[int, int], str]:
    """Shape and dtype of a .npy file of vectors. Raises Unprocessable."""
    try:
        with path.open("rb") as file:
            header = read_header(file)
    except InvalidArray as exc:
        raise Unprocessable("the file is not a valid .npy file; write it with numpy.save", code="invalid_file") from exc
    shape, dtype = header.shape, header.dtype
    if len(shape) != 2 or 0 in shape or header.fortran or dtype.kind != "f" or not dtype.isnative:
        raise Unprocessable(
            f"the file contains an array of {str(dtype)[:60]} {str(shape)[:60]}"
            f"{', column by column' if header.fortran else ''}; save floats (items, dimension), row by row",
            code="invalid_file",
        )
    if size != header.size:
        raise Unprocessable(
            f"the file has {size:,} bytes, its header requires {header.size:,}; send the whole file",
            code="invalid_file",
        )
    return (shape[0], shape[1]), str(dtype)


UPLOADS = "uploads"  # folder below DAGUERRE_HOME for videos in forms, which are removed with their request
