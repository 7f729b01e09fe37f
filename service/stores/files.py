"""Files that callers send ahead: arrays of vectors, and videos, streamed to disk, each its owner's until it expires.

<home>/files/file_…/data.npy     as it was sent; a video is data.video
                   meta.json     written last: without it there is no file
"""

import asyncio
import json
import os
import secrets
import shutil
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.errors import InvalidVideo, UnsupportedVideo
from models.video.containers import HEAD, sniff
from models.video.info import probe
from service.errors import BadRequest, NotFound, TooLarge, Unprocessable, quoted
from service.schemas.video import facts
from service.settings import Settings

DATA, META = "data.npy", "meta.json"
VIDEO = "data.video"
AT_ONCE = 4 * 2**20  # bytes that are gathered before they are written
UNFINISHED = 24 * 3600.0  # seconds after which an upload that nobody finished is swept away


@dataclass(frozen=True, kw_only=True)
class File:
    """A file that is there. Times are seconds since 1970."""

    id: str
    name: str
    bytes: int
    shape: tuple[int, int] | None  # of an array
    dtype: str | None
    created: float
    expires: float
    owner: str | None
    path: Path
    video: Mapping[str, Any] | None = None  # what a video is, as it is shown

    def rows(self) -> NDArray[np.floating]:
        """The array, (n, d), which stays on disk."""
        found: NDArray[np.floating] = np.load(self.path, mmap_mode="r", allow_pickle=False)
        return found


