"""Unit vectors of items, and the files that they are kept in: .parquet, .npz, .csv, and .npy to be read."""

import csv
import json
import os
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from daguerre.errors import DaguerreError, FingerprintMismatchError, ItemError
from daguerre.results.base import Errors, ModelResults, failure_note, import_pandas
from daguerre.storage.csv import open_output
from daguerre.storage.parquet import ROW_GROUP, Row, arrow, batch, matrix, read_schema, receipt_of, save, schema
from daguerre.types.common import MARKS, Float, Modality, Receipt, listed, receipt

if TYPE_CHECKING:
    import pandas as pd


NO_VECTOR = "no_vector", "had no vector when it was embedded"


@dataclass(frozen=True, eq=False, repr=False)
class Embeddings(ModelResults):
    """Unit vectors.

    Attributes
    ----------
    vectors : (n, d) float32, a row for each item; rows of failed items are NaN, and `drop_failed()` removes
        them.
    ids : paths of files, numbers of other items.
    errors : the items without a result.
    receipt : model, settings and versions that made the vectors; keep it with them.
    truncated : indices of texts that were cut at the model's maximum length.
    unknown : indices of texts of which the model knows no token: their vectors say nothing about them.
    videos : indices of videos, each with one vector, the mean of its frames.
    first_of_many : indices of images that hold several pictures, of which the first was read.
    tokens : number of tokens of all texts.
    modality : "image" or "text"; None for vectors that were read from a file.
    """

    vectors: Float = field(kw_only=True)
    tokens: int = field(kw_only=True, default=0)
    modality: Modality | None = field(kw_only=True, default=None)

    def drop_failed(self) -> "Embeddings":
        """A copy without the items that have no result."""
        good = self.ok
        if good.all():
            return self
        place = np.cumsum(good) - 1
        marks: dict[str, Any] = {name: [int(place[i]) for i in getattr(self, name)] for name in MARKS}
        return replace(
            self,
            ids=[id for id, fine in zip(self.ids, good, strict=True) if fine],
            errors=Errors(),
            vectors=self.vectors[good],
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
        """Read a file of `to_parquet` or `embed_corpus`."""
        return read_parquet(path)

    def __repr__(self) -> str:
        n, d = self.vectors.shape
        return f"<Embeddings: {n:,} × {d}, {self.model} {self.fingerprint[:12]}{failure_note(self.errors)}>"


def write_parquet(path: str | os.PathLike[str], embeddings: Embeddings) -> None:
    """Write embeddings; see `Embeddings.to_parquet`."""
    failed = {item.index: item for item in embeddings.errors}
    rows = [
        Row(id, error_code=failed[i].code, error_message=failed[i].message) if i in failed else Row(id)
        for i, id in enumerate(embeddings.ids)
    ]
    parts = (
        batch(rows[start : start + ROW_GROUP], embeddings.vectors[start : start + ROW_GROUP], embeddings.receipt)
        for start in range(0, len(rows), ROW_GROUP)
    )
    save(parts, schema(embeddings.vectors.shape[1], embeddings.receipt), path)


def read_parquet(path: str | os.PathLike[str]) -> Embeddings:
    """Read embeddings; see `Embeddings.read_parquet`."""
    pa = arrow()
    made = receipt_of(read_schema(path), path)
    wanted = ("id", "vector", "error_code", "error_message", "fingerprint")
    there = set(read_schema(path).names)
    try:
        table = pa.parquet.read_table(path, columns=[name for name in wanted if name in there])
    except pa.ArrowInvalid as exc:
        raise DaguerreError(
            f"{os.fspath(path)} cannot be read with pyarrow {pa.__version__}: {exc}; if it was written by daguerre 0.1 "
            "and has failed rows, read it with pyarrow 26 and write it again",
            code="unreadable_file",
        ) from exc
    fingerprints = table["fingerprint"].unique().to_pylist()
    if len(fingerprints) > 1:
        raise FingerprintMismatchError(
            f"{os.fspath(path)} has vectors of {len(fingerprints)} fingerprints, "
            f"{listed(fingerprints, 3)}; they must not be mixed",
            code="fingerprint_mismatch",
        )
    ids = [str(id) for id in table["id"].to_pylist()]
    vectors = matrix(table["vector"], path)
    codes, messages = (
        [value if isinstance(value, str) else None for value in table[name].to_pylist()]
        if name in there
        else [None] * len(ids)
        for name in ("error_code", "error_message")
    )
    failed = set(np.argwhere(np.isnan(vectors))[:, 0].tolist()) if vectors.shape[1] else set(range(len(ids)))
    errors = [
        ItemError(i, ids[i], code or NO_VECTOR[0], message or NO_VECTOR[1])
        for i, (code, message) in enumerate(zip(codes, messages, strict=True))
        if i in failed or code is not None
    ]
    vectors[[error.index for error in errors]] = np.nan
    return Embeddings(ids=ids, errors=Errors(errors), receipt=made, truncated=[], vectors=vectors)


def write_npz(path: str, embeddings: Embeddings) -> None:
    """Write ids, vectors and the receipt; an item without a vector has a row of NaN."""
    facts = json.dumps(asdict(embeddings.receipt))
    np.savez(path, ids=np.array(embeddings.ids), vectors=embeddings.vectors, receipt=facts)


def write_csv(path: str, embeddings: Embeddings) -> None:
    """Write a row for each item: id and one column per dimension, empty for an item without a vector."""
    failed = {item.index for item in embeddings.errors}
    with open_output(path) as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["id", *range(embeddings.vectors.shape[1])])
        for i, (id, row) in enumerate(zip(embeddings.ids, embeddings.vectors, strict=True)):
            writer.writerow([id, *("" if i in failed else f"{x:.9g}" for x in row)])


def read_npz(path: str) -> Embeddings:
    """Read a file of `write_npz`. Raises ValueError for other files."""
    with np.load(path, allow_pickle=False) as saved:
        if not {"ids", "vectors", "receipt"} <= set(saved.files):
            raise ValueError(f"{path} was not written by daguerre embed; it has {', '.join(saved.files)}")
        ids = [str(id) for id in saved["ids"]]
        return from_array(saved["vectors"], ids, receipt(json.loads(str(saved["receipt"]))))


def read_npy(path: str, receipt: Receipt, dimension: int) -> Embeddings:
    """Read an array of vectors, (n, dimension), that a model made as the receipt states. Raises ValueError."""
    vectors = np.load(path, mmap_mode="r", allow_pickle=False)
    if vectors.ndim != 2 or vectors.shape[1] != dimension:
        raise ValueError(f"{path} is an array of shape {vectors.shape}; {receipt.model} has {dimension} dimensions")
    return from_array(vectors, [str(i) for i in range(len(vectors))], receipt)


def from_array(vectors: NDArray[np.floating], ids: list[str], receipt: Receipt) -> Embeddings:
    """Embeddings of an array, (n, d); items whose rows are NaN have failed."""
    rows = np.asarray(vectors, np.float32)
    failed = np.flatnonzero(np.isnan(rows[:, 0])).tolist()
    errors = [ItemError(i, ids[i], *NO_VECTOR) for i in failed]
    return Embeddings(ids=ids, errors=Errors(errors), receipt=receipt, truncated=[], vectors=rows)
