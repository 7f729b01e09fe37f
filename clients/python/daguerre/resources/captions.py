"""Methods of the client for captions: texts about pictures and about frames of videos."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from daguerre.corpus.analyses import AnalysesSummary, analyse_corpus, analyse_video_corpus, read_analyses
from daguerre.corpus.caption_store import CaptionStore
from daguerre.dispatch.collect import OnError
from daguerre.handles.reported import AsyncCaptions, reported
from daguerre.inputs.crops import with_crops
from daguerre.inputs.frames import checked_sampling
from daguerre.inputs.items import Images
from daguerre.inputs.videos import Videos, named_videos
from daguerre.resources.analyses import AnalysisMethods, Look, require_images, require_videos_alone
from daguerre.results.captions import Captions
from daguerre.transport.operations import CAPTION
from daguerre.types.captions import KIND, CaptionOptions


class CaptionMethods(AnalysisMethods):
    """Captions of pictures and of the frames of videos."""

    @reported(AsyncCaptions)
    async def caption(
        self,
        images: Images | None = None,
        *,
        prompt: str | None = None,
        max_tokens: int | None = None,
        model: str | None = None,
        videos: Videos | None = None,
        sampling: Mapping[str, Any] | None = None,
        crops: Any = None,
        ids: Sequence[str] | None = None,
        on_error: OnError = "collect",
        progress: bool | None = None,
    ) -> Captions:
        """Write a caption of each picture or frame, with an analyser that the server's owner imported.

        The same picture, prompt and analyser give the same caption. Validate captions before you count what they say.

        Parameters
        ----------
        prompt : beginning of the captions, such as "a photo of", which is part of their text; for an analyser that
            takes instructions, the instruction. None: the analyser's own.
        max_tokens : maximum number of tokens that are written; None: the analyser's own.
        model : an analyser of captions in `analysers()`; None: the default.
        images, videos, sampling, crops, ids, on_error, progress : as for `analyse`.

        Returns
        -------
        Captions : `.captions` (n,), `.to_pandas()` with a row for each picture or frame, `.receipt`, `.errors`,
            `.report("page.html")`. It is taken where texts are: `embed(texts=captions)`, `search("a flag", captions)`,
            `cluster(embeddings=X, name_texts=captions)`.

        Raises
        ------
        NotFoundError : the server has no analyser of captions.
        DaguerreError : any other subclass in daguerre.errors.

        Examples
        --------
        >>> captions = client.caption("photos/", prompt="a photo of")
        >>> captions.to_pandas()
        """
        asked = CaptionOptions(prompt=prompt, max_tokens=max_tokens, model=model)
        options = {KIND: asked.fields()}
        if videos is not None:
            require_videos_alone(images, crops)
            found = await self._of_videos(videos, _look(asked), options, sampling, ids, on_error, progress, "caption")
        else:
            require_images(images, sampling)
            found = await self._of_pictures(
                CAPTION, asked.fields(), options, images, crops, ids, on_error, progress, "caption"
            )
        return Captions.of(found)

    async def caption_corpus(
        self,
        images: Images | None = None,
        out: "str | os.PathLike[str] | None" = None,
        *,
        prompt: str | None = None,
        max_tokens: int | None = None,
        model: str | None = None,
        videos: Videos | None = None,
        sampling: Mapping[str, Any] | None = None,
        crops: Any = None,
        retry_errors: bool = False,
        retry_for: float = 3600.0,
        progress: bool | None = None,
    ) -> AnalysesSummary:
        """Caption a folder of any size into a Parquet file. An interrupted run continues when it is called again.

        Nothing that was written is asked again, whether this program or the server was ended; files with the same
        content are captioned once.

        Parameters
        ----------
        out : a .parquet file with a row for each picture, or for each frame of videos: id, caption, score, ended,
            tokens, remark, error_code, error_message, and the size of the picture. NAME.pictures.parquet beside it has
            the sizes and times of the files, NAME.frames.parquet the frames of videos.
        retry_errors : retry pictures that failed in an earlier run.
        retry_for : seconds for which a failing request with images is retried.
        prompt, max_tokens, model : as for `caption`.
        images, videos, sampling, crops, progress : as for `analyse_corpus`.

        Returns
        -------
        AnalysesSummary : numbers of pictures that were captioned, were there already, and failed.

        Raises
        ------
        FingerprintMismatchError : the file has captions of another analyser or prompt. It is not changed.
        ValueError : the file has other columns.

        Examples
        --------
        >>> client.caption_corpus("photos/", "captions.parquet")
        >>> captions = client.read_captions("captions.parquet")
        """
        asked = CaptionOptions(prompt=prompt, max_tokens=max_tokens, model=model)
        options = {KIND: asked.fields()}
        if out is None:
            raise TypeError("out: is missing; name a .parquet file")
        if videos is not None:
            require_videos_alone(images, crops)
            chosen = {"thumbnail": None, **checked_sampling(sampling)}
            done = await analyse_video_corpus(
                self,
                named_videos(videos),
                out,
                options,
                chosen,
                lambda place, id, path: self._of_video(place, id, path, _look(asked), chosen),
                retry_errors=retry_errors,
                progress=progress,
                store_type=CaptionStore,
            )
            return replace(done, noun="captions")
        require_images(images, sampling)
        assert images is not None
        done = await analyse_corpus(
            self,
            with_crops(images, crops),
            out,
            options,
            retry_errors=retry_errors,
            retry_for=retry_for,
            progress=progress,
            request=(CAPTION, asked.fields()),
            store_type=CaptionStore,
        )
        return replace(done, noun="captions")

    @reported(AsyncCaptions)
    async def read_captions(self, path: "str | os.PathLike[str]") -> Captions:
        """Read the captions of `caption_corpus` back, to embed them or to show them on a page.

        Parameters
        ----------
        path : the .parquet file of captions, or of findings with captions; NAME.pictures.parquet is beside it.

        Raises
        ------
        ValueError : the file has no captions, or there is no table of pictures beside it.

        Examples
        --------
        >>> X = client.embed(texts=client.read_captions("captions.parquet"))
        """
        return Captions.of(await read_analyses(self, path))


def _look(asked: CaptionOptions) -> Look:
    return lambda clip: clip.caption(
        prompt=asked.prompt, max_tokens=asked.max_tokens, model=asked.model, progress=False
    )
