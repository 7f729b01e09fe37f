"""Methods of the client for what is in pictures and videos."""

import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeAlias, cast

from daguerre.corpus.analyses import AnalysesSummary, analyse_corpus, analyse_video_corpus, read_analyses
from daguerre.dispatch.collect import OnError
from daguerre.errors import ItemError, ItemFailedError, JobFailedError
from daguerre.handles.clip import AsyncClip
from daguerre.handles.reported import AsyncAnalyses, reported
from daguerre.inputs.columns import is_path
from daguerre.inputs.crops import with_crops
from daguerre.inputs.frames import checked_sampling
from daguerre.inputs.items import Images, count_items, image_sources
from daguerre.inputs.videos import VideoLike, Videos, named_videos
from daguerre.progress import Progress
from daguerre.resources.videos import VideoMethods
from daguerre.results.analyses import Analyses
from daguerre.results.base import Errors
from daguerre.session import check_on_error
from daguerre.transport.operations import ANALYSE, ANALYSERS, Operation
from daguerre.types.analyses import AnalyserCard, Analysers, AnalysesAnswer, requested
from daguerre.types.common import Payload

Look: TypeAlias = Callable[[AsyncClip], Awaitable[Analyses]]  # one operation on a video on the server
STILL = 320  # pixels of the longer side of the stills of frames, for the page


