"""Methods of the client for corpora."""

import os
from typing import Any

from daguerre.corpus.run import embed_corpus
from daguerre.inputs.crops import with_crops
from daguerre.inputs.items import Images
from daguerre.results.corpus import CorpusSummary
from daguerre.session import Session
from daguerre.types.common import Decode


class CorpusMethods(Session):
    """Embeddings of folders of any size."""

    async def embed_corpus(
        self,
        source: Images,
        out: "str | os.PathLike[str]",
        *,
        crops: Any = None,
        model: str | None = None,
        decode: Decode | None = None,
        retry_errors: bool = False,
        retry_for: float = 3600.0,
        progress: bool | None = None,
    ) -> CorpusSummary:
        """Embed a folder of any size into a Parquet file. An interrupted run continues when it is called again.

        Parameters
        ----------
        source : a folder, a glob, an iterable of paths, or a mapping from ids to paths. Ids are as for `embed`.
        out : the file: id, sha256, vector, model, fingerprint, error. Parts lie in `<out>.parts` until it is complete.
        retry_errors : retry items that failed in an earlier run.
        retry_for : seconds for which a failing request is retried: an hour, so that a long run survives a restart.
        crops, model, decode, progress : as for `embed`. A crop is embedded again where it or its file has changed.

        Returns
        -------
        CorpusSummary : numbers of items that were embedded, were there already, and failed.

        Raises
        ------
        FingerprintMismatchError : the file has vectors of another model or other settings. It is not changed.

        Examples
        --------
        >>> client = Client()
        >>> client.embed_corpus("photos/", "photos.parquet").embedded
        3
        """
        source = with_crops(source, crops)
        return await embed_corpus(
            self,
            source,
            out,
            model=model,
            decode=decode,
            retry_errors=retry_errors,
            retry_for=retry_for,
            progress=progress,
        )
