"""Methods of the client for corpora."""

import os

from daguerre.corpus.run import embed_corpus
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
        model: str | None = None,
        decode: Decode | None = None,
        retry_errors: bool = False,
        retry_for: float = 3600.0,
        progress: bool | None = None,
    ) -> CorpusSummary:
        """Embed a folder of any size into a Parquet file. An interrupted run continues when it is called again.

        Parameters
        ----------
        source : a folder (ids are paths relative to it), a glob, or an iterable of paths.
        out : the file: id, sha256, vector, model, fingerprint, error. Parts lie in `<out>.parts` until it is complete.
        retry_errors : retry items that failed in an earlier run.
        retry_for : seconds for which a failing request is retried: an hour, so that a long run survives a restart.
        model, decode, progress : as for `embed`.

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