class AnalysisMethods(VideoMethods):
    """Text, objects, classes and features of pictures and of the frames of videos."""

    async def analysers(self) -> list[AnalyserCard]:
        """The analysers of the server, the default of each kind first."""
        return await self.ask(ANALYSERS)

    @reported(AsyncAnalyses)
    async def analyse(
        self,
        images: Images | None = None,
        analysers: Analysers = (),
        *,
        videos: Videos | None = None,
        sampling: Mapping[str, Any] | None = None,
        crops: Any = None,
        ids: Sequence[str] | None = None,
        on_error: OnError = "collect",
        progress: bool | None = None,
    ) -> Analyses:
        """Find out what is in pictures or videos, with several analysers at once: each picture is decoded once.

        Parameters
        ----------
        analysers : kinds, such as ["text", "objects"], or their options by kind, such as
            {"objects": {"labels": ["person"], "min_score": 0.5}}; `analysers()` lists them all.
        images, crops, ids, on_error, progress : as for `embed`. Boxes of findings in a crop are in pixels of the whole
            upright picture.
        videos : a folder (with its subfolders), a path, a glob, bytes, an open file, any iterable of these, or a
            mapping {id: video}, in place of images. Each is uploaded, and analysed as a job.
        sampling : how frames of videos are chosen, as arguments of `video`, such as {"every": "2s", "find_shots":
            True}; None: a frame each second.

        Returns
        -------
        Analyses : `.to_pandas()` with a row for each finding, `.values` with a row for each picture, `.counts()`,
            `.texts`, `.captions`, `.crops(label)`, `.errors`, `.receipts`; of videos `.frames`, `.counts(over="time")`,
            `.lines()`. `.report("page.html")` writes a contact sheet with boxes, counts and scores.

        Raises
        ------
        DaguerreError : any subclass in daguerre.errors.

        Examples
        --------
        >>> client = Client()
        >>> A = client.analyse("photos/", ["objects", "visual"])
        >>> len(A)
        3
        """
        kinds = requested(analysers)
        if videos is not None:
            require_videos_alone(images, crops)
            look: Look = lambda clip: clip.analyse(kinds, progress=False)  # noqa: E731
            return await self._of_videos(videos, look, kinds, sampling, ids, on_error, progress, "analyse")
        require_images(images, sampling)
        fields = {"analysers": kinds}
        return await self._of_pictures(ANALYSE, fields, kinds, images, crops, ids, on_error, progress, "analyse")

    async def _of_pictures(
        self,
        operation: Operation[Any],
        fields: Mapping[str, Any],
        options: Mapping[str, Any],
        images: Any,
        crops: Any,
        ids: Sequence[str] | None,
        on_error: OnError,
        progress: bool | None,
        what: str,
    ) -> Analyses:
        """The findings in pictures; `options` are those that are stated where none could be used."""
        pictures = with_crops(images, crops)

        async def ask(items: Sequence[Payload]) -> AnalysesAnswer:
            answer: AnalysesAnswer = await self.transport.call(operation, fields, items=items)
            return answer

        given = image_sources(pictures, ids)
        gathered = await self.gather(given, lambda: count_items(pictures), ask, on_error, progress, what, None)
        entries: list[Any] = [None] * len(gathered.ids)
        for places, answer in gathered.answers:
            for place, entry in zip(places, answer.entries, strict=True):
                entries[place] = entry
        return Analyses(
            ids=gathered.ids,
            files=gathered.files,
            errors=gathered.errors,
            entries=entries,
            receipts=gathered.answers[0][1].receipts if gathered.answers else {},
            options=gathered.answers[0][1].options if gathered.answers else options,
            first_of_many=gathered.marks["first_of_many"],
            servers=gathered.servers,
        )

    async def _of_videos(
        self,
        videos: Videos,
        look: Look,
        options: Mapping[str, Any],
        sampling: Mapping[str, Any] | None,
        ids: Sequence[str] | None,
        on_error: OnError,
        progress: bool | None,
        what: str,
    ) -> Analyses:
        """The findings in videos, one after the other."""
        check_on_error(on_error)
        chosen = {"thumbnail": STILL, **checked_sampling(sampling)}
        named = named_videos(videos, ids)
        found: list[Analyses | ItemError] = []
        shown = Progress.wanted(self.progress if progress is None else progress)
        with Progress(shown, total=len(named), what=what, unit="videos") as bar:
            for i, (id, video) in enumerate(named):
                one = await self._of_video(i, id, video, look, chosen)
                if isinstance(one, ItemError) and on_error == "raise":
                    raise ItemFailedError(one)
                found.append(one)
                bar.add(1, failed=isinstance(one, ItemError))
        errors = Errors([one for one in found if isinstance(one, ItemError)])
        if errors:
            self.warn(f"{len(errors):,} of {len(named):,} videos could not be used; see .errors")
        first = next((one for one in found if isinstance(one, Analyses)), None)
        return Analyses(
            ids=[id for id, _ in named],
            files=[os.fsdecode(cast(Any, video)) if is_path(video) else id for id, video in named],
            errors=errors,
            entries=[one.entries[0] if isinstance(one, Analyses) else None for one in found],
            receipts=first.receipts if first else {},
            options=first.options if first else options,
        )

    async def _of_video(
        self, place: int, id: str, video: VideoLike, look: Look, sampling: Mapping[str, Any]
    ) -> Analyses | ItemError:
        """The findings in one video, or why there are none."""
        try:
            async with await self.video(video, name=id, progress=False, **sampling) as clip:
                return await look(clip)
        except ItemFailedError as exc:
            return replace(exc.item, index=place, id=id)
        except JobFailedError as exc:
            return ItemError(place, id, exc.code, exc.message)
        except OSError as exc:
            return ItemError(place, id, "unreadable_file", f"cannot be read: {exc.strerror or exc}; check the path")
        except TypeError as exc:
            return ItemError(place, id, "unsupported_video", str(exc).removeprefix("video: "))

    async def analyse_corpus(
        self,
        images: Images | None = None,
        out: "str | os.PathLike[str] | None" = None,
        analysers: Analysers = (),
        *,
        videos: Videos | None = None,
        sampling: Mapping[str, Any] | None = None,
        crops: Any = None,
        retry_errors: bool = False,
        retry_for: float = 3600.0,
        progress: bool | None = None,
    ) -> AnalysesSummary:
        """Analyse a folder of any size into Parquet files. An interrupted run continues when it is called again.

        Parameters
        ----------
        out : a .parquet file with a row for each finding, as `Analyses.to_pandas`. Beside it, NAME.pictures.parquet has
            a row for each picture or video: its numbers, its remark and error, size and time of its file; and
            NAME.frames.parquet one for each frame of a video, as `Analyses.frames`.
        retry_errors : retry pictures that failed in an earlier run.
        retry_for : seconds for which a failing request with images is retried.
        images, analysers, videos, sampling, crops, progress : as for `analyse`. Stills of frames are stored where
            `sampling` asks for a thumbnail.

        Returns
        -------
        AnalysesSummary : numbers of pictures that were analysed, were there already, and failed.

        Raises
        ------
        FingerprintMismatchError : the file has findings of other analysers or options. It is not changed.
        """
        kinds = requested(analysers)
        if out is None:
            raise TypeError("out: is missing; name a .parquet file")
        if videos is not None:
            require_videos_alone(images, crops)
            chosen = {"thumbnail": None, **checked_sampling(sampling)}
            look: Look = lambda clip: clip.analyse(kinds, progress=False)  # noqa: E731
            return await analyse_video_corpus(
                self,
                named_videos(videos),
                out,
                kinds,
                chosen,
                lambda place, id, path: self._of_video(place, id, path, look, chosen),
                retry_errors=retry_errors,
                progress=progress,
            )
        require_images(images, sampling)
        return await analyse_corpus(
            self,
            with_crops(cast(Images, images), crops),
            out,
            kinds,
            retry_errors=retry_errors,
            retry_for=retry_for,
            progress=progress,
        )

    @reported(AsyncAnalyses)
    async def read_analyses(self, path: "str | os.PathLike[str]") -> Analyses:
        """Read the findings of `analyse_corpus` back, for example for a page of them.

        Parameters
        ----------
        path : the .parquet file of findings; NAME.pictures.parquet is beside it. The corners of lines of text are not
            in these files, only their boxes.

        Raises
        ------
        ValueError : the file is none of findings, or there is no table of pictures beside it.

        Examples
        --------
        >>> client.read_analyses("findings.parquet").report("page.html", images="photos/")
        """
        return await read_analyses(self, path)


def require_videos_alone(images: object, crops: object) -> None:
    """Raise ValueError where there are images beside videos."""
    if images is not None or crops is not None:
        raise ValueError("give images or videos; for both, call it twice (crops are of images)")


def require_images(images: object, sampling: object) -> None:
    """Raise ValueError where there are neither images nor videos, or a sampling of frames without videos."""
    if sampling is not None:
        raise ValueError("sampling: chooses frames of videos; give videos, or leave it out")
    if images is None:
        raise ValueError("give images or videos")
