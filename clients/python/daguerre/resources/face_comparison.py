"""Methods of the client for comparisons of faces."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from daguerre.corpus.faces import FaceSet, codes_of, corrections_of, face_set
from daguerre.dispatch.vectors import EmbeddingsLike, WithEmbeddings, vector_block, with_uploads
from daguerre.errors import RemarkWarning
from daguerre.handles.face_comparison import AsyncFaceMatches, AsyncFaceVerification, AsyncPersons
from daguerre.handles.reported import reported
from daguerre.inputs.items import Images
from daguerre.inputs.names import printable
from daguerre.inputs.videos import Videos
from daguerre.resources.single_analyses import SingleAnalysisMethods
from daguerre.results.embeddings import Embeddings
from daguerre.results.face_comparison import FaceMatches, FaceVerification, Persons
from daguerre.results.face_vectors import MODALITY
from daguerre.transport.operations import GROUP_PERSONS, MATCH_FACES, VERIFY_FACES
from daguerre.types.common import Content

Faces: TypeAlias = EmbeddingsLike | Images
FILES = (".parquet", ".npz")


class FaceComparisonMethods(SingleAnalysisMethods):
    """Comparisons of faces by their vectors."""

    @reported(AsyncFaceMatches)
    async def face_matches(
        self,
        targets: Faces,
        faces: Faces | None = None,
        *,
        images: Images | None = None,
        videos: Videos | None = None,
        sampling: Mapping[str, Any] | None = None,
        threshold: float | None = None,
        top: int = 10,
        size: int | None = None,
        model: str | None = None,
        progress: bool | None = None,
    ) -> FaceMatches:
        """Find the faces nearest to target faces, and say which of them count as the same person.

        A target that is among the faces, on the same picture or an exact copy, is no match of itself.

        Vectors of faces are biometric data. The server refuses this unless its owner has switched it on
        (DAGUERRE_FACE_RECOGNITION=true); docs/faces.md has what to consider first.

        Parameters
        ----------
        targets : a result of `face_vectors`, the path of its .parquet file, or pictures, of which all faces are
            targets.
        faces : the faces that they are compared with, likewise.
        images, videos, sampling : pictures and videos in place of `faces`, as for `face_vectors`.
        threshold : cosine from which a face counts as the same person; None: that of the model (0.363 for sface).
        top : number of faces that are listed for each target, whether or not they match; at most 100,000 of all
            targets together.
        size, model : as for `face_vectors`, for pictures and videos.

        Returns
        -------
        FaceMatches : `M[0]`, the faces of the first target: id, cosine, match; `.counts`, `.to_pandas()`,
        `.report("matches.html")`.

        Raises
        ------
        PermissionDeniedError : faces are not compared on this server (code switched_off).
        ValueError : there is no face in the targets, or none to compare them with.

        Examples
        --------
        >>> client.face_matches("target.jpg", images="photos/").to_pandas()
        """
        if (faces is None) == (images is None and videos is None):
            raise ValueError("faces: give faces to compare with, or images= or videos=, and not both")
        options: dict[str, Any] = {"size": size, "model": model, "progress": progress}
        wanted = await self._faces(targets, "targets", options)
        if faces is not None:
            found = await self._faces(faces, "faces", options)
        else:
            found = await face_set(await self.face_vectors(images, videos=videos, sampling=sampling, **options))
        block = vector_block(MODALITY, wanted.made)
        fields = {
            "targets": {**block.fields(), "data": block.packed()},
            "target_ids": _names(wanted),
            "threshold": threshold,
            "top": top,
        }
        answer = await self._ask_faces(MATCH_FACES, found, fields)
        return FaceMatches(
            **_common(answer, found),
            targets=list(wanted.made.ids),
            counts=_counts(answer, "matches"),
            itself=_counts(answer, "itself"),
            target_files=wanted.files,
            target_boxes=wanted.boxes,
        )

    @reported(AsyncPersons)
    async def persons(
        self,
        faces: Faces,
        *,
        threshold: float | None = None,
        corrections: Any = None,
        same: Sequence[Sequence[str]] = (),
        different: Sequence[Sequence[str]] = (),
        margin: float | None = None,
        progress: bool | None = None,
    ) -> Persons:
        """Group faces by person: average linkage of their vectors, around corrections by hand.

        Groups are numbers, nobody is named, and the server keeps nothing. It refuses this unless its owner has switched
        it on (DAGUERRE_FACE_RECOGNITION=true).

        Parameters
        ----------
        faces : a result of `face_vectors`, the path of its .parquet file, or pictures; at most 50,000 faces.
        threshold : mean cosine at which groups are no longer merged; None: that of the model (0.363 for sface).
        corrections : a table (path, DataFrame, columns) as `to_csv` writes it, with the columns face (or item, or id)
            and person: faces with the same person are put together, and faces with different persons are kept apart,
            whatever their cosines are. Faces with an empty person, or without a row, are left to the vectors. Or a
            table of pairs with the columns a, b and same; or a mapping from faces to persons.
        same, different : lists of faces that are one person, and lists of faces, each two of which are different
            people, besides.
        margin : difference of cosines below which a decision is reported as close; None: 0.05.

        Returns
        -------
        Persons : `P[0]`, the person with the most faces; `.labels`, `.close`, `.to_pandas()`, `.to_csv(path)`,
        `.report("persons.html", pictures="thumbnails")`, a contact sheet of each person.

        Raises
        ------
        PermissionDeniedError : faces are not compared on this server (code switched_off).
        InvalidRequestError : corrections that contradict each other, or name faces that are not there.

        Examples
        --------
        >>> P = client.persons(client.face_vectors("photos/"))
        >>> P.to_csv("persons.csv")  # correct the column person
        >>> client.persons("faces.parquet", corrections="persons.csv").report("persons.html")
        """
        found = await self._faces(faces, "faces", {"progress": progress})
        given = corrections_of(corrections, found.made.ids)
        fields = {
            "threshold": threshold,
            "same": [list(map(printable, each)) for each in (*given.same, *same)],
            "different": [list(map(printable, each)) for each in (*given.different, *different)],
            "margin": margin,
        }
        answer = await self._ask_faces(
            GROUP_PERSONS, found, {name: value for name, value in fields.items() if value is not None}
        )
        answer = {**answer, "remarks": [*given.remarks, *answer["remarks"]]}
        for remark in answer["remarks"]:
            self.warn(RemarkWarning(f"persons: {remark}"))
        return Persons(**Persons.fields_of(answer, found.made.ids, _common(answer, found)))

    @reported(AsyncFaceVerification)
    async def verify_faces(
        self,
        faces: Faces,
        codes: Any,
        *,
        threshold: float | None = None,
        groups: Any = None,
        wished: Sequence[float] | None = None,
        progress: bool | None = None,
    ) -> FaceVerification:
        """Measure how often faces of different people count as one person, and faces of one person as two.

        Parameters
        ----------
        faces : a result of `face_vectors`, the path of its .parquet file, or pictures.
        codes : a table (path, DataFrame, columns) with the columns a, b (faces) and same (1 or 0), a row for each coded
            pair; or with the columns face and person, a number or any code for each coded face, of which all pairs are
            compared, and perhaps group; or a mapping from faces to persons. At least five people in each kind of pair.
        threshold : cosine from which two faces count as one person; None: that of the model (0.363 for sface).
        groups : groups of people, for error rates by group: a mapping from faces, or a table with face and group.
        wished : false match rates for which thresholds are wanted; None: 0.01 and 0.001.

        Returns
        -------
        FaceVerification : `.false_match`, `.false_non_match` with 95 % intervals, `.equal_error_rate`, `.to_pandas()`
        with both rates over thresholds, `.to_pandas("wished")`, `.report("verification.html")`.

        Raises
        ------
        PermissionDeniedError : faces are not compared on this server (code switched_off).
        ValueError : a face with two persons or groups in the table, or none of the faces in it.
        InvalidRequestError : codes that contradict each other, or from which a rate cannot be inferred.

        Examples
        --------
        >>> client.verify_faces("faces.parquet", "persons.csv").false_match
        """
        found = await self._faces(faces, "faces", {"progress": progress})
        coded = codes_of(codes, found.made.ids, groups)
        fields: dict[str, Any] = {
            "threshold": threshold,
            "pairs": None
            if coded.pairs is None
            else [{"a": printable(a), "b": printable(b), "same": same} for a, b, same in coded.pairs],
            "persons": coded.persons,
            "groups": coded.groups,
            "wished": None if wished is None else list(wished),
        }
        answer = await self._ask_faces(
            VERIFY_FACES, found, {name: value for name, value in fields.items() if value is not None}
        )
        answer = {**answer, "remarks": [*coded.remarks, *answer["remarks"]]}
        for remark in answer["remarks"]:
            self.warn(RemarkWarning(f"verification: {remark}"))
        return FaceVerification(**FaceVerification.fields_of(answer, _common(answer, found)))

    async def _faces(self, given: Faces, name: str, options: Mapping[str, Any]) -> FaceSet:
        """Faces of vectors, of a file of them, or of pictures. Raises ValueError for none."""
        is_file = isinstance(given, str | os.PathLike) and Path(given).suffix.lower() in FILES
        vectors: Any = given
        if not (is_file or isinstance(given, Embeddings | WithEmbeddings)):
            vectors = await self.face_vectors(cast(Images, given), **options)
        try:
            return await face_set(vectors)
        except ValueError as exc:
            raise ValueError(f"{name}: {exc}") from exc

    async def _ask_faces(self, operation: Any, faces: FaceSet, fields: Content) -> Content:
        answer: Content = await with_uploads(
            self.transport,
            [vector_block(MODALITY, faces.made)],
            lambda sent: self.ask(operation, {**fields, "ids": _names(faces)}, vectors=sent),
            retry_for=self.limits.retry_for,
        )
        return answer


def _names(faces: FaceSet) -> list[str]:
    return [printable(id) for id in faces.made.ids]


def _counts(answer: Content, name: str) -> NDArray[np.int64]:
    return np.array([entry[name] for entry in answer["data"]], np.int64)


def _common(answer: Content, faces: FaceSet) -> dict[str, Any]:
    names = ("threshold", "threshold_origin", "model", "receipt", "notice")
    return {
        **{name: answer[name] for name in names},
        "ids": list(faces.made.ids),
        "answer": answer,
        "source": faces.source,
        "files": faces.files,
        "boxes": faces.boxes,
    }
