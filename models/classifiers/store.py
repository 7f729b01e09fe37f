"""Trained classifiers on disk: versioned, written atomically, and loaded without executing code from them.

    classifiers/<name>/<version>/manifest.json    task, labels, blocks, calibration, threshold, bounds, versions, hashes
                                 head.npz         coef (h, k, d), intercept (h, k): the head, then those of its folds;
                                                  plain float64 arrays, never a pickle
                                 network/         instead of head.npz: a fine-tuned network, as network.py reads it
                                 report.json

A version appears by one rename: a process that is killed while saving leaves nothing that could be loaded, and two
processes that save at once get two numbers. A number is never used twice: "posts@3" in a paper keeps its meaning.
"""

import json
import re
import shutil
import time
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any, Literal

from models.classifiers.head import Head, Task
from models.classifiers.head_files import read_head, write_head
from models.classifiers.manifest import MANIFEST, DamagedClassifier, check_manifest, problem_of, read_json, require_file
from models.classifiers.network import GRAPH, Network
from models.classifiers.network import MANIFEST as NETWORK_MANIFEST
from models.disk import empty_folder, sha256, sync_file, sync_folder
from models.errors import TrainingError, UnknownClassifier, quoted

FORMAT = 1
LEFT_OVER = 3600.0  # seconds after which what is being saved was left by a killed process
REPORT, NETWORK = "report.json", "network"
OWNER = "owner.json"  # beside the versions, for the case that a manifest is damaged
NUMBER = re.compile(r"[1-9][0-9]{0,8}")
NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
LIBRARIES = ("numpy", "scikit-learn", "scipy")


