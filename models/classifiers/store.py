"""Trained classifiers on disk: versioned, whole or not there, readable without running code from them.

    classifiers/<name>/<version>/manifest.json    task, labels, blocks, calibration, threshold, bounds, versions, hashes
                                 head.npz         coef (h, k, d), intercept (h, k): the head, then those of its folds;
                                                  plain float64 arrays, never a pickle
                                 network/         in its place: a fine-tuned network, as network.py reads it
                                 report.json

A version appears by one rename, so that a process killed in the middle leaves nothing that could be served, and two
that save at once get two numbers. A number is never used twice: "posts@3" in a paper stays what it was, or is gone.
"""

import json
import os
import re
import shutil
import uuid
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import TypeAdapter, ValidationError

from models.classifiers.head import Block, Head, Task
from models.classifiers.network import GRAPH, Network
from models.classifiers.network import MANIFEST as NETWORK_MANIFEST
from models.disk import sha256
from models.errors import TrainingError, UnknownClassifier

FORMAT = 1
MANIFEST, ARRAYS, REPORT, NETWORK = "manifest.json", "head.npz", "report.json", "network"
NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
LIBRARIES = ("numpy", "scikit-learn", "scipy")
_blocks = TypeAdapter(tuple[Block, ...])


@dataclass(frozen=True, kw_only=True)
class Stored:
    """One version of a classifier.

    Attributes
    ----------
    head : None of a fine-tuned network, which `network` opens.
    """

    name: str
    version: int
    head: Head | None
    manifest: Mapping[str, Any]
    folder: Path

    @property
    def kind(self) -> Literal["linear", "network"]:
        return "network" if self.head is None else "linear"

    @property
    def task(self) -> Task:
        found: Task = self.manifest["task"]
        return found

    @property
    def labels(self) -> tuple[str, ...]:
        return tuple(self.manifest["labels"])

    def network(self, *, device: str = "cpu", threads: int = 0) -> Network:
        """The fine-tuned network, ready to run."""
        return Network(self.folder / NETWORK, device=device, threads=threads)

    @property
    def label(self) -> str:
        """As answers and papers name it: "posts@3"."""
        return f"{self.name}@{self.version}"

    def report(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / REPORT).read_text(encoding="utf-8"))
        return found


