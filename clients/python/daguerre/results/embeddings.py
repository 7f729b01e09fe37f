"""Unit vectors of items, and the files that they are kept in: .parquet, .npz, .csv, and .npy to be read."""

import csv
import json
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, cast
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from daguerre.errors import DaguerreError, FingerprintMismatchError, ItemError
from daguerre.results.base import Errors, ModelResults, failure_note, import_pandas, marks_of
from daguerre.results.notebook import Gallery
from daguerre.storage.csv import open_output
from daguerre.storage.dataset import DatasetFolder, is_dataset
from daguerre.storage.parquet import ROW_GROUP, Row, arrow, batch, matrix, read_schema, receipt_of, save, schema
from daguerre.storage.whole import whole_file
from daguerre.types.common import MARKS, Float, Modality, Receipt, listed, receipt

if TYPE_CHECKING:
    import pandas as pd


OF_FACES = ("analyser", "finding")  # columns that a table of faces with vectors has
NO_VECTOR = "no_vector", "had no vector when it was embedded"


@dataclass(frozen=True, eq=False, repr=False)
class Embeddings(ModelResults):
    """Unit vectors.

    Attributes
    ----------
    vectors : (n, d) float32, a row for each item; rows of failed items are NaN, and `drop_failed()` removes
        them.
    ids : paths of files below the folder that was given, or the common parent of several sources; numbers of other
        items. `X.select(ids)`, `X[ids]`, `X[mask]` and `X[:100]` are some of them.
    errors : the items without a result.
    receipt : model, settings and versions that made the vectors; keep it with them.
    truncated : indices of texts that were cut at the model's maximum length.
    unknown : indices of texts of which the model knows no token: their vectors say nothing about them.
    videos : indices of videos, each with one vector, the mean of its frames.
    first_of_many : indices of images that hold several pictures, of which the first was read.
    tokens : number of tokens of all texts that were sent.
    modality : "image" or "text"; None for vectors of both, or of a file that does not state it.
    """

    ROWS = ("vectors",)

    vectors: Float = field(kw_only=True)
    tokens: int = field(kw_only=True, default=0)
    modality: Modality | None = field(kw_only=True, default=None)

    def _gallery(self) -> Gallery:
        return super()._gallery() if self.modality != "text" else ()

    def drop_failed(self) -> "Embeddings":
        """A copy without the items that have no result."""
        good = self.ok
        return self if good.all() else self[good]

    def take(self, places: Sequence[int]) -> "Embeddings":
        """The items at some places, in their order."""
        index = {place: i for i, place in enumerate(places)}
        marks: dict[str, Any] = {name: sorted(index[i] for i in getattr(self, name) if i in index) for name in MARKS}
        failed = sorted((index[each.index], each) for each in self.errors if each.index in index)
        return replace(
            self,
            ids=[self.ids[i] for i in places],
            errors=Errors([replace(each, index=i) for i, each in failed]),
            vectors=self.vectors[list(places)],
            **marks,
        )

    def similarity(self, other: "Embeddings") -> Float:
        """Cosines with other embeddings, (n, m). Raises FingerprintMismatchError if they are not comparable."""
        self.check_comparable(other)
        return cast(Float, self.vectors @ other.vectors.T)

    def check_comparable(self, other: "Embeddings") -> None:
        """Raise FingerprintMismatchError if the two are vectors of different spaces."""
        if self.fingerprint != other.fingerprint:
            raise FingerprintMismatchError(
                f"vectors of {self.model} ({self.fingerprint}) and of {other.model} ({other.fingerprint}) lie in "
                "different spaces; embed both with one model and one decode setting",
                code="fingerprint_mismatch",
            )

    def to_pandas(self) -> "pd.DataFrame":
        """Table with a row per item: index id, columns 0 … d-1."""
        pandas = import_pandas()
        table: pd.DataFrame = pandas.DataFrame(self.vectors, index=pandas.Index(self.ids, name="id"))
        return table

    def to_parquet(self, path: "str | os.PathLike[str]") -> None:
        """Write the file that `embed_corpus` writes: id, vector, error, fingerprint, and the receipt beside them."""
        write_parquet(path, self)

    @classmethod
    def read_parquet(cls, path: "str | os.PathLike[str]") -> "Embeddings":
        """Read a file of `to_parquet` or `embed_corpus`, or its folder; DatasetFolder reads a large one in blocks."""
        return read_parquet(path)

    def __repr__(self) -> str:
        n, d = self.vectors.shape
        return f"<Embeddings: {n:,} × {d}, {self.model} {self.fingerprint[:12]}{failure_note(self.errors)}>"


