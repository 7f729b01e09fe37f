"""Reading of a stored classifier's manifest and JSON files, any of which may be damaged."""

import json
import os
from pathlib import Path, PurePosixPath
from typing import Any, Literal

import orjson
from pydantic import BaseModel, ConfigDict, ValidationError

from models.classifiers.head import Task
from models.errors import TrainingError

MANIFEST = "manifest.json"


class DamagedClassifier(TrainingError):
    """A file of a classifier that is missing or cannot be read."""

    code = "classifier_damaged"

    def __init__(self, folder: Path, file: str, problem: str) -> None:
        super().__init__(
            f"classifier: {file} of {folder.parent.name}@{folder.name} {problem}; restore it, or delete the classifier"
        )


class _Manifest(BaseModel):
    """The fields of a manifest that every classifier has."""

    model_config = ConfigDict(allow_inf_nan=False, strict=True)

    kind: Literal["linear", "network"]
    task: Task
    labels: list[str]
    threshold: float
    bounds: list[float] | None
    created: str
    owner: str | None
    made_with: dict[str, dict[str, str | bool | float | dict[str, str] | None]]
    libraries: dict[str, str]
    sha256: dict[str, str]
    fingerprint: str | None = None
    start: dict[str, str] | None = None


def check_manifest(folder: Path, manifest: dict[str, Any]) -> None:
    """Raise DamagedClassifier where fields are missing or of another type, or a file is outside of `folder`."""
    try:
        checked = _Manifest.model_validate(manifest)
    except ValidationError as exc:
        first = exc.errors()[0]["loc"][0]
        raise DamagedClassifier(folder, MANIFEST, f"is no manifest of a classifier (see its field {first})") from exc
    bounds = checked.bounds
    if (bounds is not None and len(bounds) != 2) or bool(checked.labels) != (checked.task != "continuous"):
        raise DamagedClassifier(folder, MANIFEST, "is no manifest of a classifier (its fields do not fit together)")
    for file in checked.sha256:
        path = PurePosixPath(file)
        if path.is_absolute() or ".." in path.parts:
            raise DamagedClassifier(folder, MANIFEST, "names a file in another folder")


def read_json(folder: Path, file: str) -> dict[str, Any]:
    """The object in a JSON file. Raises DamagedClassifier."""
    require_file(folder, file)
    try:
        found = json.loads((folder / file).read_text(encoding="utf-8"), parse_constant=_refuse)
        orjson.dumps(found)  # refuses halves of characters, and numbers that do not fit into 64 bits
    except OSError as exc:
        raise DamagedClassifier(folder, file, problem_of(exc)) from exc
    except (ValueError, TypeError, RecursionError) as exc:
        raise DamagedClassifier(folder, file, "is not JSON") from exc
    if not isinstance(found, dict):
        raise DamagedClassifier(folder, file, "is not a JSON object")
    return found


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")


def require_file(folder: Path, file: str) -> None:
    """Raise DamagedClassifier for anything but a file: reading a pipe, for example, would never end."""
    if not os.path.isfile(folder / file):
        there = os.path.lexists(folder / file)
        raise DamagedClassifier(folder, file, "is no file, or cannot be read" if there else "is missing")


def problem_of(exc: OSError) -> str:
    """The problem of a file as the end of a sentence."""
    return "is missing" if isinstance(exc, FileNotFoundError) else f"cannot be read ({exc.strerror})"
