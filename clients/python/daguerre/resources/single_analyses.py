"""Methods of the client that apply one analyser: text, objects, faces, classes, features."""

import os
from collections.abc import Mapping, Sequence
from typing import Any

from daguerre.corpus.analyses import read_analyses
from daguerre.dispatch.collect import OnError
from daguerre.handles.reported import AsyncAnalyses, AsyncFaceVectors, reported
from daguerre.inputs.items import Images
from daguerre.inputs.videos import Videos
from daguerre.resources.analyses import AnalysisMethods
from daguerre.results.analyses import Analyses
from daguerre.results.face_vectors import FaceVectors, with_vectors


class SingleAnalysisMethods(AnalysisMethods):
    """One analyser for pictures and for the frames of videos."""

    @reported(AsyncAnalyses)
    async def read_text(
        self,
        images: Images | None = None,
        *,
        min_score: float | None = None,
        max_lines: int | None = None,
        long_side: int | None = None,
        model: str | None = None,
        videos: Videos | None = None,
        sampling: Mapping[str, Any] | None = None,
        crops: Any = None,
        ids: Sequence[str] | None = None,
        on_error: OnError = "collect",
        progress: bool | None = None,
    ) -> Analyses:
        """Read the text in pictures: `.texts` has the lines of each, `.to_pandas()` a row for each line with its box.

        Parameters
        ----------
        min_score : lowest score of a line that is given; None: the server's default.
        max_lines : maximum number of lines of a picture.
        long_side : longer side, in pixels, at which a picture is searched; more finds smaller print.
        model : an analyser of this kind in `analysers()`; None: the default.
        images, videos, sampling, crops, ids, on_error, progress : as for `analyse`.
        """
        options = {"min_score": min_score, "max_lines": max_lines, "long_side": long_side, "model": model}
        return await self.analyse(
            images,
            {"text": options},
            videos=videos,
            sampling=sampling,
            crops=crops,
            ids=ids,
            on_error=on_error,
            progress=progress,
        )

    @reported(AsyncAnalyses)
    async def detect(
        self,
        images: Images | None = None,
        *,
        labels: Sequence[str] | None = None,
        min_score: float | Mapping[str, float] | None = None,
        limit: int | None = None,
        overlap: float | None = None,
        model: str | None = None,
        videos: Videos | None = None,
        sampling: Mapping[str, Any] | None = None,
        crops: Any = None,
        ids: Sequence[str] | None = None,
        on_error: OnError = "collect",
        progress: bool | None = None,
    ) -> Analyses:
        """Find objects in pictures: `.counts()` has the number of each label, `.to_pandas()` a row for each object.

        Parameters
        ----------
        labels : classes to look for, among those of the analyser; None: all of them. An analyser that looks for words,
            such as OWLv2, takes labels of your own: ["a placard", "a rainbow flag"].
        min_score : lowest score of an object that is given, or {label: lowest score}; None: the server's default.
        limit : maximum number of objects of a picture.
        overlap : largest overlap (intersection over union, 0 to 1) of two boxes of one label; of two that overlap by
            more, the one with the higher score is given. None: the analyser's default.
        model : an analyser of this kind in `analysers()`; None: the default.
        images, videos, sampling, crops, ids, on_error, progress : as for `analyse`.

        Examples
        --------
        >>> client = Client()
        >>> people = client.detect("photos/", labels=["person"], min_score=0.5)
        >>> len(people)
        3
        """
        options: dict[str, Any] = {"labels": None if labels is None else list(labels)}
        options |= {"limit": limit, "model": model, "overlap": overlap}
        options["min_scores" if isinstance(min_score, Mapping) else "min_score"] = min_score
        return await self.analyse(
            images,
            {"objects": options},
            videos=videos,
            sampling=sampling,
            crops=crops,
            ids=ids,
            on_error=on_error,
            progress=progress,
        )

    @reported(AsyncAnalyses)
    async def faces(
        self,
        images: Images | None = None,
        *,
        size: int | None = None,
        min_score: float | None = None,
        limit: int | None = None,
        model: str | None = None,
        videos: Videos | None = None,
        sampling: Mapping[str, Any] | None = None,
        crops: Any = None,
        ids: Sequence[str] | None = None,
        on_error: OnError = "collect",
        progress: bool | None = None,
    ) -> Analyses:
        """Find faces in pictures: `.values` has their number, `.to_pandas()` a row for each with its box and points.

        Parameters
        ----------
        size : pixels of the longer side at which a picture is searched: 640, 960, or 1280 for crowds; None: 640.
        min_score : lowest score of a face that is given; None: 0.7.
        limit : maximum number of faces of a picture, up to 1,000.
        model : an analyser of this kind in `analysers()`; None: the default.
        images, videos, sampling, crops, ids, on_error, progress : as for `analyse`.

        Examples
        --------
        >>> client = Client()
        >>> F = client.faces("photos/", size=1280)
        >>> F.counts()
        >>> vectors = client.embed("photos/", crops=F.crops())
        """
        options = {"size": size, "min_score": min_score, "limit": limit, "model": model}
        return await self.analyse(
            images,
            {"faces": options},
            videos=videos,
            sampling=sampling,
            crops=crops,
            ids=ids,
            on_error=on_error,
            progress=progress,
        )

    @reported(AsyncFaceVectors)
    async def face_vectors(
        self,
        images: Images | None = None,
        *,
        size: int | None = None,
        min_score: float | None = None,
        limit: int | None = None,
        model: str | None = None,
        videos: Videos | None = None,
        sampling: Mapping[str, Any] | None = None,
        crops: Any = None,
        ids: Sequence[str] | None = None,
        on_error: OnError = "collect",
        progress: bool | None = None,
    ) -> FaceVectors:
        """Find faces in pictures, and embed each: by its vector a person is found on other pictures.

        Vectors of faces are biometric data. The server refuses this unless its owner has switched it on
        (DAGUERRE_FACE_RECOGNITION=true); docs/faces.md has what to consider first.

        Parameters
        ----------
        size, min_score, limit : as for `faces`.
        model : an analyser of this kind in `analysers()`; None: the default.
        images, videos, sampling, crops, ids, on_error, progress : as for `analyse`.

        Returns
        -------
        FaceVectors : `.vectors` (n, d), `.faces` (their ids), `.to_pandas()` with a row for each face, `.crops()`,
            `.to_parquet(path)`. `cluster`, `search` and `duplicates` take it as embeddings.

        Raises
        ------
        PermissionDeniedError : faces are not compared on this server (code switched_off).

        Examples
        --------
        >>> F = client.face_vectors("photos/")
        >>> F.vectors @ F.vectors.T
        >>> F.to_parquet("faces.parquet")
        """
        options = {"size": size, "min_score": min_score, "limit": limit, "model": model}
        found = await self.analyse(
            images,
            {"face_vectors": options},
            videos=videos,
            sampling=sampling,
            crops=crops,
            ids=ids,
            on_error=on_error,
            progress=progress,
        )
        return with_vectors(found)

    @reported(AsyncFaceVectors)
    async def read_face_vectors(self, path: "str | os.PathLike[str]") -> FaceVectors:
        """Read the faces of `daguerre face-vectors` or of `analyse_corpus` back.

        Parameters
        ----------
        path : the .parquet file of findings; NAME.pictures.parquet is beside it. Where only the vectors are needed, as
            for `cluster`, give its path there.

        Raises
        ------
        ValueError : the file is none of findings, or there is no table of pictures beside it.
        """
        return with_vectors(await read_analyses(self, path))

    @reported(AsyncAnalyses)
    async def face_attributes(
        self,
        images: Images | None = None,
        attributes: Sequence[str] | None = None,
        *,
        size: int | None = None,
        min_score: float | None = None,
        limit: int | None = None,
        model: str | None = None,
        videos: Videos | None = None,
        sampling: Mapping[str, Any] | None = None,
        crops: Any = None,
        ids: Sequence[str] | None = None,
        on_error: OnError = "collect",
        progress: bool | None = None,
    ) -> Analyses:
        """Guess apparent age, perceived gender and expression of faces, where the server's owner permits it.

        Each is guessed on eighteen crops of the face, and given with its range; a label is "undecided" where crops
        disagree. No one's age, gender or feelings: validate by group (`validate(..., by=...)`) before you report.

        Parameters
        ----------
        attributes : some of "age", "gender", "expression"; None: all that the server has and permits.
        size : pixels of the longer side at which a picture is searched for faces: 640, 960 or 1280; None: 640.
        min_score : lowest score of a face that is given; None: 0.7.
        limit : maximum number of faces of a picture, up to 100.
        model : an analyser of this kind in `analysers()`; None: the default.
        images, videos, sampling, crops, ids, on_error, progress : as for `analyse`.

        Raises
        ------
        PermissionDeniedError : the server's owner does not permit it, or one of the attributes.

        Examples
        --------
        >>> client = Client()
        >>> A = client.face_attributes("photos/", ["expression"])
        >>> A.to_pandas()[["id", "expression", "expression_votes"]]
        """
        options: dict[str, Any] = {"attributes": None if attributes is None else list(attributes)}
        options |= {"size": size, "min_score": min_score, "limit": limit, "model": model}
        return await self.analyse(
            images,
            {"face_attributes": options},
            videos=videos,
            sampling=sampling,
            crops=crops,
            ids=ids,
            on_error=on_error,
            progress=progress,
        )

    @reported(AsyncAnalyses)
    async def classify(
        self,
        images: Images | None = None,
        model: str | None = None,
        *,
        top: int | None = None,
        min_score: float | None = None,
        labels: Sequence[str] | None = None,
        level: str | None = None,
        videos: Videos | None = None,
        sampling: Mapping[str, Any] | None = None,
        crops: Any = None,
        ids: Sequence[str] | None = None,
        on_error: OnError = "collect",
        progress: bool | None = None,
    ) -> Analyses:
        """Name the classes of whole pictures with a network that was trained on them, such as ImageNet's.

        Parameters
        ----------
        model : an analyser of this kind in `analysers()`; None: the default.
        top : maximum number of classes of a picture.
        min_score : lowest score of a class that is given.
        labels : classes to give; None: all of them.
        level : "classes", or "hypernyms" for wider terms, such as dog, whose score is the sum of their classes' scores.
        images, videos, sampling, crops, ids, on_error, progress : as for `analyse`.
        """
        options: dict[str, Any] = {
            "labels": None if labels is None else list(labels),
            "top": top,
            "min_score": min_score,
        }
        options |= {"level": level, "model": model}
        return await self.analyse(
            images,
            {"classes": options},
            videos=videos,
            sampling=sampling,
            crops=crops,
            ids=ids,
            on_error=on_error,
            progress=progress,
        )

    @reported(AsyncAnalyses)
    async def visual_features(
        self,
        images: Images | None = None,
        *,
        videos: Videos | None = None,
        sampling: Mapping[str, Any] | None = None,
        crops: Any = None,
        ids: Sequence[str] | None = None,
        on_error: OnError = "collect",
        progress: bool | None = None,
    ) -> Analyses:
        """Measure brightness, colours, contrast, sharpness and other features of pictures, without a network.

        `.values` has them by picture. Parameters as for `analyse`.
        """
        return await self.analyse(
            images,
            ["visual"],
            videos=videos,
            sampling=sampling,
            crops=crops,
            ids=ids,
            on_error=on_error,
            progress=progress,
        )
