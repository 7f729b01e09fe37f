"""Vectors of faces among the vectors of a request: permitted, by themselves, and only where they are compared."""

from collections.abc import Sequence

from models.analysers.table import ANALYSERS
from service.errors import Unprocessable
from service.inference import switches
from service.inference.engine import Engine
from service.pipelines.items import VectorInput
from service.settings import Settings

TAKERS = "search, duplicates, clusters and the comparisons of faces take them"
WAY = (
    "for pictures of the faces, embed their crops as images: POST /v1/embeddings with the box of each face as `crop`, "
    "client.embed(images, crops=F.crops())"
)


def check_face_vectors(
    settings: Settings, engine: Engine, vectors: Sequence[VectorInput] | None, *, taken: bool, param: str = "vectors"
) -> None:
    """Check the vectors of a request that are of faces: by their modality, or by the fingerprint of an analyser.

    Parameters
    ----------
    taken : whether the operation compares faces.

    Raises
    ------
    Forbidden : faces are not compared on this server.
    Unprocessable : the operation takes no faces, they are sent as another modality, or with other vectors.
    """
    known = {spec.fingerprint() for spec in ANALYSERS.values() if spec.kind == "face_vectors"}
    if engine.ready:
        known |= {each.spec.fingerprint() for each in engine.analysers if each.spec.kind == "face_vectors"}
    for each in vectors or ():
        if each.modality != "face" and each.fingerprint not in known:
            continue
        switches.require(settings, ["face_vectors"], param=param)
        if not taken:
            raise Unprocessable(
                f"{param}: these are vectors of faces, and only {TAKERS}; {WAY}",
                code="unsupported_modality",
                param=param,
            )
        if each.modality != "face":
            raise Unprocessable(
                f"{param}: modality is {each.modality}, and their fingerprint is that of vectors of faces; send them "
                "with modality face",
                code="unsupported_modality",
                param=param,
            )
        if len(vectors or ()) > 1:
            raise Unprocessable(
                f"{param}: vectors of faces are sent together with others; send them by themselves",
                code="unsupported_modality",
                param=param,
            )