class Store:
    """The classifiers below one folder. Several processes may use it at once."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def save(
        self,
        name: str,
        head: Head,
        report: Mapping[str, Any],
        *,
        created: str,
        owner: str | None = None,
        token: str | None = None,
        made_with: Mapping[str, Any] | None = None,
    ) -> Stored:
        """Keep a new version.

        Parameters
        ----------
        created : a time, ISO 8601.
        token : what is being saved, for one who may have been killed and saves again: the same token, the same version.
        made_with : receipts of the encoders, by modality.

        Raises
        ------
        TrainingError : a name that cannot be one.
        """

        def fill(staging: Path) -> dict[str, Any]:
            heads = (head, *head.folds)
            with (staging / ARRAYS).open("wb") as file:
                np.savez(file, coef=np.stack([h.coef for h in heads]), intercept=np.stack([h.intercept for h in heads]))
            _sync(staging / ARRAYS)
            return {
                "kind": "linear",
                "task": head.task,
                "labels": list(head.labels),
                "blocks": [asdict(block) for block in head.blocks],
                "partial": head.partial,
                "calibration": [{"slope": h.slope, "offset": h.offset} for h in (head, *head.folds)],
                "threshold": head.threshold,
                "bounds": head.bounds,
                "spread": head.spread if np.isfinite(head.spread) else None,
            }

        return self._save(name, fill, report, created=created, owner=owner, token=token, made_with=made_with)

    def save_network(
        self,
        name: str,
        folder: Path,
        report: Mapping[str, Any],
        *,
        created: str,
        owner: str | None = None,
        token: str | None = None,
    ) -> Stored:
        """Keep a copy of the network that fine-tuning left in `folder`, as `save` keeps a head."""
        network = Network(folder)  # raises where it is not whole
        reading = network.reading

        def fill(staging: Path) -> dict[str, Any]:
            (staging / NETWORK).mkdir()
            for file in (GRAPH, NETWORK_MANIFEST):
                shutil.copyfile(folder / file, staging / NETWORK / file)
                _sync(staging / NETWORK / file)
            # the hashes of what is not kept are of no use to who opens it
            manifest = json.loads((staging / NETWORK / NETWORK_MANIFEST).read_text(encoding="utf-8"))
            manifest["files"] = {GRAPH: manifest["files"][GRAPH]}
            _write(staging / NETWORK / NETWORK_MANIFEST, json.dumps(manifest, ensure_ascii=False, indent=1))
            _sync(staging / NETWORK)
            return {
                "kind": "network",
                "task": reading.task,
                "labels": list(reading.labels),
                "fingerprint": network.fingerprint,
                "start": manifest.get("start"),
                "threshold": reading.threshold,
                "bounds": reading.bounds,
            }

        return self._save(name, fill, report, created=created, owner=owner, token=token, made_with=None)

    def _save(
        self,
        name: str,
        fill: Callable[[Path], dict[str, Any]],
        report: Mapping[str, Any],
        *,
        created: str,
        owner: str | None,
        token: str | None,
        made_with: Mapping[str, Any] | None,
    ) -> Stored:
        place = self._root / checked(name)
        for number in self._numbers(place) if token else ():
            if self._manifest(place / str(number)).get("token") == token:
                return self.load(name, number)
        place.mkdir(parents=True, exist_ok=True)
        staging = place / f".{uuid.uuid4().hex}.tmp"
        staging.mkdir()
        try:
            particulars = fill(staging)
            _write(staging / REPORT, json.dumps(report, ensure_ascii=False, allow_nan=False, default=_no_nan))
            files = sorted(path for path in staging.rglob("*") if path.is_file())
            manifest = {
                "format": FORMAT,
                "name": name,
                "created": created,
                "owner": owner,
                "token": token,
                **particulars,
                "made_with": dict(made_with or {}),
                "libraries": {library: installed(library) for library in LIBRARIES},
                "sha256": {path.relative_to(staging).as_posix(): sha256(path) for path in files},
            }
            _write(staging / MANIFEST, json.dumps(manifest, ensure_ascii=False, indent=1))
            _sync(staging)
            number = self._claim(place, staging)
        except BaseException:
            shutil.rmtree(staging, ignore_errors=True)
            raise
        return self.load(name, number)

    def _claim(self, place: Path, staging: Path) -> int:
        """Rename into the next free number; another process may have taken it meanwhile."""
        while True:
            number = max(self._numbers(place, gone=True), default=0) + 1
            try:
                staging.rename(place / str(number))  # onto a folder that is not empty: an error, on every system
            except OSError:
                if not (place / str(number)).exists():
                    raise
                continue
            _sync(place)
            return number

    def load(self, name: str, number: int | None = None) -> Stored:
        """A version, the newest for None. Raises UnknownClassifier, or TrainingError where a file was changed."""
        place = self._root / checked(name)
        there = self._numbers(place)
        if not there:
            known = ", ".join(self.names()[:10]) or "none yet"
            raise UnknownClassifier(f"classifier: there is no {name!r} here; there are: {known}")
        if number is None:
            number = max(there)
        if number not in there:
            raise UnknownClassifier(f"classifier: {name} has no version {number}; it has {', '.join(map(str, there))}")
        folder = place / str(number)
        manifest = self._manifest(folder)
        if manifest.get("format") != FORMAT:
            raise TrainingError(
                f"classifier: {name}@{number} has format {manifest.get('format')}, this Daguerre reads {FORMAT}; "
                "use the Daguerre that made it, or a newer one",
                code="unknown_format",
            )
        for file, expected in manifest["sha256"].items():
            if sha256(folder / file) != expected:
                raise TrainingError(
                    f"classifier: {file} of {name}@{number} is not what was saved; restore it, or train anew",
                    code="classifier_changed",
                )
        head = _head(folder, manifest) if manifest["kind"] == "linear" else None
        return Stored(name=name, version=number, head=head, manifest=manifest, folder=folder)

    def names(self) -> list[str]:
        if not self._root.is_dir():
            return []
        return sorted(place.name for place in self._root.iterdir() if place.is_dir() and self._numbers(place))

    def versions(self, name: str) -> list[int]:
        """Those there are, the oldest first."""
        return self._numbers(self._root / checked(name))

    def delete(self, name: str, number: int | None = None) -> list[int]:
        """Delete a version, all of them for None; the numbers that went. They are not used again."""
        place = self._root / checked(name)
        there = self._numbers(place)
        going = there if number is None else [number]
        if not going or not set(going) <= set(there):
            self.load(name, number)  # says what there is
        for gone in going:
            tombstone = place / f"{gone}.gone"
            tombstone.mkdir(exist_ok=True)
            buried = place / f".{uuid.uuid4().hex}.tmp"
            (place / str(gone)).rename(buried)
            _sync(place)
            shutil.rmtree(buried)
        return going

    def clean(self) -> int:
        """Remove what killed processes have left; for a start-up, before anything is saved. How many there were."""
        rest = list(self._root.glob("*/.*.tmp"))
        for folder in rest:
            shutil.rmtree(folder, ignore_errors=True)
        return len(rest)

    @staticmethod
    def _manifest(folder: Path) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        return found

    @staticmethod
    def _numbers(place: Path, *, gone: bool = False) -> list[int]:
        if not place.is_dir():
            return []
        names = [entry.name.removesuffix(".gone") if gone else entry.name for entry in place.iterdir()]
        return sorted({int(name) for name in names if name.isdecimal()})


def checked(name: str) -> str:
    """A name that is no path. Raises TrainingError."""
    if not NAME.fullmatch(name) or ".." in name:
        raise TrainingError(
            f"name: got {name[:70]!r}; small letters, digits, '-', '_' and '.', 63 at most, a letter or digit first",
            code="bad_name",
        )
    return name


def _head(folder: Path, manifest: Mapping[str, Any]) -> Head:
    try:
        with np.load(folder / ARRAYS, allow_pickle=False) as arrays:
            coef, intercept = arrays["coef"], arrays["intercept"]
        head = Head(
            task=manifest["task"],
            blocks=_blocks.validate_python(manifest["blocks"]),
            labels=tuple(manifest["labels"]),
            coef=coef[0],
            intercept=intercept[0],
            threshold=manifest["threshold"],
            bounds=tuple(manifest["bounds"]) if manifest["bounds"] else None,
            spread=float("inf") if manifest["spread"] is None else manifest["spread"],
            partial=manifest["partial"],
        )
        first, *folds = (
            replace(head, coef=c, intercept=i, slope=by["slope"], offset=by["offset"])
            for c, i, by in zip(coef, intercept, manifest["calibration"], strict=True)
        )
        return replace(first, folds=tuple(folds))
    except (KeyError, ValueError, ValidationError) as exc:
        raise TrainingError(f"classifier: {folder.parent.name}@{folder.name} cannot be read: {exc}") from exc


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
    _sync(path)


def _no_nan(value: object) -> object:
    if isinstance(value, np.ndarray):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} is not JSON")


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
