"""Vectors of the items of a study."""

from service.pipelines.items import VectorInput
from service.stores.study_vectors import StudyVectors


def as_input(vectors: StudyVectors) -> VectorInput:
    """The vectors of a study as pipelines take those that callers send."""
    return VectorInput(
        modality=vectors.modality,
        model=vectors.model,
        fingerprint=vectors.fingerprint,
        rows=vectors.rows,
        receipt=vectors.receipt,
        ids=vectors.ids,
    )
