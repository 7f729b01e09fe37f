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
        """Embed a folder of any size into a Parquet file; killed and called again, it goes on where it was.

        Parameters
        ----------
        source : a folder (ids are paths relative to it), a glob, or an iterable of paths.
        out : the file: id, sha256, vector, model, fingerprint, error. Parts lie in `<out>.parts` until it is complete.
        retry_errors : try items again that the server could not use.
        retry_for : seconds that a failing request is tried again: an hour, so that a night's run survives a restart.
        model, decode, progress : as for `embed`.

        Returns
        -------
        CorpusSummary : how many were embedded now, were there already, failed.

        Raises
        ------
        FingerprintMismatchError : what is there was made by another model, or with other settings. Nothing is changed.

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
