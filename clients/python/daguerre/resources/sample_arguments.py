"""Arguments of a sample: its size, or the precision that determines it, and the vectors by which items differ."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from daguerre.results.embeddings import Embeddings
from daguerre.results.face_vectors import MODALITY, FaceVectors
from daguerre.types.common import Float
from daguerre.types.embeddings import StoredRows


def refuse_faces(*given: Any) -> None:
    """Raise ValueError for vectors of faces: a sample of pictures would be drawn in their place."""
    for each in given:
        if getattr(each, "modality", None) == MODALITY or isinstance(each, FaceVectors):
            raise ValueError(
                "embeddings: got vectors of faces, by which samples are not drawn; to code faces, give their ids, "
                "as in client.sample(300, ids=F.faces), or embed their crops: client.embed(images, crops=F.crops())"
            )


def sample_size(
    size: int | None, for_width: float | None, expected_share: float | None, classifier: Any
) -> dict[str, Any]:
    """The size of a sample as it is sent, or the precision that determines it. Raises ValueError."""
    if (size is None) == (for_width is None):
        raise ValueError(f"sample: got size={size} and for_width={for_width}; give one of them")
    if size is not None and (expected_share is not None or classifier is not None):
        raise ValueError("expected_share and classifier are for for_width; leave them out, or size")
    if size is not None:
        return {"size": int(size)}
    name = classifier if classifier is None or isinstance(classifier, str) else classifier.id
    return {"for_width": for_width, "expected_share": expected_share, "classifier": name}


def diverse_rows(
    diversity: float | None, vectors: ArrayLike | None, embeddings: Embeddings | None
) -> Float | StoredRows | None:
    """The vectors by which items differ, (n, d); None without diversity. Raises ValueError."""
    if diversity is None:
        if vectors is not None:
            raise ValueError("vectors are for diversity; give diversity (0 to 1) too, or leave them out")
        return None
    if isinstance(vectors, Embeddings):
        vectors = vectors.vectors
    elif vectors is None:
        if embeddings is None:
            raise ValueError(f"diversity: got {diversity}, and it needs embeddings, or vectors, by which items differ")
        vectors = embeddings.vectors
    if isinstance(vectors, StoredRows):
        return vectors
    rows = np.asarray(vectors, np.float32)
    if rows.ndim != 2 or not rows.shape[1]:
        raise ValueError(f"vectors: got an array of shape {rows.shape}; give one of shape (items, dimension)")
    return rows


def usable_rows(rows: Float | StoredRows) -> NDArray[np.bool_]:
    """Whether items differ from others by their vectors, (n,): not by one of zeros, or one with NaN."""
    if isinstance(rows, StoredRows):
        return np.ones(len(rows), bool)
    return np.asarray(np.isfinite(rows).all(axis=1) & rows.any(axis=1))
