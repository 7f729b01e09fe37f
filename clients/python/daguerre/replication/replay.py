"""Stored arguments as the values that a method takes on this machine. The arguments are taken to be hostile."""

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from daguerre.errors import DaguerreError, ItemError
from daguerre.inputs.crops import image
from daguerre.replication.operations import RecordedMethod
from daguerre.replication.outcomes import Outcome, csv_bytes, csv_rows, read_npy
from daguerre.replication.pictures import Pictures
from daguerre.replication.steps import StoredStep
from daguerre.replication.values import CLASSES
from daguerre.results.base import Errors, import_pandas
from daguerre.results.embeddings import Embeddings
from daguerre.types.common import MARKS, receipt

TEXTS = frozenset(  # parameters whose texts no method reads as paths
    (
        *("labels", "templates", "negatives", "vocabulary", "query", "near", "coders", "missing", "ids", "prompt"),
        *("none_of_these", "strata", "targets", "item", "code", "a", "b", "winner", "known", "sample", "positive"),
    )
)


class CannotRun(Exception):
    """A step that cannot be repeated here, and why."""


@dataclass
class Repeated:
    """A step that was run again: its result, and that as tables."""

    result: Any
    outcome: Outcome
    same_model: bool = True


@dataclass
class Decoder:
    """Values of the stored arguments of one step.

    Attributes
    ----------
    stored : the steps of the bundle by number; repeated : those that were run again.
    classifiers : classifiers that were trained again, by the names that they have in the study.
    scratch : a folder for tables, which methods read as files.
    lacking : pictures that are left out, and why.
    """

    step: StoredStep
    method: RecordedMethod
    pictures: Pictures
    stored: Mapping[int, StoredStep]
    repeated: Mapping[int, Repeated]
    classifiers: Mapping[str, Any]
    scratch: Path
    lacking: dict[str, str] = field(default_factory=dict)

    def arguments(self) -> dict[str, Any]:
        """All arguments by name. Raises CannotRun."""
        given = self.step.record["arguments"]
        try:
            made = {str(name): self._argument(str(name), value) for name, value in given.items()}
        except (
            ImportError,
            KeyError,
            TypeError,
            ValueError,
            IndexError,
            AttributeError,
            RecursionError,
            DaguerreError,
        ) as exc:
            raise CannotRun(f"its arguments cannot be read: {exc!r:.200}") from exc
        return {self.method.rename.get(name, name): value for name, value in self._chained(made).items()}

    def _argument(self, name: str, value: Any) -> Any:
        if value is None:
            return None
        if name == "crops":
            raise CannotRun("crops: a bundle has them in its pictures")
        if (name, self.step.operation) == ("table", "train_classifier") and not _is_coded_table(value):
            raise CannotRun("table: a bundle has it as a table of codes that was read, and this may name any files")
        if name in self.method.images:
            if not isinstance(value, Mapping) or value.get("$") not in ("images", "folder"):
                raise CannotRun(f"{name}: names files of this machine")
            return self._folder(value["items"]) if value["$"] == "folder" else self._images(value["items"])
        if name in self.method.either and isinstance(value, Mapping) and value.get("$") == "images":
            return [Path(path) for path in self._images(value["items"]).values()]
        return self.value(name, value)

    def _images(self, items: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for item in items:
            try:
                path = self.pictures.find(item)
            except LookupError as exc:
                self.lacking[str(item["id"])] = str(exc.args[0])
                continue
            found[str(item["id"])] = path if item["crop"] is None else image(path, crop=item["crop"])
        partial = self.method.per_item and found and not self.step.record["arguments"].keys() & {"texts", "ids"}
        if self.lacking and not partial:
            raise CannotRun("; ".join(list(self.lacking.values())[:3]))
        return found

    def _folder(self, items: Sequence[Mapping[str, Any]]) -> str:
        """A folder with the pictures under their names in the study."""
        root = self.scratch / f"pictures-{self.step.number}"
        for id, path in self._images(items).items():
            target = root / id
            if ".." in target.parts or root not in target.parents:
                raise CannotRun(f"{id!r:.80} is no name of a picture")
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                os.symlink(os.path.abspath(path), target)
            except OSError:  # where links are not allowed
                shutil.copyfile(path, target)
        root.mkdir(exist_ok=True)
        return str(root)

    def value(self, name: str, value: Any) -> Any:
        """The value of a stored argument, or of a part of one."""
        if isinstance(value, str):
            return self._text(name, value)
        if isinstance(value, list):
            return [self.value(name, each) for each in value]
        if not isinstance(value, Mapping):
            return value
        kind = value["$"]
        if kind == "float":
            return float(value["value"])
        if kind == "tuple":
            return tuple(self.value(name, each) for each in value["items"])
        if kind == "mapping":
            return {self.value("ids", key): self.value(name, each) for key, each in value["items"]}
        if kind == "series":
            labels, values = zip(*value["items"], strict=True)
            return import_pandas().Series([self.value(name, each) for each in values], index=list(labels))
        if kind == "texts":
            return self._texts(value)
        if kind == "frame":
            return self._frame(name, value)
        if kind == "table":
            return str(value.get("prefix", "")) + self._table(value)
        if kind == "array":
            return self._rows(value, value["ids"])
        if kind == "embeddings":
            return self._embeddings(value)
        if kind == "errors":
            return Errors([ItemError(**each) for each in value["items"]])
        if kind == "classifier":
            return self._classifier(str(value["id"]))
        if kind == "object":
            return self._object(value)
        raise CannotRun(f"{name}: has a value of the kind {kind!r:.40}, which this daguerre does not know")

    def _text(self, name: str, text: str) -> str:
        if text in self.classifiers:
            return str(self.classifiers[text].id)
        if name not in TEXTS and any(os.path.isfile(each) for each in (text, text.partition("=")[2]) if each):
            raise CannotRun(f"{name}: {text!r:.60} names a file of this machine, and a bundle brings its own")
        return text

    def _classifier(self, id: str) -> Any:
        if id not in self.classifiers:
            raise CannotRun(f"the classifier {id} was not trained in this study, or not again")
        return self.classifiers[id]

    def _read(self, name: str, what: str) -> bytes:
        if name not in self.step.record["files"]:
            raise CannotRun(f"{what} are not in the bundle; make it with --with-texts")
        return self.step.read(name)

    def _texts(self, value: Mapping[str, Any]) -> Any:
        rows = csv_rows(self._read(str(value["file"]), "the texts"), "texts")[1:]
        texts = [None if missing == "1" else text for text, missing in rows]
        return texts if value["ids"] is None else dict(zip(value["ids"], texts, strict=True))

    def _table(self, value: Mapping[str, Any]) -> str:
        """The path of a table in the scratch folder, with the columns that earlier steps have made again."""
        header, *rows = csv_rows(self._read(str(value["file"]), "the tables"), "table")
        key = header.index("id") if "id" in header else None
        columns = [[row[i] for row in rows] for i in range(len(header))]
        if key is not None:
            columns = [each if i == key else self._again(columns[key], each) for i, each in enumerate(columns)]
        columns = [[str(self.classifiers[c].id) if c in self.classifiers else c for c in each] for each in columns]
        name = os.path.basename(str(value["name"]))
        if not name or name in (".", "..") or set(name) & set("/\\:\0") or len(name) > 120:
            raise CannotRun(f"{name!r:.60} is no name of a table")
        folder = self.scratch / f"{self.step.number}-{value['file'].partition('.')[0].replace(os.sep, '-')}"
        folder.mkdir(exist_ok=True)
        delimiter = ";" if value["decimal_comma"] else ","
        data = csv_bytes([header, *map(list, zip(*columns, strict=True))], delimiter)
        path = folder / f"{os.path.splitext(name)[0]}.csv"
        path.write_bytes(data)
        return str(path)

    def _again(self, ids: Sequence[str], cells: list[str]) -> list[str]:
        """Cells that a step of the study has made, as it makes them now."""
        for number, done in self.repeated.items():
            old, new = self.stored[number].outcome, done.outcome
            if not done.same_model or old.columns == new.columns:
                continue
            here = {id: i for i, id in enumerate(new.ids)}
            before = self.stored[number].places
            if not all(id in here and id in before for id in ids):
                continue
            for name in old.columns.keys() & new.columns.keys():
                then = [old.columns[name][before[id]] for id in ids]
                now = [new.columns[name][here[id]] for id in ids]
                if then == cells:
                    return now
                if [_short(each) for each in then] == cells:
                    return [_short(each) for each in now]
        return cells

    def _chained(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Lists with a value for each of the items `ids`, where a step of the study has made them."""
        ids = arguments.get("ids")
        if not isinstance(ids, list) or not all(isinstance(id, str) for id in ids):
            return arguments
        for name, value in arguments.items():
            if name == "ids" or not isinstance(value, list) or len(value) != len(ids) or not value:
                continue
            arguments[name] = self._typed(ids, value)
        return arguments

    def _typed(self, ids: Sequence[str], values: list[Any]) -> list[Any]:
        """Values of one type that a step of the study has made, as it makes them now."""
        kinds = set(map(type, values))
        if len(kinds) != 1 or (kind := kinds.pop()) not in (str, int, float):
            return values
        return [kind(each) for each in self._again(ids, [each if kind is str else repr(each) for each in values])]

    def _frame(self, name: str, value: Mapping[str, Any]) -> Any:
        """A DataFrame; a column of texts that is not in the bundle is empty, where ids name the items."""
        index = None if value["index"] is None else [self.value("ids", each) for each in value["index"]]
        names = [str(title) for title, _ in value["columns"]]
        key = next((i for i, title in enumerate(names) if title.casefold() in ("id", "item", "path")), None)
        columns: dict[str, Any] = {}
        for title, cells in value["columns"]:
            blank = isinstance(cells, Mapping) and cells["file"] not in self.step.record["files"]
            if blank and (key is not None or index is not None):
                columns[str(title)] = [""] * len(cells["sha256"])
            else:
                columns[str(title)] = self.value(name, cells)
        ids = columns[names[key]] if key is not None else index
        if ids is not None and all(isinstance(id, str) for id in ids):
            columns = {t: each if each is ids else self._typed(ids, each) for t, each in columns.items()}
        frame = import_pandas().DataFrame(columns, index=index)
        frame.index.name = value["index_name"]
        return frame

    def _rows(self, value: Mapping[str, Any], ids: Sequence[str] | None) -> Any:
        """Rows of a file; or those of an earlier step, as far as it was run again with the same model."""
        if value.get("file") is not None:
            return read_npy(self._read(str(value["file"]), "the vectors"), "array")
        number = int(value["step"])
        step = self.stored[number]
        if step.vectors is None or ids is None or number >= self.step.number:
            raise CannotRun(f"step {number} has no vectors")
        rows = np.array(step.vectors[[step.places[id] for id in ids]])
        done = self.repeated.get(number)
        if done is not None and done.same_model and (new := done.outcome.arrays.get("vectors")) is not None:
            here = {id: i for i, id in enumerate(done.outcome.ids)}
            for i, id in enumerate(ids):
                if id in here:
                    rows[i] = new[here[id]]
        return rows

    def _embeddings(self, value: Mapping[str, Any]) -> Embeddings:
        marks: dict[str, Any] = {name: list(value["marks"].get(name, ())) for name in MARKS}
        return Embeddings(
            ids=list(value["ids"]),
            errors=Errors([ItemError(**each) for each in value["errors"]]),
            receipt=receipt(value["receipt"]),
            vectors=np.asarray(self._rows(value, value["ids"]), np.float32),
            modality=value["modality"],
            **marks,
        )

    def _object(self, value: Mapping[str, Any]) -> Any:
        done = self.repeated.get(value["step"]) if value["step"] is not None else None
        if done is not None and done.same_model:
            return done.result
        fields = {str(key): self.value("ids", each) for key, each in value["fields"].items()}
        if value["class"] == "CodedTable":
            self._check_paths(fields["paths"], fields["ids"])
            fields["name"] = str(self.scratch / os.path.basename(str(fields["name"])))  # pictures are sought beside it
        return CLASSES[value["class"]](**fields)

    def _check_paths(self, paths: Sequence[str] | None, ids: Sequence[str]) -> None:
        """Raise CannotRun for a table whose pictures would be read elsewhere than in the folder of the pictures."""
        given = self.step.record["arguments"]
        names = paths if paths is not None else ids if "images" in given else ()
        inside = all(not os.path.isabs(name) and ".." not in Path(name).parts for name in names)
        trained = self.step.operation == "train_classifier"
        if not inside or (trained and paths is not None and not given.keys() & {"images", "embeddings"}):
            raise CannotRun("table: names files of this machine, and a bundle brings its own")


def _is_coded_table(value: Any) -> bool:
    return isinstance(value, Mapping) and (value.get("$"), value.get("class")) == ("object", "CodedTable")


def _short(cell: str) -> str:
    """A number as tables of commands have it."""
    try:
        return f"{float(cell):.6g}"
    except ValueError:
        return cell