def write_parquet(path: str | os.PathLike[str], embeddings: Embeddings) -> None:
    """Write embeddings; see `Embeddings.to_parquet`."""
    failed = {item.index: item for item in embeddings.errors}
    rows = [
        Row(
            id,
            error_code=failed[i].code if i in failed else None,
            error_message=failed[i].message if i in failed else None,
            remark=remark,
        )
        for i, (id, remark) in enumerate(zip(embeddings.ids, embeddings.remarks, strict=True))
    ]
    parts = (
        batch(
            rows[start : start + ROW_GROUP],
            embeddings.vectors[start : start + ROW_GROUP],
            embeddings.receipt,
            embeddings.modality,
        )
        for start in range(0, len(rows), ROW_GROUP)
    )
    save(parts, schema(embeddings.vectors.shape[1], embeddings.receipt), path)


def read_embeddings(path: str | os.PathLike[str]) -> Embeddings:
    """Read a .parquet or .npz file, or a folder, of vectors. Raises DaguerreError, FileNotFoundError, ValueError."""
    kind = os.path.splitext(os.fspath(path))[1].lower()
    if kind == ".parquet" or is_dataset(path):
        return read_parquet(path)
    if kind == ".npz":
        return read_npz(path)
    raise ValueError(
        f"embeddings: {os.fspath(path)!r} ends in {kind or 'no extension'}; give a .parquet or .npz of `embed`, a "
        "folder of `embed_corpus`, or the Embeddings"
    )


def read_parquet(path: str | os.PathLike[str]) -> Embeddings:
    """Read embeddings; see `Embeddings.read_parquet`."""
    pa = arrow()
    wanted = ("id", "vector", "error_code", "error_message", "modality", "remark", "sha256", *OF_FACES)
    try:
        if os.path.isdir(path):
            folder = DatasetFolder(path)
            return _of_table(folder.table(wanted), folder.receipt, path)
        made = receipt_of(path)
        there = set(read_schema(path).names)
        table = pa.parquet.read_table(path, columns=[name for name in wanted if name in there])
    except FileNotFoundError:
        raise
    except (pa.ArrowInvalid, OSError) as exc:
        raise DaguerreError(
            f"{os.fspath(path)} cannot be read with pyarrow {pa.__version__}: {exc}; if it was written by daguerre 0.1 "
            "and has failed rows, read it with pyarrow 26 and write it again",
            code="unreadable_file",
        ) from exc
    return _of_table(table, made, path)


def _of_table(table: Any, made: Receipt, path: str | os.PathLike[str]) -> Embeddings:
    there = set(table.column_names)
    if set(OF_FACES) <= there:
        table, there = _faces(table), there | {"modality"}
    ids = _ids(table["id"].to_pylist(), path)

    def texts(name: str) -> list[str | None]:
        values = table[name].to_pylist() if name in there else [None] * len(ids)
        return [value if isinstance(value, str) else None for value in values]

    modalities = set(texts("modality")) - {None}
    if len(modalities) > 1:
        raise DaguerreError(
            f"{os.fspath(path)} has vectors of {listed(sorted(modalities), 3)}, which must not be mixed; keep the rows "
            "of one in the column modality",
            code="foreign_file",
        )
    if not modalities and any(texts("sha256")):  # of a corpus of files, which version 0.1 wrote
        modalities = {"image"}
    return from_array(
        matrix(table["vector"], path),
        ids,
        made,
        errors=zip(texts("error_code"), texts("error_message"), strict=True),
        remarks=texts("remark"),
        modality=modalities.pop() if len(modalities) == 1 else None,
    )


def _faces(table: Any) -> Any:
    """The rows of a table of findings that are faces with vectors, each with its own id."""
    pa = arrow()
    table = table.filter(pa.compute.equal(table["analyser"], "face_vectors"))
    ids = [
        f"{id}#{number}" for id, number in zip(*(table[name].to_pylist() for name in ("id", "finding")), strict=True)
    ]
    table = table.set_column(table.column_names.index("id"), "id", pa.array(ids, pa.string()))
    return table.append_column("modality", pa.array(["face"] * len(ids), pa.string()))


def _ids(values: Sequence[Any], path: str | os.PathLike[str]) -> list[str]:
    """The column id of a file of vectors as texts. Raises DaguerreError for rows without an id, and for equal ids."""
    name = os.fspath(path)
    lacking = [i for i, value in enumerate(values) if value is None or value != value or value == ""]
    if lacking:
        raise DaguerreError(
            f"{name}: {len(lacking):,} of {len(values):,} rows have no id, the first is row {lacking[0] + 1}; give "
            "each one, or leave the row out",
            code="foreign_file",
        )
    ids = [str(value) for value in values]
    if len(set(ids)) < len(ids):
        twice, many = Counter(ids).most_common(1)[0]
        raise DaguerreError(
            f"{name}: the id {twice!r} is in {many:,} rows; give each row an id of its own", code="foreign_file"
        )
    return ids


