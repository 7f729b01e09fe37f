"""Arguments of a call as JSON and files: pictures by their hashes, vectors and results by the step that made them.

An argument is stored as itself where JSON has it, otherwise as {"$": kind, …}. Absolute paths are never stored.
"""

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, astuple, dataclass, field, fields, is_dataclass
from typing import Any

import numpy as np

from daguerre.corpus.coded import CodedTable
from daguerre.dispatch.vectors import WithEmbeddings
from daguerre.inputs.alignment import is_series, series_labels
from daguerre.inputs.columns import is_path, plain
from daguerre.inputs.crops import CroppedImage, CroppedSource
from daguerre.inputs.files import file_kind
from daguerre.inputs.items import image_sources, text_column
from daguerre.inputs.source import Unreadable
from daguerre.replication.operations import COLLECTIONS, RecordedMethod
from daguerre.replication.outcomes import csv_bytes, npy_bytes, outcome_of, without_paths
from daguerre.replication.steps import StoredStep
from daguerre.results.analyses import Analyses
from daguerre.results.annotation import Pairs, Sample, Stratum
from daguerre.results.base import Errors
from daguerre.results.captions import Captions
from daguerre.results.clusters import Cluster, Clustered, ClusterName, SimilarCluster
from daguerre.results.duplicates import DuplicateGroup, Duplicates, RelatedGroup
from daguerre.results.embeddings import Embeddings, read_embeddings
from daguerre.results.predictions import Predictions
from daguerre.results.zero_shot import ZeroShot
from daguerre.storage.dataset import is_dataset
from daguerre.storage.parquet import read_schema
from daguerre.storage.tables import TABLES, Table, read_table, table_of
from daguerre.types.common import MARKS, Crop, Receipt

CLASSES: Mapping[str, Any] = {
    kind.__name__: kind
    for kind in (
        *(CodedTable, ZeroShot, Predictions, Duplicates, DuplicateGroup, RelatedGroup, Clustered, Cluster, ClusterName),
        *(Analyses, Captions, SimilarCluster, Sample, Stratum, Pairs, Receipt, Crop),
    )
}
FILES = (*TABLES, ".npz", ".json")
TEXT_COLUMNS = ("text", "texts", "caption", "ocr")  # of tables, which a bundle leaves out


class NotRecorded(Exception):
    """An argument that cannot be stored."""


def sha256(data: bytes) -> str:
    """SHA-256 in hex digits."""
    return hashlib.sha256(data).hexdigest()