@dataclass(frozen=True, kw_only=True)
class Stored:
    """One version of a classifier.

    Attributes
    ----------
    head : None for a fine-tuned network, which `network` opens.
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
        task: Task = self.manifest["task"]
        return task

    @property
    def labels(self) -> tuple[str, ...]:
        return tuple(self.manifest["labels"])

    def network(self, *, device: str = "cpu", threads: int = 0) -> Network:
        """The fine-tuned network, ready to run."""
        return Network(self.folder / NETWORK, device=device, threads=threads)

    @property
    def label(self) -> str:
        """Name and version: "posts@3"."""
        return f"{self.name}@{self.version}"

    def report(self) -> dict[str, Any]:
        """The report. Raises DamagedClassifier."""
        return read_json(self.folder, REPORT)


class Store:
    """The classifiers in one folder. Several processes may use it at once."""

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
        """Save a new version of a classifier.

        Parameters
        ----------
        created : time of creation, ISO 8601.
        token : identifies what is saved: saving again with the same token returns the version saved first, so that a
            process that was killed may repeat it.
        made_with : receipts of the encoders, by modality.

        Raises
        ------
        TrainingError : an invalid name.
        """

        def fill(staging: Path) -> dict[str, Any]:
            return {"kind": "linear", **write_head(staging, head)}

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
        """Save a copy of the network that fine-tuning wrote to `folder`; parameters are those of `save`."""
        network = Network(folder)  # raises ModelUnavailable where files are missing or damaged
        reading = network.reading

        def fill(staging: Path) -> dict[str, Any]:
            (staging / NETWORK).mkdir()
            for file in (GRAPH, NETWORK_MANIFEST):
                shutil.copyfile(folder / file, staging / NETWORK / file)
                sync_file(staging / NETWORK / file)
            # without the hashes of files that are not kept
            manifest = json.loads((staging / NETWORK / NETWORK_MANIFEST).read_text(encoding="utf-8"))
            manifest["files"] = {GRAPH: manifest["files"][GRAPH]}
            _write(staging / NETWORK / NETWORK_MANIFEST, json.dumps(manifest, ensure_ascii=False, indent=1))
            sync_folder(staging / NETWORK)
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
        place = self._root / check_name(name)
        for number in self._numbers(place) if token else ():
            with suppress(DamagedClassifier):
                if self._manifest(place / str(number)).get("token") == token:
                    return self.load(name, number)
        place.mkdir(parents=True, exist_ok=True)
        staging = place / f".{uuid.uuid4().hex}.tmp"
        staging.mkdir()
        try:
            particulars = fill(staging)
            _write(staging / REPORT, json.dumps(report, ensure_ascii=False, allow_nan=False))
            files = sorted(path for path in staging.rglob("*") if path.is_file())
            manifest = {
                "format": FORMAT,
                "name": name,
                "created": created,
                "owner": owner,
                "token": token,
                "coded": report.get("n"),
                **particulars,
                "made_with": dict(made_with or {}),
                "libraries": {library: installed(library) for library in LIBRARIES},
                "sha256": {path.relative_to(staging).as_posix(): sha256(path) for path in files},
            }
            _write(staging / MANIFEST, json.dumps(manifest, ensure_ascii=False, indent=1))
            sync_folder(staging)
            if owner is not None:
                with suppress(FileExistsError), (place / OWNER).open("x", encoding="utf-8") as file:
                    json.dump({"owner": owner}, file)
            number = self._claim(place, staging)
        except BaseException:
            shutil.rmtree(staging, ignore_errors=True)
            raise
        return self.load(name, number)

    def _claim(self, place: Path, staging: Path) -> int:
        """Rename to the next free number; another process may take it at the same time."""
        while True:
            number = max(self._numbers(place, gone=True), default=0) + 1
            try:
                staging.rename(place / str(number))  # an error on every system if that folder is not empty
            except OSError:
                if not (place / str(number)).exists():
                    raise
                continue
            sync_folder(place)
            return number

    def load(self, name: str, number: int | None = None) -> Stored:
        """Load a version (None: the newest).

        Raises
        ------
        UnknownClassifier
        DamagedClassifier : a file is missing, cut or not JSON.
        TrainingError : a file was changed, or written by another version.
        """
        place = self._root / check_name(name)
        numbers = self._numbers(place)
        if not numbers:
            known = ", ".join(self.names()[:10]) or "none yet"
            raise UnknownClassifier(f"classifier: {quoted(name)} does not exist; existing classifiers: {known}")
        if number is None:
            number = max(numbers)
        if number not in numbers:
            raise UnknownClassifier(
                f"classifier: {name} has no version {number}; it has {', '.join(map(str, numbers))}"
            )
        folder = place / str(number)
        manifest = self._manifest(folder)
        if manifest.get("format") != FORMAT:
            raise TrainingError(
                f"classifier: {name}@{number} has format {manifest.get('format')}, this version reads {FORMAT}; "
                "use the version of Daguerre that wrote it",
                code="unknown_format",
            )
        check_manifest(folder, manifest)
        for file in (REPORT, *manifest["sha256"]):
            require_file(folder, file)
            expected = manifest["sha256"].get(file)
            try:
                found = sha256(folder / file)
            except OSError as exc:
                raise DamagedClassifier(folder, file, problem_of(exc)) from exc
            if found != expected:
                raise TrainingError(
                    f"classifier: {file} of {name}@{number} was changed after it was saved; restore it, or train again",
                    code="classifier_changed",
                )
        head = read_head(folder, manifest) if manifest["kind"] == "linear" else None
        return Stored(name=name, version=number, head=head, manifest=manifest, folder=folder)

    def owner(self, name: str, number: int) -> str | None:
        """The owner of a version; None where the manifest cannot be read."""
        return self._owner(self._root / check_name(name) / str(number), MANIFEST)

    def owners(self, name: str, number: int | None = None) -> set[str]:
        """The owners of a version (None: of all versions); where a manifest is damaged, the last who saved any."""
        place = self._root / check_name(name)
        numbers = self._numbers(place) if number is None else [number]
        found = {self._owner(place / str(each), MANIFEST) or self._owner(place, OWNER) for each in numbers}
        return {owner for owner in found if owner is not None}

    @staticmethod
    def _owner(folder: Path, file: str) -> str | None:
        try:
            found = read_json(folder, file).get("owner")
        except DamagedClassifier:
            return None
        return found if isinstance(found, str) else None

    def names(self) -> list[str]:
        if not self._root.is_dir():
            return []
        places = [place for place in self._root.iterdir() if NAME.fullmatch(place.name) and ".." not in place.name]
        return sorted(place.name for place in places if place.is_dir() and self._is_used(place))

    def _is_used(self, place: Path) -> bool:
        """Whether there is a version, or something that cannot be read."""
        try:
            return bool(self._numbers(place))
        except DamagedClassifier:
            return True

    def versions(self, name: str) -> list[int]:
        """The existing versions, oldest first."""
        return self._numbers(self._root / check_name(name))

    def delete(self, name: str, number: int | None = None) -> list[int]:
        """Delete a version (None: all versions) and return the deleted numbers. They are not used again."""
        place = self._root / check_name(name)
        existing = self._numbers(place)
        numbers = existing if number is None else [number]
        if not numbers or not set(numbers) <= set(existing):
            self.load(name, number)  # raises the error that names the existing ones
        for deleted in numbers:  # by renaming, since a full disk has no room for a new folder
            folder, gone = place / str(deleted), place / f"{deleted}.gone"
            if folder.is_dir() and not folder.is_symlink():
                folder.rename(gone)
                sync_folder(place)
                empty_folder(gone)
            else:
                gone.mkdir(exist_ok=True)
                folder.unlink()
        if numbers == existing:
            (place / OWNER).unlink(missing_ok=True)
        return numbers

    def clean(self) -> int:
        """Remove the leftovers of killed processes, and return their number; younger ones may be of a running one."""
        before = time.time() - LEFT_OVER
        leftovers = [path for path in self._root.glob("*/.*.tmp") if path.stat().st_mtime < before]
        for folder in leftovers:
            shutil.rmtree(folder, ignore_errors=True)
        for gone in self._root.glob("*/*.gone"):  # a deletion that was interrupted
            empty_folder(gone)
        return len(leftovers)

    @staticmethod
    def _manifest(folder: Path) -> dict[str, Any]:
        return read_json(folder, MANIFEST)

    @staticmethod
    def _numbers(place: Path, *, gone: bool = False) -> list[int]:
        if not place.is_dir():
            return []
        try:
            names = [entry.name.removesuffix(".gone") if gone else entry.name for entry in place.iterdir()]
        except OSError as exc:
            raise DamagedClassifier(place / "1", "the folder", problem_of(exc)) from exc
        return sorted({int(name) for name in names if NUMBER.fullmatch(name)})


def check_name(name: str) -> str:
    """Return a name that is valid, and cannot be a path. Raises TrainingError."""
    if not NAME.fullmatch(name) or ".." in name:
        raise TrainingError(
            f"name: got {name[:70]!r}; use at most 63 of a-z, 0-9, '-', '_' and '.', beginning with a letter or digit",
            code="bad_name",
        )
    return name


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
    sync_file(path)
