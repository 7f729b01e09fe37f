"""Copies of pictures in a folder: written as they come, and named by their ids at the end."""

import os
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

from daguerre.types.images import ImageDescription, ImagesAnswer

JPEG = (".jpg", ".jpeg")


class CopyFolder:
    """A folder for copies. Used as a context manager, it removes what is not finished.

    Raises ValueError where `out` is the folder `images`, or in it, and OSError where it cannot be made.
    """

    def __init__(self, out: "str | os.PathLike[str]", images: Any) -> None:
        self.path = Path(out)
        if isinstance(images, str | os.PathLike) and os.path.isdir(images):
            source = Path(images).resolve()
            if self.path.resolve().is_relative_to(source):
                raise ValueError(
                    f"out: {str(out)!r} is in the folder of the pictures, {str(source)!r}, whose files it "
                    "would change or be among; name another one"
                )

    def __enter__(self) -> "CopyFolder":
        self.path.mkdir(parents=True, exist_ok=True)
        self._unfinished = Path(tempfile.mkdtemp(prefix=".unfinished-", dir=self.path))
        self._count = 0
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self._unfinished, ignore_errors=True)

    def keep(self, answer: ImagesAnswer) -> ImagesAnswer:
        """Write the pictures of an answer, which then has the names of their files in place of their bytes."""
        return replace(answer, images=[None if each is None else self._kept(each) for each in answer.images])

    def _kept(self, image: ImageDescription) -> ImageDescription:
        handle, name = tempfile.mkstemp(dir=self._unfinished)
        with os.fdopen(handle, "wb") as file:
            file.write(image.picture or b"")
        return replace(image, picture=os.fsencode(name))

    def place(self, ids: Sequence[str], images: Sequence[ImageDescription | None]) -> list[str | None]:
        """Move the pictures to where they belong: the path of each. Raises ValueError where two have one name."""
        names = [None if image is None else copy_name(id) for id, image in zip(ids, images, strict=True)]
        there = [name for name in names if name is not None]
        if len(set(there)) < len(there):
            twice = next(name for name in there if there.count(name) > 1)
            raise ValueError(f"ids: two copies would be {twice!r}; give ids that differ")
        paths: list[str | None] = []
        for name, image in zip(names, images, strict=True):
            if name is None or image is None:
                paths.append(None)
                continue
            path = self.path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            os.chmod(os.fsdecode(image.picture or b""), 0o644)
            os.replace(os.fsdecode(image.picture or b""), path)
            paths.append(str(path))
        return paths


def copy_name(id: str) -> str:
    """The path of a copy below its folder: the id without what leads out of the folder, as a JPEG."""
    parts = [part for part in PurePosixPath(id.replace("\\", "/")).parts if part not in ("/", "..", ".")]
    name = "/".join(parts).replace("\0", "") or "picture"
    return name if name.lower().endswith(JPEG) else f"{name}.jpg"
