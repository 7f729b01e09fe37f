"""Faces with vectors: by them the faces of one person are found on other pictures. They are biometric data."""

import base64
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from daguerre.results.analyses import Analyses
from daguerre.results.base import failure_note
from daguerre.results.embeddings import Embeddings, from_array
from daguerre.results.face_attributes import face_id as face_id
from daguerre.types.common import NO_MODEL, Float, Receipt

if TYPE_CHECKING:
    import pandas as pd

KIND = "face_vectors"
MODALITY = "face"


@dataclass(frozen=True, eq=False, repr=False)
class FaceVectors(Analyses):
    """Faces in pictures and videos, each with a vector. Near vectors are a sign of one person, and no proof.

    Attributes
    ----------
    vectors : (n, d) float32, unit length, of all faces in the order of `to_pandas()`; NaN for one without a vector.
    faces : ids of the faces, (n,), such as "photo.jpg#0": of the picture, or of the frame of a video, and the number of
        the finding in it.
    fingerprint : vectors are comparable only if it is equal.
    """

    @cached_property
    def _rows(self) -> list[dict[str, Any]]:
        return [row for row in self.rows() if row["analyser"] == KIND]

    @cached_property
    def vectors(self) -> Float:
        """The vectors of all faces, (n, d) float32."""
        return stacked([row.get("vector") for row in self._rows])

    @property
    def faces(self) -> list[str]:
        """The ids of all faces, (n,)."""
        return [face_id(row["id"], row["finding"]) for row in self._rows]

    @property
    def receipt(self) -> Receipt:
        """Receipt of the vectors."""
        return receipt_of_analyser(self.receipts.get(KIND) or {})

    @property
    def fingerprint(self) -> str:
        """The fingerprint of the vectors."""
        return self.receipt.fingerprint

    def to_pandas(self) -> "pd.DataFrame":
        """Table with a row for each face, as that of `Analyses`, and a last column `item`, the id of the face."""
        table = super().to_pandas()
        if not self._is_alone:
            table = table[table.analyser == KIND].reset_index(drop=True)
        return table

    @property
    def _is_alone(self) -> bool:
        return set(self.kinds) <= {KIND}

    def to_embeddings(self) -> Embeddings:
        """The vectors with the ids of the faces, as `cluster`, `search` and `duplicates` take them: modality "face"."""
        file_of = dict(zip(self.ids, self.files, strict=True))
        files = [file_of.get(row.get("video") or row["id"], row["id"]) for row in self._rows]
        return replace(from_array(self.vectors, self.faces, self.receipt, modality=MODALITY), files=files)

    def to_parquet(self, path: "str | os.PathLike[str]") -> None:
        """Write a row for each face: the columns of `to_pandas()`, and vector.

        `Embeddings.read_parquet`, `cluster`, `search` and `duplicates` read the file; the picture of a face is in the
        column `id`, and the face itself is `item`.
        """
        write_face_table(path, self.to_pandas(), self.vectors, self.receipt)

    def __repr__(self) -> str:
        what = "items" if self.has_videos else "pictures"
        return (
            f"<FaceVectors: {len(self._rows):,} faces in {len(self):,} {what}, "
            f"{self.receipt.model} {self.fingerprint[:12]}{failure_note(self.errors)}>"
        )


def stacked(vectors: Sequence[Any]) -> Float:
    """Vectors as answers and files have them, base64, lists or arrays, as (n, d) float32; None is a row of NaN."""
    rows = [None if each is None else decoded(each) for each in vectors]
    dimension = next((len(each) for each in rows if each is not None), 0)
    made = np.full((len(rows), dimension), np.nan, np.float32)
    for i, row in enumerate(rows):
        if row is not None:
            made[i] = row
    return made


def decoded(vector: Any) -> Float:
    """A vector of an answer, (d,) float32."""
    if isinstance(vector, str):
        return np.frombuffer(base64.b64decode(vector), "<f4")
    return np.asarray(vector, np.float32)


def receipt_of_analyser(made: Mapping[str, Any]) -> Receipt:
    """The receipt of an analyser as that of a model, which vectors have."""
    return Receipt(
        model=made.get("analyser", NO_MODEL.model),
        decode="exact",
        **{name: made.get(name) or "" for name in ("revision", "fingerprint", "precision", "provider")},
        demonstration=bool(made.get("demonstration")),
        notice=made.get("notice"),
        made_with=made.get("made_with") or {},
    )


def write_face_table(path: "str | os.PathLike[str]", table: Any, vectors: Float, receipt: Receipt) -> None:
    """Write a table of faces with their vectors, and the receipt in the metadata."""
    from daguerre.storage.parquet import arrow, receipt_metadata
    from daguerre.storage.whole import whole_file

    pa = arrow()
    made = pa.Table.from_pandas(table, preserve_index=False)
    made = made.append_column("vector", vector_column(vectors))
    with whole_file(path) as temporary:
        pa.parquet.write_table(made.replace_schema_metadata(receipt_metadata(receipt)), temporary)


def vector_column(vectors: Float) -> Any:
    """Vectors (n, d) as a column of Parquet."""
    from daguerre.storage.parquet import arrow

    pa = arrow()
    flat = pa.array(np.ascontiguousarray(vectors).reshape(-1), pa.float32())
    if not vectors.shape[1]:
        return pa.array([None] * len(vectors), pa.list_(pa.float32()))
    return pa.FixedSizeListArray.from_arrays(flat, vectors.shape[1])


def with_vectors(found: Analyses) -> FaceVectors:
    """The result of `face_vectors`."""
    own: dict[str, Any] = {each.name: getattr(found, each.name) for each in fields(Analyses)}
    return FaceVectors(**own)
