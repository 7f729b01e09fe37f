"""A run over videos that can be resumed: the results of each video are kept on disk until all are done."""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from daguerre.errors import FingerprintMismatchError, ItemError, ItemFailedError, JobFailedError
from daguerre.inputs.names import printable
from daguerre.results.base import Errors
from daguerre.results.video import ClipEmbeddings, ClipPredictions, ClipScores, VideoResult
from daguerre.types.common import PageMode

R = TypeVar("R", bound=VideoResult)


@dataclass(frozen=True, kw_only=True)
class Frames:
    """Results for the frames of one video.

    Attributes
    ----------
    timestamps : (n,), in seconds.
    shot : (n,), or empty if shots were not detected.
    labels : the label of each frame; empty if there are none.
    values : (n, columns): scores, probabilities or vectors.
    fingerprint : that of the model.
    remarks : limits of the result, as phrases about the video.
    """

    timestamps: NDArray[np.float64]
    shot: NDArray[np.int64]
    labels: Sequence[str | None]
    values: NDArray[Any]
    fingerprint: str
    remarks: Sequence[str] = ()

    @property
    def remark(self) -> str | None:
        """The remarks as one text for a table; None without any."""
        return "; ".join(self.remarks) or None

    @property
    def shots(self) -> list[int | None]:
        """The shot of each frame, None if it is not known."""
        return self.shot.tolist() if len(self.shot) else [None] * len(self.timestamps)


def of_scores(result: ClipScores) -> Frames:
    return _frames(result, result.scores, result.best)


def of_predictions(result: ClipPredictions) -> Frames:
    if result.labels:
        return _frames(result, result.probabilities, result.predicted)
    return _frames(result, np.stack([result.values, result.low, result.high], axis=1))


def of_embeddings(result: ClipEmbeddings) -> Frames:
    return _frames(result, result.vectors)


def _frames(result: VideoResult, values: NDArray[Any], labels: Sequence[str | None] = ()) -> Frames:
    shot = np.zeros(0, np.int64) if result.shot is None else result.shot
    return Frames(
        timestamps=result.timestamps,
        shot=shot,
        labels=labels,
        values=values,
        fingerprint=result.receipt.fingerprint,
        remarks=result.remarks,
    )


class VideoParts:
    """A file for each video in the folder `<out>.videos`, until the table is written; a temporary folder for "-".

    Parameters
    ----------
    request : the parameters of the run; parts of other parameters, or of a file that has changed, do not count.
    ids : the ids of the videos by their paths; None: the paths.
    """

    def __init__(self, out: str, request: Mapping[str, Any], ids: Mapping[str, str] | None = None) -> None:
        self._ids = ids or {}
        self._request = json.dumps(request, sort_keys=True)
        self._paths: dict[str, Path] = {}
        self._own = tempfile.TemporaryDirectory(prefix="daguerre-") if out == "-" else None
        self.folder = Path(f"{out}.videos" if self._own is None else self._own.name)
        self.folder.mkdir(exist_ok=True)

    def id(self, path: str) -> str:
        """The id of a video."""
        return self._ids.get(path) or printable(path)

    def has(self, path: str) -> bool:
        return self._path(path).is_file()

    def keep(self, path: str, frames: Frames) -> None:
        """Write the results of a video; the file appears whole or not at all."""
        target = self._path(path)
        temporary = target.with_suffix(".tmp")
        facts = json.dumps(
            {"labels": list(frames.labels), "fingerprint": frames.fingerprint, "remarks": list(frames.remarks)}
        )
        with temporary.open("wb") as file:
            np.savez(file, timestamps=frames.timestamps, shot=frames.shot, values=frames.values, facts=np.array(facts))
        temporary.replace(target)

    def read(self, path: str) -> Frames:
        with np.load(self._path(path), allow_pickle=False) as kept:
            arrays = {name: kept[name] for name in ("timestamps", "shot", "values")}
            return Frames(**arrays, **json.loads(str(kept["facts"])))

    def remarks(self, paths: Sequence[str]) -> dict[str, Sequence[str]]:
        """The remarks of each video that has any."""
        every: dict[str, Sequence[str]] = {}
        for path in filter(self.has, paths):
            with np.load(self._path(path), allow_pickle=False) as kept:
                if found := json.loads(str(kept["facts"])).get("remarks"):
                    every[self.id(path)] = found
        return every

    def every(self, paths: Sequence[str], failed: Errors) -> Iterator[tuple[str, Frames | str]]:
        """Yield each video with its frames or the code of its error. Raises FingerprintMismatchError."""
        codes = {error.id: error.code for error in failed}
        first: str | None = None
        for path in paths:
            id = self.id(path)
            if id in codes:
                yield id, codes[id]
                continue
            frames = self.read(path)
            first = first or frames.fingerprint
            if frames.fingerprint != first:
                raise FingerprintMismatchError(
                    f"the server changed its model during the run: {first} before, {frames.fingerprint} for {path}; "
                    f"delete {self.folder} and start again",
                    code="fingerprint_mismatch",
                )
            yield id, frames

    def remove(self) -> None:
        if self._own is None:
            shutil.rmtree(self.folder)
        else:
            self._own.cleanup()

    def _path(self, path: str) -> Path:
        if path not in self._paths:
            self._paths[path] = self.folder / f"{self._key(path)}.npz"
        return self._paths[path]

    def _key(self, path: str) -> str:
        try:
            status = os.stat(path)
            state = [status.st_size, status.st_mtime_ns]
        except OSError:
            state = []
        key = json.dumps([self._request, os.path.abspath(path), state])
        return hashlib.sha256(key.encode("utf-8", "backslashreplace")).hexdigest()[:32]


def run_videos(
    parts: VideoParts,
    paths: Sequence[str],
    ask: Callable[[str, str], R],
    frames_of: Callable[[R], Frames],
    *,
    timeline: Path | None = None,
    pictures: PageMode = "blurred",
) -> Errors:
    """Ask about each video that has no part yet, and keep its results. Returns the videos that cannot be used.

    Parameters
    ----------
    ask : called with a path and a title for the progress bar.
    timeline : folder for an HTML page of each video with scores or predictions.
    pictures : form of the thumbnails of these pages.
    """
    failed: list[ItemError] = []
    for i, path in enumerate(paths):
        id = parts.id(path)
        if parts.has(path):
            continue
        try:
            result = ask(path, f"{os.path.basename(path)} ({i + 1:,} of {len(paths):,})")
        except ItemFailedError as exc:
            failed.append(ItemError(i, id, exc.code, exc.item.message))
        except JobFailedError as exc:
            failed.append(ItemError(i, id, exc.code, exc.message))
        except OSError as exc:
            message = f"cannot be read: {exc.strerror or exc}; check the path"
            failed.append(ItemError(i, id, "unreadable_file", message))
        else:
            if timeline is not None and isinstance(result, ClipScores | ClipPredictions):
                page = timeline / f"{id}.html"
                page.parent.mkdir(parents=True, exist_ok=True)
                result.timeline(page, pictures=pictures)
            parts.keep(path, frames_of(result))
    return Errors(failed)
