"""The stored steps of a study, in a folder or in a bundle: calls, their arguments, and their results."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from daguerre.errors import DaguerreError
from daguerre.replication.outcomes import Outcome, read_npy

FOLDER, RECORD, RESULT = "steps", "step.json", "result"
NAME = re.compile(r"[0-9]{4,6}-[a-z_]{1,40}")
FORMAT = 1


@dataclass(frozen=True)
class StoredStep:
    """A step: `record` is its step.json, `read` gives the bytes of a file of the step by name."""

    record: Mapping[str, Any]
    read: Callable[[str], bytes]

    @property
    def number(self) -> int:
        """Place among the steps, from 1."""
        return int(self.record["number"])

    @property
    def operation(self) -> str:
        """Method that was called."""
        return str(self.record["operation"])

    @property
    def classifiers(self) -> list[str]:
        """Names and versions of the classifier that the step trained; empty for other steps."""
        return [str(each) for each in self.record.get("trained", ())]

    @cached_property
    def outcome(self) -> Outcome:
        """The stored result."""
        files = {name: self.read(f"{RESULT}/{name}") for name in self.record["result"]}
        return Outcome.read(files, [name.removesuffix(".npy") for name in files if name.endswith(".npy")])

    @cached_property
    def places(self) -> dict[str, int]:
        """The places of items by their ids."""
        return {id: i for i, id in enumerate(self.outcome.ids)}

    @cached_property
    def vectors(self) -> NDArray[Any] | None:
        """The vectors (n, d) of the items; None for a step without."""
        return self.outcome.arrays.get("vectors")


def parsed_record(data: bytes, where: str) -> Mapping[str, Any]:
    """A step.json. Raises DaguerreError for one that this version does not read."""
    try:
        record = json.loads(data)
        kinds = {"number": int, "operation": str, "arguments": dict, "result": dict, "format": int}
        wrong = [name for name, kind in kinds.items() if not isinstance(record[name], kind)]
    except (ValueError, TypeError, KeyError, RecursionError) as exc:
        raise DaguerreError(f"{where} is no record of a step: {exc!r:.100}", code="invalid_bundle") from exc
    if wrong:
        raise DaguerreError(f"{where} is no record of a step: its {wrong[0]} is of another kind", code="invalid_bundle")
    if record["format"] != FORMAT:
        raise DaguerreError(
            f"{where} has the format {record['format']}, and this daguerre reads {FORMAT}; use the one that wrote it",
            code="invalid_bundle",
        )
    found: Mapping[str, Any] = record
    return found


def folder_steps(folder: Path) -> Iterator[StoredStep]:
    """The steps in the folder of a study, in order."""
    root = folder / FOLDER
    names = sorted(path.name for path in root.iterdir() if NAME.fullmatch(path.name)) if root.is_dir() else []
    for name in names:
        step = root / name
        if (step / RECORD).is_file():  # otherwise its recording was interrupted
            yield StoredStep(parsed_record((step / RECORD).read_bytes(), f"{FOLDER}/{name}"), _reader(step))


def _reader(step: Path) -> Callable[[str], bytes]:
    return lambda name: (step / name).read_bytes()


def vectors_of(read: Callable[[str], bytes], name: str) -> NDArray[Any]:
    """The array of a file of a step."""
    return read_npy(read(name), name)