def write_npz(path: str, embeddings: Embeddings) -> None:
    """Write ids, vectors, the receipt, the modality, errors and remarks; failed items have rows of NaN."""
    failed = {item.index: item for item in embeddings.errors}
    errors = [(failed[i].code, failed[i].message) if i in failed else ("", "") for i in range(len(embeddings))]
    with whole_file(path) as temporary:
        np.savez(
            temporary,
            ids=np.array(embeddings.ids, str),
            vectors=embeddings.vectors,
            receipt=json.dumps(asdict(embeddings.receipt)),
            modality=embeddings.modality or "",
            error_codes=np.array([code for code, _ in errors], str),
            error_messages=np.array([message for _, message in errors], str),
            marks=np.array([remark or "" for remark in embeddings.remarks], str),
        )


def write_csv(path: str, embeddings: Embeddings) -> None:
    """Write a row for each item: id and one column per dimension, empty for an item without a vector."""
    failed = {item.index for item in embeddings.errors}
    with open_output(path) as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["id", *range(embeddings.vectors.shape[1])])
        for i, (id, row) in enumerate(zip(embeddings.ids, embeddings.vectors, strict=True)):
            writer.writerow([id, *("" if i in failed else f"{x:.9g}" for x in row)])


def read_npz(path: str | os.PathLike[str]) -> Embeddings:
    """Read a file of `write_npz`. Raises DaguerreError for other files."""
    name = os.fspath(path)
    with open(name, "rb") as file:
        try:
            saved = np.load(file, allow_pickle=False)
        except (ValueError, EOFError, BadZipFile) as exc:
            raise DaguerreError(f"{name} is no .npz file; make one with `daguerre embed`", code="foreign_file") from exc
        if not hasattr(saved, "files") or not {"ids", "vectors", "receipt"} <= set(saved.files):
            has = ", ".join(getattr(saved, "files", ["one array"]))
            raise DaguerreError(f"{name} was not written by daguerre embed; it has {has}", code="foreign_file")
        ids = [str(id) for id in saved["ids"]]
        there = {key: saved[key] for key in ("modality", "error_codes", "error_messages", "marks") if key in saved}
        vectors, facts = saved["vectors"], json.loads(str(saved["receipt"]))
    nothing = [""] * len(ids)
    codes, messages = (there.get(key, nothing) for key in ("error_codes", "error_messages"))
    return from_array(
        vectors,
        ids,
        receipt(facts),
        errors=[(str(code) or None, str(message) or None) for code, message in zip(codes, messages, strict=True)],
        remarks=[str(each) for each in there.get("marks", nothing)],
        modality=str(there.get("modality", "")) or None,
    )


def read_npy(path: str, receipt: Receipt, dimension: int) -> Embeddings:
    """Read an array of vectors, (n, dimension), that a model made as the receipt states. Raises ValueError."""
    vectors = np.load(path, mmap_mode="r", allow_pickle=False)
    if vectors.ndim != 2 or vectors.shape[1] != dimension:
        raise ValueError(f"{path} is an array of shape {vectors.shape}; {receipt.model} has {dimension} dimensions")
    return from_array(vectors, [str(i) for i in range(len(vectors))], receipt)


def from_array(
    vectors: NDArray[np.floating],
    ids: list[str],
    receipt: Receipt,
    *,
    errors: Iterable[tuple[str | None, str | None]] = (),
    remarks: Iterable[str | None] = (),
    modality: str | None = None,
) -> Embeddings:
    """Embeddings of an array, (n, d); items with an error, or with NaN in their rows, have failed."""
    rows = np.array(vectors, np.float32)
    known = dict(enumerate(errors))
    absent = set(np.flatnonzero(np.isnan(rows).any(axis=1)).tolist()) if rows.shape[1] else set(range(len(rows)))
    failed = []
    for i, id in enumerate(ids):
        code, message = known.get(i, (None, None))
        if code is not None or i in absent:
            failed.append(ItemError(i, id, code or NO_VECTOR[0], message or NO_VECTOR[1]))
    rows[[error.index for error in failed]] = np.nan
    return Embeddings(
        ids=ids,
        errors=Errors(failed),
        receipt=receipt,
        vectors=rows,
        modality=cast(Modality | None, modality),
        **marks_of(remarks),
    )