@dataclass
class Encoder:
    """Stores the arguments of one call.

    Attributes
    ----------
    method : the row of the method.
    earlier : the steps before.
    files : by name, what is stored beside the arguments.
    names : ids of pictures by their paths on this machine.
    """

    method: RecordedMethod
    earlier: Sequence[StoredStep]
    files: dict[str, bytes] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    _inside: bool = False
    _ids: Any = None

    def arguments(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """All arguments of a call by name; pictures first, since their ids name items in the others."""
        self._ids = given.get("ids")
        first = [name for name in given if name in self.method.images]
        encoded = {name: self._argument(name, given[name]) for name in (*first, *(n for n in given if n not in first))}
        return {name: encoded[name] for name in given}

    def _argument(self, name: str, value: Any) -> Any:
        if value is None:
            return None
        if name in self.method.images:
            return self.pictures(value)
        if name in self.method.texts:
            return self._texts(value)
        if name in self.method.either:
            return self._either(value)
        return self.value(value)

    def pictures(self, given: Any) -> dict[str, Any]:
        """Pictures by their ids, with the SHA-256 and the size of each."""
        sources = image_sources(given)
        every = [(source, self._picture(source)) for source in sources]
        for (source, item), id, file in zip(every, sources.ids(), sources.files(), strict=True):
            item["id"] = without_paths(id)
            item["file"] = without_paths(source.source.id) if isinstance(source, CroppedSource) else item["id"]
            self.names[os.path.abspath(file)] = self.names[file] = item["id"]
        return {"$": "images", "items": [item for _, item in every]}

    def _picture(self, source: Any) -> dict[str, Any]:
        crop = source.crop if isinstance(source, CroppedSource) else None
        try:
            data = source.read().image
        except Unreadable:
            data = None
        found: dict[str, Any] = {"sha256": None, "bytes": None, "crop": None if crop is None else list(astuple(crop))}
        if data is not None:
            found |= {"sha256": sha256(data), "bytes": len(data), **image_size(data)}
        return found

    def _texts(self, given: Any) -> dict[str, Any]:
        items, ids = text_column(given)
        return self._text_items([plain(each) for each in items], ids)

    def _text_items(self, texts: Sequence[Any], ids: Sequence[str] | None) -> dict[str, Any]:
        name = f"texts-{len(self.files)}.csv"
        rows = [["text", "missing"], *(["" if each is None else str(each), str(int(each is None))] for each in texts)]
        self.files[name] = csv_bytes(rows)
        hashes = [None if each is None else sha256(str(each).encode("utf-8", "replace")) for each in texts]
        return {"$": "texts", "file": name, "sha256": hashes, "ids": ids and [without_paths(id) for id in ids]}

    def _either(self, given: Any) -> Any:
        """A query: a text, or pictures."""
        if isinstance(given, str) or (isinstance(given, list | tuple) and all(isinstance(q, str) for q in given)):
            return self._plain_list(given)
        return self.value(given) if isinstance(given, Embeddings) else self.pictures(given)

    def _plain_list(self, given: Any) -> Any:
        return without_paths(given) if isinstance(given, str) else [without_paths(each) for each in given]

    def value(self, given: Any) -> Any:
        """Any other argument. Raises NotRecorded."""
        given = plain(given)
        if given is None or isinstance(given, bool | int):
            return given
        if isinstance(given, float | np.floating):
            return float(given) if np.isfinite(given) else {"$": "float", "value": repr(float(given))}
        if isinstance(given, np.generic):
            return self.value(given.item())
        if isinstance(given, str):
            return self._text(given)
        if hasattr(getattr(given, "asynchronous", given), "stored"):
            raise NotRecorded(COLLECTIONS)
        if isinstance(given, WithEmbeddings):
            return self._embeddings(given.to_embeddings())
        for test, encode in self._kinds():
            if test(given):
                return encode(given)
        raise NotRecorded(f"{type(given).__name__} is no value that can be stored")

    def _kinds(self) -> Iterable[tuple[Callable[[Any], bool], Callable[[Any], Any]]]:
        return (
            (is_path, lambda x: self._file(os.fspath(x))),
            (lambda x: isinstance(x, Embeddings), self._embeddings),
            (_is_classifier, lambda x: {"$": "classifier", "id": x.id}),
            (lambda x: isinstance(x, Errors), lambda x: {"$": "errors", "items": [_error(each) for each in x]}),
            (lambda x: isinstance(x, Table), lambda x: self._table(x)),
            (lambda x: isinstance(x, np.ndarray), self._array),
            (lambda x: is_dataclass(x) and not isinstance(x, type), self._object),
            (lambda x: hasattr(x, "columns") and hasattr(x, "reset_index"), self._frame),  # of pandas
            (lambda x: hasattr(x, "column_names") or hasattr(x, "columns"), lambda x: self._table(table_of(x))),
            (is_series, self._series),
            (lambda x: isinstance(x, Mapping), self._mapping),
            (lambda x: isinstance(x, tuple), lambda x: {"$": "tuple", "items": [self.value(each) for each in x]}),
            (
                lambda x: isinstance(x, Iterable) and not isinstance(x, bytes),
                lambda x: [self.value(each) for each in x],
            ),
        )

    def _text(self, given: str) -> Any:
        """A text, or the file that it names, "NAME=FILE" too."""
        name, _, path = given.partition("=")
        for prefix, file in () if self._inside else (("", given), (f"{name}=", path)):
            if (file.lower().endswith(FILES) and os.path.isfile(file)) or is_dataset(file):
                return {**self._file(file), "prefix": prefix}
        return self.names.get(given) or without_paths(given)

    def _file(self, path: str) -> Any:
        if os.path.isfile(path) and not path.lower().endswith(FILES) and file_kind(path) == "image":
            return self.pictures([path])
        kind = os.path.splitext(path)[1].lower()
        if is_dataset(path) or kind == ".npz" or (kind == ".parquet" and "vector" in read_schema(path).names):
            return self._embeddings(read_embeddings(path))
        if path.lower().endswith(".json"):
            with open(path, encoding="utf-8") as file:
                return self.value(json.load(file))
        return self._table(read_table(path))

    def _table(self, table: Table) -> dict[str, Any]:
        """A table as a file of its own, whose paths of pictures are their ids."""
        if table.unread:
            raise NotRecorded(f"{without_paths(table.path)} has columns that are no text or numbers")
        key, path = table.find("id"), table.find("path")
        rows = []
        for row in table.rows:
            cells = {name: self.names.get(cell) or without_paths(cell) for name, cell in row.items()}
            if key is not None and path is not None:
                cells[path] = cells[key]
            rows.append([cells[name] for name in table.names])
        base = os.path.basename(table.path) or "table"
        stem = "".join(c if c.isascii() and (c.isalnum() or c in "-_") else "-" for c in os.path.splitext(base)[0])
        name = f"table-{len(self.files)}-{stem[:40] or 'table'}.csv"
        data = csv_bytes([list(table.names), *rows])
        self.files[name] = data
        return {"$": "table", "file": name, "name": base, "decimal_comma": table.decimal_comma}

    def _embeddings(self, made: Embeddings) -> dict[str, Any]:
        if made.modality == "face":
            raise NotRecorded("vectors of faces are biometric data, and no part of a bundle for others")
        ids = [without_paths(self.names.get(id) or id) for id in made.ids]
        stored: dict[str, Any] = {
            "$": "embeddings",
            "ids": ids,
            "receipt": asdict(made.receipt),
            "modality": made.modality,
            "errors": [_error(each) for each in made.errors],
            "marks": {name: list(getattr(made, name)) for name in MARKS},
        }
        return stored | self._rows(made.vectors, ids)

    def _rows(self, vectors: Any, ids: Sequence[str] | None) -> dict[str, Any]:
        """Vectors by the earlier step that made them; a file of their own where there is none."""
        rows = np.ascontiguousarray(vectors)
        for step in reversed(self.earlier):
            known = step.vectors if ids is not None and rows.ndim == 2 else None
            if known is None or known.dtype != rows.dtype or known.shape[1] != rows.shape[1]:
                continue
            places = [step.places.get(id, -1) for id in ids or ()]
            if places and min(places) >= 0 and np.array_equal(known[places], rows, equal_nan=True):
                return {"step": step.number}
        name = f"array-{len(self.files)}.npy"
        self.files[name] = npy_bytes(rows)
        return {"file": name}

    def _array(self, given: Any) -> Any:
        if given.dtype.kind not in "fiub":
            return [self.value(each) for each in given.tolist()]
        ids = None if self._ids is None or len(self._ids) != len(given) else list(map(str, self._ids))
        return {"$": "array", "ids": ids, **self._rows(given, ids)}

    def _series(self, given: Any) -> Any:
        labels = [plain(each) for each in series_labels(given)]
        values = [self.value(each.item() if isinstance(each, np.generic) else _present(each)) for each in given]
        if labels == [str(i) for i in range(len(labels))]:
            return values
        return {"$": "series", "items": [[self.value(k), v] for k, v in zip(labels, values, strict=True)]}

    def _frame(self, given: Any) -> dict[str, Any]:
        """A DataFrame of pandas: its columns, and its index where it has labels."""
        columns: dict[str, Any] = {str(name): [_present(plain(each)) for each in given[name]] for name in given.columns}
        index = None if list(given.index) == list(range(len(given))) else [self.value(each) for each in given.index]
        return {
            "$": "frame",
            "index": index,
            "index_name": given.index.name,
            "columns": [
                [name, self._text_items(cells, None) if name.casefold() in TEXT_COLUMNS else self.value(cells)]
                for name, cells in columns.items()
            ],
        }

    def _mapping(self, given: Any) -> dict[str, Any]:
        return {"$": "mapping", "items": [[self.value(key), self.value(each)] for key, each in given.items()]}

    def _object(self, given: Any) -> Any:
        """A result: that of an earlier step where it is one, and its fields."""
        name = next((kind.__name__ for kind in type(given).__mro__ if kind.__name__ in CLASSES), None)
        if name is None:
            raise NotRecorded(f"{type(given).__name__} is no value that can be stored")
        stored: dict[str, Any] = {}
        outer, self._inside = self._inside, True  # its texts are no paths
        for each in fields(CLASSES[name]):
            value = getattr(given, each.name)
            if each.name in ("files", "client", "servers", "cached"):
                continue
            if name == "CodedTable" and each.name == "texts" and value is not None:
                stored[each.name] = self._text_items(value, None)
            elif name == "CodedTable" and each.name == "paths" and value is not None:
                stored[each.name] = [self.names.get(path) or without_paths(path).lstrip("./") for path in value]
            else:
                stored[each.name] = self.value(value)
        self._inside = outer
        digest = outcome_of(given).digest()
        step = next((step.number for step in self.earlier if step.record.get("digest") == digest), None)
        return {"$": "object", "class": name, "fields": stored, "step": step}


def _present(value: Any) -> Any:
    return None if value is None or value != value or type(value).__name__ == "NAType" else value


def _is_classifier(value: Any) -> bool:
    return type(value).__name__ in ("Classifier", "AsyncClassifier") and hasattr(value, "card")


def _error(each: Any) -> dict[str, Any]:
    return {
        "index": each.index,
        "id": without_paths(each.id),
        "code": each.code,
        "message": without_paths(each.message),
    }


def image_size(data: bytes) -> dict[str, int | None]:
    """Width and height of a picture as its file states them; None without Pillow, or where it cannot be read."""
    try:
        from io import BytesIO

        from PIL import Image

        with Image.open(BytesIO(data)) as picture:
            return {"width": picture.width, "height": picture.height}
    except Exception:  # Pillow is not there, or the file is no picture: whatever is wrong with it is said elsewhere
        return {"width": None, "height": None}


def materialised(given: Any) -> Any:
    """Items that can be read twice: the entries of an iterator as a list, open files as bytes."""
    if isinstance(given, CroppedImage) or given is None or is_path(given):
        return given
    if hasattr(given, "read"):
        return given.read()
    if hasattr(given, "__next__"):
        return [materialised(each) for each in given]
    if isinstance(given, list | tuple):
        return [materialised(each) if hasattr(each, "read") else each for each in given]
    if isinstance(given, dict):
        return {key: materialised(each) if hasattr(each, "read") else each for key, each in given.items()}
    return given