class FileStore:
    """The files of one DAGUERRE_HOME. Any process may use it."""

    def __init__(self, settings: Settings) -> None:
        self._folder = settings.home / "files"
        self._each, self._together = settings.max_file_bytes, settings.max_files_bytes
        self._keep = settings.file_days * 86400
        self._limits = settings.video_limits
        self._uploads = settings.home / UPLOADS

    async def receive(self, chunks: AsyncIterator[bytes], *, name: str, owner: str | None) -> File:
        """Write `chunks` to disk as they come, and see that they are an array or a video.

        Raises TooLarge, Unprocessable, VideoError; then nothing of them stays.
        """
        id = f"file_{secrets.token_hex(16)}"
        folder = self._folder / id
        room = await asyncio.to_thread(self._begin, folder)
        try:
            size = 0
            waiting: list[bytes] = []
            gathered = 0
            with (folder / DATA).open("wb") as file:
                async for chunk in chunks:
                    size += len(chunk)
                    if size > self._each:
                        raise TooLarge(
                            f"the file has more than {self._each:,} bytes, which is the limit; send it in parts, or "
                            "raise DAGUERRE_MAX_FILE_BYTES",
                            code="file_too_large",
                        )
                    if size > room:
                        raise TooLarge(
                            "there is no room for the file: delete others (DELETE /v1/files/{id}), or raise "
                            "DAGUERRE_MAX_FILES_BYTES",
                            code="files_full",
                        )
                    waiting.append(chunk)
                    gathered += len(chunk)
                    if gathered >= AT_ONCE:
                        await asyncio.to_thread(file.writelines, waiting)
                        waiting, gathered = [], 0
                await asyncio.to_thread(file.writelines, waiting)
                await asyncio.to_thread(_synced, file)
            return await asyncio.to_thread(self._finish, folder, id, name, size, owner)
        except BaseException:
            await asyncio.shield(asyncio.to_thread(shutil.rmtree, folder, True))
            raise

    def _begin(self, folder: Path) -> int:
        """Make the folder; how many bytes there is room for."""
        self.sweep()
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        held = sum(path.stat().st_size for path in self._folder.glob("*/data.*"))
        folder.mkdir(mode=0o700)
        return self._together - held

    def _finish(self, folder: Path, id: str, name: str, size: int, owner: str | None) -> File:
        path, shape, dtype, video = folder / DATA, None, None, None
        if _is_array(path):
            shape, dtype = _checked(path, size)
        else:
            video = dict(facts(probe(path, limits=self._limits)))
            path = path.replace(folder / VIDEO)
        now = time.time()
        made = File(
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
        said: dict[str, Any] = asdict(made)
        del said["path"]
        part = folder / f"{META}.part"
        with part.open("w") as file:
            json.dump(said, file)
            _synced(file)
        part.replace(folder / META)
        return made

    def get(self, id: str, owner: str | None) -> File:
        """Raises NotFound, also for what is somebody else's."""
        found = self._read(id) if id.startswith("file_") and id[5:].isalnum() else None
        if found is None or (found.owner is not None and found.owner != owner):
            raise NotFound(
                f"file: there is no {quoted(id)} here; files expire after some days", code="unknown_file", param="file"
            )
        return found

    def array(self, id: str, owner: str | None) -> File:
        """Raises NotFound; Unprocessable for a video."""
        return self._wanted(id, owner, array=True)

    def video(self, id: str, owner: str | None) -> File:
        """Raises NotFound; Unprocessable for an array."""
        return self._wanted(id, owner, array=False)

    def _wanted(self, id: str, owner: str | None, *, array: bool) -> File:
        found = self.get(id, owner)
        if (found.video is None) != array:
            said = "is a video, and vectors are wanted" if array else "holds vectors, and a video is wanted"
            raise Unprocessable(f"file: {found.id} {said}", code="invalid_file", param="file")
        return found

    def list(self, owner: str | None, *, limit: int, cursor: str | None) -> tuple[list[File], str | None]:
        """The newest first, and the cursor for what follows."""
        found = [each for path in self._folder.glob("file_*") if (each := self._read(path.name))]
        mine = sorted((f for f in found if f.owner is None or f.owner == owner), key=lambda f: (-f.created, f.id))
        if cursor is not None:
            places = [i for i, each in enumerate(mine) if each.id == cursor]
            if not places:
                raise BadRequest(f"cursor: {quoted(cursor)} is none; take it from next_cursor", param="cursor")
            mine = mine[places[0] + 1 :]
        return mine[:limit], mine[limit - 1].id if len(mine) > limit else None

    def delete(self, id: str, owner: str | None) -> File:
        """What uses it meanwhile keeps it until that ends. Raises NotFound."""
        found = self.get(id, owner)
        (found.path.parent / META).unlink(missing_ok=True)
        shutil.rmtree(found.path.parent, ignore_errors=True)
        return found

    def _read(self, id: str) -> File | None:
        folder = self._folder / id
        try:
            said = json.loads((folder / META).read_text())
        except (OSError, ValueError):
            return None
        said["shape"] = None if said["shape"] is None else tuple(said["shape"])
        made = File(**said, path=folder / (VIDEO if said.get("video") else DATA))
        return made if made.expires > time.time() and made.path.exists() else None

    def sweep(self) -> None:
        """Remove what has expired, and uploads that broke off long ago."""
        for folder in self._folder.glob("file_*"):
            with suppress(OSError):
                if self._read(folder.name) is None and (
                    (folder / META).exists() or time.time() - folder.stat().st_mtime > UNFINISHED
                ):
                    shutil.rmtree(folder, ignore_errors=True)
        for left in self._uploads.glob("upload_*"):  # of a request that was killed
            with suppress(OSError):
                if time.time() - left.stat().st_mtime > UNFINISHED:
                    left.unlink()


def _synced(file: Any) -> None:
    file.flush()
    os.fsync(file.fileno())


def _is_array(path: Path) -> bool:
    """Whether it begins as a .npy file does; what else it may be, video or not, is told by its bytes too.

    Raises Unprocessable.
    """
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
        raise Unprocessable("the file is no .npy file; write it with numpy.save", code="invalid_file") from exc
    if len(shape) != 2 or 0 in shape or fortran or dtype.kind != "f" or not dtype.isnative:
        raise Unprocessable(
            f"the file has an array of {dtype} {shape}{', column by column' if fortran else ''}; save floats "
            "(items, dimension), row by row",
            code="invalid_file",
        )
    if size != start + dtype.itemsize * shape[0] * shape[1]:
        raise Unprocessable(
            f"the file has {size:,} bytes, its header tells of {start + dtype.itemsize * shape[0] * shape[1]:,}; send "
            "it whole",
            code="invalid_file",
        )
    return (int(shape[0]), int(shape[1])), str(dtype)


UPLOADS = "uploads"  # below DAGUERRE_HOME: videos of forms, each as long as its request
